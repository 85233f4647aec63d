// Package apxs reports how the installed Apache httpd was built: its compiler
// and flags, where its headers and modules live, which MPM it runs.
//
// It only reads. Nothing on the machine changes.
package apxs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/record"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// Candidate is one Apache that was come across.
type Candidate struct {
	Apxs   string `json:"apxs"`             // real path; "" for a server without apxs
	Httpd  string `json:"httpd,omitempty"`  // the server binary, where one was found
	Usable bool   `json:"usable"`           // a module can be built for it
	Why    string `json:"why"`              // where it was found, or why it is not usable
	Select string `json:"select,omitempty"` // the setting that chooses it: "APXS=/usr/bin/apxs"
	Info   *Info  `json:"info,omitempty"`   // of a usable one

	err error
}

// names of apxs, and of servers, in the order they are tried.
var (
	apxsNames  = []string{"apxs2", "apxs", "apxs2-event", "apxs2-worker", "apxs2-prefork", "apxs24"}
	httpdNames = []string{"httpd", "apache2", "httpd2", "httpd-event", "httpd-worker", "httpd-prefork"}
)

// usualDirs are where Apaches are put that PATH may not name (rule A-1).
var usualDirs = []string{
	"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin",
	"/usr/local/apache2/bin", "/usr/local/apache/bin", "/usr/local/httpd/bin", "/opt/httpd*/bin", "/opt/apache*/bin",
	"/opt/homebrew/bin", "/opt/homebrew/opt/httpd/bin", "/usr/local/opt/httpd/bin", "/home/linuxbrew/.linuxbrew/bin",
	"/opt/local/bin", "/usr/pkg/sbin", "/opt/rh/httpd24/root/usr/bin",
}

// Find describes the Apache to build for: the one that explicit names, else
// $MODWSGI_APXS, else $APXS, else the first usable of [Candidates]. A name
// given is an apxs program, a path or to be looked up. If that one cannot be
// used the error says why; another is never taken in its place. Where nobody
// names one, $MODWSGI_APACHE_CONFIG may name a file with the Info of another
// machine's Apache, which is then believed.
func Find(ctx context.Context, r *run.Runner, explicit string) (Info, error) {
	return newFinder(r).find(ctx, explicit)
}

// Candidates lists every Apache of this machine in the order Find tries them.
func Candidates(ctx context.Context, r *run.Runner) []Candidate {
	return newFinder(r).candidates(ctx)
}

// finder looks for Apaches below root, which is "" but in tests.
type finder struct {
	r    *run.Runner
	root string
	sys  distro.System
}

func newFinder(r *run.Runner) *finder {
	return &finder{r: r, sys: distro.Here()}
}

func (f *finder) find(ctx context.Context, explicit string) (Info, error) {
	if name, setting := f.asked(explicit); name != "" {
		path, err := f.lookUp(name)
		if err == nil {
			var info Info
			if info, err = f.describe(ctx, path); err == nil {
				return info, nil
			}
		}
		return Info{}, fmt.Errorf("%s %s: %w", setting, words.Quote(name), err)
	}
	if path := f.r.Getenv(recordSetting); path != "" {
		return fromRecord(path)
	}
	return f.choose(f.candidates(ctx))
}

// recordSetting names the file with an Info (rule A-12).
const recordSetting = "MODWSGI_APACHE_CONFIG"

// fromRecord is the Info that a file has.
func fromRecord(path string) (Info, error) {
	var info Info
	if err := record.Read(path, recordSetting, &info); err != nil {
		return Info{}, err
	}
	if info.Version == "" || info.MMN.Major == 0 || len(info.IncludeDirs) == 0 {
		return Info{}, hint.Exit(fmt.Errorf("%s (%s) describes no Apache: version, mmn and include_dirs are needed", path, recordSetting), hint.Usage)
	}
	return info, nil
}

// asked returns the apxs somebody named and the setting it was named by.
func (f *finder) asked(explicit string) (name, setting string) {
	if explicit != "" {
		return explicit, "the apxs given,"
	}
	for _, key := range []string{"MODWSGI_APXS", "APXS"} {
		if name := f.r.Getenv(key); name != "" {
			return name, "the apxs of $" + key + ","
		}
	}
	return "", ""
}

