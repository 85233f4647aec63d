package apxs

import (
	"context"
	"fmt"
	"path/filepath"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// server finds the binary that belongs to this apxs and asks it. One that is
// not there is only noted: building needs none.
func (d *draft) server(ctx context.Context) error {
	d.info.MPM = unknownMPM
	d.from(FromGuess, "mpm")
	d.configuration(ctx)
	httpd, from := d.serverPath(ctx)
	if httpd == "" {
		d.flag(FlagNoServer, "no server binary belongs to %s", d.name())
		return nil
	}
	d.info.Httpd = httpd
	d.from(from, "httpd")
	rep, err := askBinary(ctx, d.r, httpd, d.sysconf, d.root)
	if err != nil {
		d.note("%v", err)
		return nil
	}
	if err := matchMMN(&d.info, httpd, rep); err != nil {
		return err
	}
	if !d.samePlace(rep) {
		return mismatch(&d.info, httpd, fmt.Sprintf("its configuration is %s, that of apxs lies in %s", confFile(rep), d.sysconf))
	}
	take(&d.info, httpd, rep)
	return nil
}

// name is what this Apache is spoken of by.
func (d *draft) name() string {
	if d.given != "" {
		return d.given
	}
	return d.info.Apxs
}

// configuration is where apxs says it lies; what the server says wins later.
func (d *draft) configuration(ctx context.Context) {
	d.set(ctx, &d.info.ConfDir, "conf_dir", "SYSCONFDIR")
	d.sysconf = d.info.ConfDir
	for _, name := range []string{"apache2.conf", "httpd.conf"} {
		if file := filepath.Join(d.sysconf, name); d.sysconf != "" && fsx.IsFile(file) {
			d.info.ConfFile = file
			d.from(FromGuess, "conf_file")
			return
		}
	}
}

// samePlace tells whether the folders the server was compiled with are those
// apxs names. Which of them agree depends on the distribution; in a private
// build all do.
func (d *draft) samePlace(rep Report) bool {
	root := rep.Compiled["HTTPD_ROOT"]
	if root == "" || d.sysconf == "" {
		return true
	}
	sysconf := realPath(d.sysconf)
	return realPath(root) == sysconf || d.info.Prefix != "" && realPath(root) == realPath(d.info.Prefix) ||
		realPath(filepath.Dir(confFile(rep))) == sysconf
}

// serverPath is the binary as apxs names it, else the one that lies near.
func (d *draft) serverPath(ctx context.Context) (string, Provenance) {
	sbin, from := d.w.ask(ctx, "SBINDIR")
	bin, _ := d.w.ask(ctx, "BINDIR")
	name, _ := d.w.ask(ctx, "PROGNAME", "TARGET")
	for _, dir := range []string{sbin, bin} {
		if dir != "" && name != "" {
			if path := filepath.Join(dir, name); fsx.IsFile(path) {
				return realPath(path), from
			}
		}
	}
	beside := filepath.Dir(d.info.Apxs)
	dirs := []string{sbin, bin, beside, filepath.Join(beside, "../sbin")}
	if d.given != "" { // PREFIX/include, or /usr/include/apache2
		dirs = nil
		for _, up := range []string{"..", "../.."} {
			dirs = append(dirs, filepath.Join(d.given, up, "bin"), filepath.Join(d.given, up, "sbin"))
		}
	}
	for _, dir := range dirs {
		for _, name := range httpdNames {
			if path := filepath.Join(dir, name); dir != "" && fsx.IsFile(path) {
				return realPath(path), FromGuess
			}
		}
	}
	return "", ""
}

// Pair makes info that of the server httpd, given by a person beside the apxs:
// what the server says of itself replaces what was known of another. The error
// is [ErrHeaders] or [ErrPairing] if modules of the one do not fit the other.
func Pair(ctx context.Context, r *run.Runner, info *Info, httpd string) error {
	path, err := r.LookPath(httpd)
	if err != nil {
		return hint.Exit(fmt.Errorf("the server %s: %w", words.Quote(httpd), err), hint.NotFound)
	}
	path = realPath(path)
	rep, err := askBinary(ctx, r, path, info.ConfDir, "")
	if err != nil {
		return err
	}
	if err := matchMMN(info, path, rep); err != nil {
		return err
	}
	if root := rep.Compiled["HTTPD_ROOT"]; info.Root != "" && root != "" && realPath(root) != realPath(info.Root) {
		return mismatch(info, path, fmt.Sprintf("its root is %s, that of apxs is %s", root, info.Root))
	}
	take(info, path, rep)
	info.From["httpd"] = FromGuess
	return nil
}

// matchMMN compares the headers with the binary (rule A-9).
func matchMMN(info *Info, httpd string, rep Report) error {
	have, want := rep.MMN, info.MMN
	if have.Major == 0 || have.Major == want.Major {
		if have.Major != 0 && have.Minor < want.Minor {
			info.Flags = append(info.Flags, FlagOldServer)
			info.Notes = append(info.Notes, fmt.Sprintf("the server %s (%s) is older than its headers (%s)", httpd, rep.Version, info.Version))
		}
		return nil
	}
	err := fmt.Errorf("%w: apxs %s builds for Apache %s (module magic number %d), %s is %s (%d)",
		ErrHeaders, info.Apxs, info.Version, want.Major, httpd, rep.Version, have.Major)
	return hint.Exit(hint.New(&flagged{err, FlagHeaders}, ownApxs(httpd)), hint.Refused)
}

func mismatch(info *Info, httpd, why string) error {
	err := fmt.Errorf("%w: apxs %s and server %s: %s", ErrPairing, info.Apxs, httpd, why)
	return hint.Exit(hint.New(&flagged{err, FlagPairing}, ownApxs(httpd)), hint.Refused)
}

// ownApxs is the advice to name the apxs of httpd: the very one, if it is there.
func ownApxs(httpd string) string {
	for _, dir := range []string{filepath.Dir(httpd), filepath.Join(filepath.Dir(httpd), "../bin")} {
		for _, name := range apxsNames {
			if path := filepath.Join(dir, name); fsx.IsFile(path) {
				return "name the apxs of that server: APXS=" + words.Quote(path)
			}
		}
	}
	return "name the apxs that came with that server: APXS=/path/to/apxs"
}

// take fills what the server says of itself.
func take(info *Info, httpd string, rep Report) {
	info.Httpd, info.Running, info.MPM = httpd, rep.Version, rep.MPM
	fields := []string{"running", "mpm"}
	if root := rep.Compiled["HTTPD_ROOT"]; root != "" {
		info.Root = root
		fields = append(fields, "root")
	}
	if file := confFile(rep); file != "" {
		info.ConfFile, info.ConfDir = file, filepath.Dir(file)
		fields = append(fields, "conf_file", "conf_dir")
	}
	for _, field := range fields {
		info.From[field] = FromBinary
	}
	if rep.guessed {
		info.From["mpm"] = FromGuess
	}
}

// confFile is the configuration file rep's server reads, "" if it does not say.
func confFile(rep Report) string {
	file := rep.Compiled["SERVER_CONFIG_FILE"]
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(rep.Compiled["HTTPD_ROOT"], file)
}
