package apxs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// Errors a caller may decide by.
var (
	// ErrHeaders: the headers the module is compiled with are those of an
	// Apache whose modules the server does not load.
	ErrHeaders = errors.New("headers do not match the server")
	// ErrPairing: apxs and the server belong to different installations.
	ErrPairing = errors.New("apxs and server are not of one Apache")
)

// oldest is the first Apache whose module interface we use.
const oldest = "2.4"

// draft is an Info being filled.
type draft struct {
	*finder
	w    *witness
	info Info

	prefix, sysconf string // what apxs says: compared with the server's own words
}

// describe tells all about the Apache whose apxs is at path, or why no module
// can be built for it.
func (f *finder) describe(ctx context.Context, path string) (Info, error) {
	real := realPath(path)
	w, err := newWitness(ctx, f.r, real, f.root)
	if err != nil {
		if errors.Is(err, errPerl) {
			err = hint.New(err, f.sys.InstallLine("perl"))
		}
		return Info{}, hint.Exit(err, hint.NotFound)
	}
	d := &draft{finder: f, w: w, info: Info{Apxs: real, From: map[string]Provenance{}}}
	if w.err != nil {
		d.note("apxs itself cannot be asked, only its config_vars.mk was read: %v", w.err)
	}
	d.prefix, _ = w.ask(ctx, "PREFIX")
	for _, step := range []func(context.Context) error{d.headers, d.apr, d.folders, d.server} {
		if err := step(ctx); err != nil {
			return Info{}, err
		}
	}
	d.family()
	d.compiler(ctx)
	if len(w.unknown) > 0 {
		d.note("%s refers to what it does not define: %s", w.file, strings.Join(w.unknown, ", "))
	}
	return d.info, nil
}

func (d *draft) note(format string, args ...any) {
	d.info.Notes = append(d.info.Notes, fmt.Sprintf(format, args...))
}

func (d *draft) from(p Provenance, fields ...string) {
	for _, field := range fields {
		d.info.From[field] = p
	}
}

// headers finds httpd.h and takes version and module magic number from beside
// it (rules ).
func (d *draft) headers(ctx context.Context) error {
	dir, from, err := d.includeDir(ctx)
	if err != nil {
		return err
	}
	h, err := readHeaders(dir)
	if err != nil {
		return hint.Exit(fmt.Errorf("reading Apache's headers: %w", err), hint.NotFound)
	}
	d.info.IncludeDirs = []string{dir}
	d.info.Version, d.info.MMN = h.version, h.mmn
	d.from(from, "include_dirs")
	d.from(FromHeader, "version", "mmn")
	if older(h.version, oldest) {
		return hint.Exit(hint.New(fmt.Errorf("this is Apache %s: %s or later is needed", h.version, oldest),
			"name the apxs of a newer Apache: APXS=/path/to/apxs"), hint.Refused)
	}
	return nil
}

func (d *draft) includeDir(ctx context.Context) (string, Provenance, error) {
	said, from := d.w.ask(ctx, "INCLUDEDIR")
	if isFile(filepath.Join(said, "httpd.h")) {
		return said, from, nil
	}
	var guesses []string
	if d.prefix != "" {
		guesses = append(guesses, filepath.Join(d.prefix, "include"))
	}
	// The system's headers are no guess for an Apache that is not the system's.
	if bin := filepath.Dir(d.info.Apxs); bin == filepath.Join(d.root, "/usr/bin") || bin == filepath.Join(d.root, "/usr/sbin") {
		guesses = append(guesses, rooted(d.root, []string{"/usr/include/apache2", "/usr/include/httpd", "/usr/include/apache24"})...)
	}
	found, mmn := "", MMN{}
	for _, dir := range guesses {
		h, err := readHeaders(dir)
		if err != nil || !isFile(filepath.Join(dir, "httpd.h")) {
			continue
		}
		if found != "" && h.mmn != mmn {
			return "", "", fmt.Errorf("headers of two Apaches, in %s and %s, and apxs does not say which are its own", found, dir)
		}
		if found == "" {
			found, mmn = dir, h.mmn
		}
	}
	if found != "" {
		return found, FromGuess, nil
	}
	if said == "" {
		said = "a folder it does not name"
	}
	return "", "", d.absent(fmt.Errorf("the headers of Apache are missing: no httpd.h in %s", said))
}