func (f *finder) lookUp(name string) (string, error) {
	if strings.Contains(name, "/") {
		if _, err := f.r.LookPath(name); err != nil {
			err = fmt.Errorf("no such program: %w", err)
			return "", hint.Exit(hint.New(err, "correct it, or leave it out to use the apxs that is installed; without one: "+
				f.sys.InstallLine(f.sys.Package(devPackage))), hint.NotFound)
		}
		return filepath.Abs(name)
	}
	if path, err := f.r.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range f.dirs() {
		if path, err := f.r.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", f.absent(errors.New("no such program in PATH or the usual folders"))
}

// absent makes err say which package brings an apxs.
func (f *finder) absent(err error) error {
	return hint.Exit(hint.New(err, f.sys.InstallLine(f.sys.Package(devPackage))), hint.NotFound)
}

// choose takes the first usable of list. The rest decides only what is noted.
func (f *finder) choose(list []Candidate) (Info, error) {
	i := slices.IndexFunc(list, func(c Candidate) bool { return c.Usable })
	if i < 0 {
		return Info{}, f.none(list)
	}
	info := *list[i].Info
	for _, c := range list[i+1:] {
		if c.Usable && (c.Info.MMN != info.MMN || c.Info.Root != info.Root) {
			info.Notes = append(info.Notes, fmt.Sprintf("another Apache is here: %s, %s selects it", c.Info.Version, c.Select))
		}
	}
	return info, nil
}

// none is the error when no Apache of list is usable. Each that has an apxs is
// an error of its own: somebody may want just that one.
func (f *finder) none(list []Candidate) error {
	var errs []error
	servers := ""
	for _, c := range list {
		if c.Apxs != "" {
			errs = append(errs, fmt.Errorf("%s: %w", c.Apxs, c.err))
		} else if servers == "" {
			servers = fmt.Sprintf("; there is a server, %s, but not what modules are built with", c.Httpd)
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("no usable Apache: %w", errors.Join(errs...))
	}
	return f.absent(errors.New("no apxs found, in PATH or the usual folders" + servers))
}

func (f *finder) candidates(ctx context.Context) []Candidate {
	var list []Candidate
	known := map[string]bool{} // real paths
	for _, place := range f.places() {
		path, err := filepath.EvalSymlinks(place)
		if err != nil || known[path] {
			continue
		}
		if _, err := f.r.LookPath(path); err != nil {
			continue // a folder, or not executable
		}
		known[path] = true
		c := Candidate{Apxs: path, Select: "APXS=" + words.Quote(path)}
		info, err := f.describe(ctx, path)
		if err != nil {
			c.Why, c.err = err.Error(), err
		} else {
			c.Usable, c.Why, c.Info, c.Httpd = true, "found as "+place, &info, info.Httpd
			known[info.Httpd] = true
		}
		list = append(list, c)
	}
	return append(list, f.bareServers(known)...)
}

// bareServers are the servers that no apxs of known belongs to.
func (f *finder) bareServers(known map[string]bool) []Candidate {
	var list []Candidate
	for _, dir := range f.searched() {
		for _, name := range httpdNames {
			path, err := filepath.EvalSymlinks(filepath.Join(dir, name))
			if err != nil || known[path] || !isFile(path) {
				continue
			}
			known[path] = true
			list = append(list, Candidate{Httpd: path, Why: "a server without apxs: " + f.sys.InstallLine(f.sys.Package(devPackage))})
		}
	}
	return list
}

// places are all paths an apxs may be at, in the order of rule A-1; many will
// not exist.
func (f *finder) places() []string {
	var list []string
	if name, _ := f.asked(""); name != "" {
		if path, err := f.lookUp(name); err == nil {
			list = append(list, path)
		}
	}
	for _, key := range []string{"MODWSGI_PYTHON", "PYTHON"} { // an httpd installed as a Python package
		if python := f.r.Getenv(key); filepath.IsAbs(python) {
			list = append(list, filepath.Join(filepath.Dir(python), "mod_wsgi-apxs"))
		}
	}
	if venv := f.r.Getenv("VIRTUAL_ENV"); filepath.IsAbs(venv) {
		list = append(list, filepath.Join(venv, "bin", "mod_wsgi-apxs"))
	}
	// By name first: with Debian's apxs2 in PATH, an apxs earlier in it is
	// somebody's own build.
	searched := f.searched()
	for _, name := range apxsNames {
		for _, dir := range f.path() {
			list = append(list, filepath.Join(dir, name))
		}
	}
	for _, dir := range searched {
		for _, name := range apxsNames {
			list = append(list, filepath.Join(dir, name))
		}
	}
	return list
}

func (f *finder) path() []string {
	return slices.DeleteFunc(filepath.SplitList(f.r.Getenv("PATH")), func(dir string) bool { return !filepath.IsAbs(dir) })
}

// searched are PATH and the usual folders.
func (f *finder) searched() []string { return append(f.path(), f.dirs()...) }

func (f *finder) dirs() []string {
	list := rooted(f.root, usualDirs)
	if conda := f.r.Getenv("CONDA_PREFIX"); filepath.IsAbs(conda) {
		list = append(list, filepath.Join(conda, "bin"))
	}
	return list
}

// rooted gives the folders that match patterns below root.
func rooted(root string, patterns []string) []string {
	var list []string
	for _, p := range patterns {
		if !strings.Contains(p, "*") {
			list = append(list, filepath.Join(root, p))
			continue
		}
		found, _ := filepath.Glob(quoteGlob(root) + p) // the patterns are ours: they are well formed
		list = append(list, found...)
	}
	return list
}

// quoteGlob makes a path match itself alone.
func quoteGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// realPath is path with its links resolved, or path itself.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
