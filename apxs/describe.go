package apxs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
)

// oldest is the first Apache whose module interface we use.
const oldest = "2.4"

// draft is an Info being filled.
type draft struct {
	*finder
	w    *witness
	info Info

	sysconf string // what apxs says: compared with the server's own words
	given   string // the folder of headers that stands for an Apache without apxs
}

// describe tells all about the Apache whose apxs, or folder of headers, is at
// path, or why no module can be built for it. What was found up to an error is
// returned with it.
func (f *finder) describe(ctx context.Context, path string) (Info, error) {
	d := &draft{finder: f, info: Info{From: map[string]Provenance{}}}
	err := d.fill(ctx, realPath(path))
	if err != nil && d.info.Httpd == "" {
		d.info.Httpd, _ = d.serverPath(ctx) // it is this one's, whatever is wrong
	}
	return d.info, err
}

func (d *draft) fill(ctx context.Context, path string) error {
	if fsx.IsDir(path) {
		d.given, d.w = path, &witness{err: errNoApxs}
	} else {
		d.info.Apxs = path
		d.from(FromGuess, "apxs")
		w, err := newWitness(ctx, d.r, path, d.root)
		if d.w = w; err != nil {
			return d.unasked(err)
		}
	}
	d.witnessed()
	for _, step := range []func(context.Context) error{d.headers, d.apr, d.server, d.modules} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	d.options(ctx)
	d.reported(ctx)
	if len(d.w.unknown) > 0 {
		d.note("%s refers to what it does not define: %s", d.w.file, strings.Join(d.w.unknown, ", "))
	}
	if d.w.noAprConfig && !d.info.Has(FlagNoAprConfig) {
		d.flag(FlagNoAprConfig, "apxs does not find the apr-1-config that it was built with")
	}
	return nil
}

// errNoApxs: there is no apxs, and no file of its.
var errNoApxs = errors.New("only a folder of headers was named")

// unasked is the error of an apxs that says nothing.
func (f *finder) unasked(err error) error {
	switch {
	case errors.Is(err, errPerl):
		err = hint.New(&flagged{err, FlagNoPerl}, f.sys.InstallLine("perl"))
	case errors.Is(err, errNoVars):
		err = hint.New(&flagged{err, FlagNoVars}, f.sys.InstallLine(f.sys.Package(devPackage)))
	}
	return hint.Exit(err, hint.NotFound)
}

// witnessed notes what could not be asked.
func (d *draft) witnessed() {
	const text = "apxs itself cannot be asked, only its config_vars.mk was read: %v"
	switch {
	case d.w.err == nil || d.given != "":
	case errors.Is(d.w.err, errPerl):
		d.flag(FlagNoPerl, text, d.w.err)
	default:
		d.note(text, d.w.err)
	}
}

func (d *draft) note(format string, args ...any) {
	d.info.Notes = append(d.info.Notes, fmt.Sprintf(format, args...))
}

// flag is a note that programs can tell.
func (d *draft) flag(f Flag, format string, args ...any) {
	d.info.Flags = append(d.info.Flags, f)
	d.note(format, args...)
}

func (d *draft) from(p Provenance, fields ...string) {
	for _, field := range fields {
		d.info.From[field] = p
	}
}

// set takes the value of the first of variables that has one for a field.
func (d *draft) set(ctx context.Context, into *string, field string, variables ...string) {
	value, from := d.w.ask(ctx, variables...)
	if value != "" {
		*into = value
		d.from(from, field)
	}
}

// headers finds httpd.h and takes version and module magic number from beside
// it (rules ).
func (d *draft) headers(ctx context.Context) error {
	d.set(ctx, &d.info.Prefix, "prefix", "PREFIX")
	dir, from, err := d.includeDir(ctx)
	if err != nil {
		return err
	}
	h, err := readHeaders(dir)
	if err != nil {
		return hint.Exit(&flagged{fmt.Errorf("reading Apache's headers: %w", err), FlagNoHeaders}, hint.NotFound)
	}
	d.info.IncludeDirs = []string{dir}
	d.info.Version, d.info.MMN, d.info.MMNText = h.version, h.mmn, h.mmnText
	d.from(from, "include_dirs")
	d.from(FromHeader, "version", "mmn")
	if h.mmnText != "" {
		d.from(FromHeader, "mmn_text")
	}
	if older(h.version, oldest) {
		err := &flagged{fmt.Errorf("this is Apache %s: %s or later is needed", h.version, oldest), FlagTooOld}
		return hint.Exit(hint.New(err, "name the apxs of a newer Apache: APXS=/path/to/apxs"), hint.Refused)
	}
	// The headers decide: the module is compiled with them.
	if said, _ := d.w.ask(ctx, "HTTPD_VERSION"); said != "" && said != h.version {
		d.note("apxs is of Apache %s, the headers in %s are of %s", said, dir, h.version)
	}
	return nil
}

// includeDir is where httpd.h is. What apxs says counts if it is there.
func (d *draft) includeDir(ctx context.Context) (string, Provenance, error) {
	if d.given != "" {
		return d.given, FromGuess, nil
	}
	said, from := d.w.ask(ctx, "INCLUDEDIR")
	if fsx.IsFile(filepath.Join(said, "httpd.h")) {
		return said, from, nil
	}
	found, mmn := "", MMN{}
	for _, dir := range d.includeGuesses() {
		h, err := readHeaders(dir)
		if err != nil || !fsx.IsFile(filepath.Join(dir, "httpd.h")) {
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
	return "", "", d.absent(&flagged{fmt.Errorf("the headers of Apache are missing: no httpd.h in %s", said), FlagNoHeaders})
}

// includeGuesses are the folders that may have the headers of this apxs.
func (d *draft) includeGuesses() []string {
	var list []string
	if prefix := d.info.Prefix; prefix != "" {
		for _, name := range []string{"include", "include/httpd", "include/apache2", "include/apache24"} {
			list = append(list, filepath.Join(prefix, name))
		}
	}
	// The system's headers are no guess for an Apache that is not the system's.
	if bin := filepath.Dir(d.info.Apxs); slices.Contains(rooted(d.root, []string{"/usr/bin", "/usr/sbin"}), bin) {
		list = append(list, rooted(d.root, []string{"/usr/include/apache2", "/usr/include/httpd", "/usr/include/apache24"})...)
	}
	return list
}