// apr finds the headers of APR and APR-util, and the words that must be defined
// wherever they are included (rule A-6).
func (d *draft) apr(ctx context.Context) error {
	aprDir, from, err := d.aprInclude(ctx, "APR", "apr-1-config", "apr.h")
	if err != nil {
		return err
	}
	apuDir, _, err := d.aprInclude(ctx, "APU", "apu-1-config", "apu.h")
	if err != nil {
		return err
	}
	for _, dir := range []string{aprDir, apuDir} {
		if !slices.Contains(d.info.IncludeDirs, dir) {
			d.info.IncludeDirs = append(d.info.IncludeDirs, dir)
		}
	}
	d.info.Threads, d.info.HasForks, err = aprFeatures(aprDir)
	if err != nil {
		return fmt.Errorf("reading APR's headers: %w", err)
	}
	d.from(FromHeader, "threads", "has_forks")
	if !d.info.Threads {
		return hint.Exit(hint.New(fmt.Errorf("the APR of this Apache was built without threads (APR_HAS_THREADS in %s)", aprDir),
			"build APR and Apache with threads, or name another: APXS=/path/to/apxs"), hint.Refused)
	}

	if config := d.aprConfig(ctx, "APR", "apr-1-config"); config != "" {
		if out, err := d.r.Output(ctx, "", config, "--cppflags"); err == nil {
			d.define(out)
		}
	} else {
		from = FromFile
		d.note("no apr-1-config: APR's definitions are taken from apxs alone")
	}
	extra, _ := d.w.ask(ctx, "EXTRA_CPPFLAGS")
	d.define(extra)
	d.from(from, "defines")
	return nil
}

// aprInclude finds the folder of header. which is "APR" or "APU".
func (d *draft) aprInclude(ctx context.Context, which, config, header string) (string, Provenance, error) {
	dir, from := d.w.ask(ctx, which+"_INCLUDEDIR")
	if isFile(filepath.Join(dir, header)) {
		return dir, from, nil
	}
	if program := d.aprConfig(ctx, which, config); program != "" {
		// --includedir is one path; --includes would break at its blanks.
		dir, err := d.r.Output(ctx, "", program, "--includedir")
		if err == nil && isFile(filepath.Join(dir, header)) {
			return dir, FromApxs, nil
		}
	}
	include := d.info.IncludeDirs[0]
	for _, dir := range []string{include, filepath.Join(include, "../apr-1"), filepath.Join(include, "../apr-1.0")} {
		if isFile(filepath.Join(dir, header)) {
			return dir, FromGuess, nil
		}
	}
	return "", "", d.absent(fmt.Errorf("the headers of APR are missing: no %s for %s", header, d.info.Apxs))
}

func (d *draft) aprConfig(ctx context.Context, which, name string) string {
	said, _ := d.w.ask(ctx, which+"_CONFIG")
	bin, _ := d.w.ask(ctx, which+"_BINDIR")
	for _, path := range []string{said, filepath.Join(bin, name), name} {
		if strings.HasPrefix(path, "/") || path == name {
			if found, err := d.r.LookPath(path); err == nil {
				return found
			}
		}
	}
	return ""
}

// define keeps the -D and -U words of flags, each once. _FORTIFY_SOURCE is how
// Apache was hardened, not what its structures depend on.
func (d *draft) define(flags string) {
	list, err := words.Split(flags)
	if err != nil {
		d.note("flags of apxs cannot be read (%v): %s", err, flags)
		return
	}
	for i := 0; i < len(list); i++ {
		word := list[i]
		if (word == "-D" || word == "-U") && i+1 < len(list) {
			i++
			word += list[i]
		}
		if len(word) < 3 || word[:2] != "-D" && word[:2] != "-U" || strings.HasPrefix(word[2:], "_FORTIFY_SOURCE") {
			continue
		}
		if !slices.Contains(d.info.Defines, word) {
			d.info.Defines = append(d.info.Defines, word)
		}
	}
}

// folders finds where modules and configuration lie.
func (d *draft) folders(ctx context.Context) error {
	var from Provenance
	d.info.ModulesDir, from = d.w.ask(ctx, "LIBEXECDIR")
	d.from(from, "modules_dir")
	if d.info.ModulesDir == "" {
		return fmt.Errorf("apxs does not say where modules lie (LIBEXECDIR)")
	}
	if !isDir(d.info.ModulesDir) {
		d.note("the modules folder %s is not there", d.info.ModulesDir)
	}
	d.sysconf, from = d.w.ask(ctx, "SYSCONFDIR")
	d.info.ConfDir = d.sysconf
	d.from(from, "conf_dir")
	for _, name := range []string{"apache2.conf", "httpd.conf"} {
		if file := filepath.Join(d.sysconf, name); d.sysconf != "" && isFile(file) {
			d.info.ConfFile = file
			d.from(FromGuess, "conf_file")
			break
		}
	}
	return nil
}

// compiler takes the one apxs names, if it is there.
func (d *draft) compiler(ctx context.Context) {
	cc, from := d.w.ask(ctx, "CC")
	list, err := words.Split(cc)
	if err != nil || len(list) == 0 {
		return
	}
	if _, err := d.r.LookPath(list[0]); err == nil {
		d.info.CC = list
		d.from(from, "cc")
	}
}

// server finds the binary that belongs to this apxs and asks it. One that is
// not there is only noted: building needs none.
func (d *draft) server(ctx context.Context) error {
	d.info.MPM = "unknown"
	httpd, from := d.serverPath(ctx)
	if httpd == "" {
		d.note("no server binary belongs to %s", d.info.Apxs)
		return nil
	}
	rep, err := askBinary(ctx, d.r, httpd, d.sysconf, d.root)
	if err != nil {
		d.info.Httpd = httpd
		d.from(from, "httpd")
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
	d.from(from, "httpd")
	return nil
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
	return realPath(root) == sysconf || d.prefix != "" && realPath(root) == realPath(d.prefix) ||
		realPath(filepath.Dir(confFile(rep))) == sysconf
}

func (d *draft) serverPath(ctx context.Context) (string, Provenance) {
	sbin, from := d.w.ask(ctx, "SBINDIR")
	bin, _ := d.w.ask(ctx, "BINDIR")
	name, _ := d.w.ask(ctx, "progname", "TARGET")
	for _, dir := range []string{sbin, bin} {
		if dir != "" && name != "" {
			if path := filepath.Join(dir, name); isFile(path) {
				return realPath(path), from
			}
		}
	}
	beside := filepath.Dir(d.info.Apxs)
	for _, dir := range []string{sbin, bin, beside, filepath.Join(beside, "../sbin")} {
		for _, name := range httpdNames {
			if path := filepath.Join(dir, name); dir != "" && isFile(path) {
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
			info.Notes = append(info.Notes, fmt.Sprintf("the server %s (%s) is older than its headers (%s)", httpd, rep.Version, info.Version))
		}
		return nil
	}
	err := fmt.Errorf("%w: apxs %s builds for Apache %s (module magic number %d), %s is %s (%d)",
		ErrHeaders, info.Apxs, info.Version, want.Major, httpd, rep.Version, have.Major)
	return hint.Exit(hint.New(err, ownApxs(httpd)), hint.Refused)
}

func mismatch(info *Info, httpd, why string) error {
	err := fmt.Errorf("%w: apxs %s and server %s: %s", ErrPairing, info.Apxs, httpd, why)
	return hint.Exit(hint.New(err, ownApxs(httpd)), hint.Refused)
}

// ownApxs is the advice to name the apxs of httpd: the very one, if it is there.
func ownApxs(httpd string) string {
	for _, dir := range []string{filepath.Dir(httpd), filepath.Join(filepath.Dir(httpd), "../bin")} {
		for _, name := range apxsNames {
			if path := filepath.Join(dir, name); isFile(path) {
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
	if info.MPM == "unknown" {
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

// family classifies by what lies in the configuration, then by the system's own
// word; an Apache with neither is one somebody built (rule A-11).
func (d *draft) family() {
	conf := d.info.ConfDir
	d.from(FromGuess, "family")
	switch {
	case isDir(filepath.Join(conf, "mods-available")):
		d.info.Family = "debian"
	case isDir(filepath.Join(conf, "conf.modules.d")), isDir(filepath.Join(conf, "../conf.modules.d")):
		d.info.Family = "fedora"
	case d.systems() && exists(filepath.Join(d.root, "/etc/sysconfig/apache2")):
		d.info.Family = "suse"
	case d.systems() && d.sys.Family != "":
		d.info.Family = d.sys.Family
	default:
		d.info.Family = "source"
	}
}

// systems tells whether this is the system's own Apache.
func (d *draft) systems() bool {
	etc := filepath.Join(d.root, "/etc") + string(os.PathSeparator)
	return strings.HasPrefix(d.info.ConfDir, etc) || strings.HasPrefix(d.sysconf, etc)
}
