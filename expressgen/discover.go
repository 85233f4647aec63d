package expressgen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/keep"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Discovery is what was found of the machine.
type Discovery struct {
	Apache apxs.Info
	Python pybuild.Info
	Facts  Facts // without Module, Runtime and Version

	Warnings []string
}

// Discover finds the Apache, the Python and the accounts that o names, and
// looks at the paths in it. It only reads, but for the folder cache, where it
// keeps what the programs of this machine said until they change; "" is none. o
// is absolute.
func Discover(ctx context.Context, r *run.Runner, o *Options, cache string) (Discovery, error) {
	var d Discovery
	uid := os.Geteuid()
	if err := checkPlaces(ctx, o); err != nil {
		return d, err
	}
	a, err := findAccount(ctx, r, o, uid)
	if err != nil {
		return d, err
	}
	if err := a.refuseRoot(uid); err != nil {
		if !o.SetupOnly { // the control script can be given a user later
			return d, err
		}
		d.Warnings = append(d.Warnings, err.Error()+"; set MOD_WSGI_USER when it is started")
	}
	if uid != 0 && a.uid != uid {
		d.Warnings = append(d.Warnings, "--user "+a.user+" has no effect: only root can run an application as another user")
		own := *o
		own.User, own.Group = "", ""
		if a, err = findAccount(ctx, r, &own, uid); err != nil {
			return d, err
		}
	}
	memory := keep.Memory{Folder: cache, R: r}
	static, err := d.ask(ctx, memory, o)
	if err != nil {
		return d, err
	}
	program, err := os.Executable()
	if err != nil {
		return d, fmt.Errorf("finding this program: %w", err)
	}
	d.Facts = Facts{
		Program:      program,
		Apache:       cmp.Or(d.Apache.Running, d.Apache.Version),
		Httpd:        d.Apache.Httpd,
		ModulesDir:   d.Apache.ModulesDir,
		PythonHome:   d.Python.Prefix,
		UID:          uid,
		RunUID:       a.uid,
		RunGID:       a.gid,
		FreeThreaded: d.Python.ABI.Free,
		User:         a.user,
		Group:        a.group,
		MimeTypes:    mimeTypes(),
		Shell:        shell(r),
		TmpDir:       tmpDir(r),
		Stderr:       canOpen("/dev/stderr"),
		Static:       static,
	}
	f := &d.Facts
	if f.Modules, err = moduleFiles(f.ModulesDir); err != nil {
		return d, err
	}
	f.Python = d.Python.Executable
	f.Stdout = canOpen("/dev/stdout")
	if err := programs(ctx, r, o, f); err != nil {
		return d, err
	}
	if err := errors.Join(serviceAccounts(ctx, r, o), d.checkPrefix(o)); err != nil {
		return d, hint.Exit(err, hint.Usage)
	}
	f.NoPackages = missingPackages(ctx, r, o, d.Python.Executable)
	if o.ModuleFile != "" {
		f.Older = isOlder(o.ModuleFile)
	}
	f.Locale, f.NoLocale = chooseLocale(o, r, installedLocales(ctx, memory)) // last: a start that fails keeps nothing
	f.Missing, f.PlainFiles = lookAt(o)
	if o.MimeTypes != "" {
		f.MimeTypes = o.MimeTypes
	}
	for _, key := range o.PassEnv {
		if _, set := os.LookupEnv(key); !set {
			f.Unset = append(f.Unset, key)
		}
	}
	f.OpenKey = o.https() && isOpen(o.key())
	err = d.checkAccess(o, a) // which may add to d
	return d, err
}

// told is what Apache's programs say.
type told struct {
	Apache apxs.Info       `json:"apache"`
	Static map[string]bool `json:"static"`
}

// ask finds the Apache and the Python side by side, since programs have to be waited
// for and somebody waits for the server, and the modules built into the one.
func (d *Discovery) ask(ctx context.Context, m keep.Memory, o *Options) (static map[string]bool, err error) {
	g, ctx := errgroup.WithContext(ctx)
	r := m.R
	g.Go(func() error {
		m := m
		trail := func(t told) []string { return append(apxs.Trail(r, t.Apache), o.Apxs) }
		if r.Getenv("MODWSGI_APACHE_CONFIG") != "" { // a file of somebody's, read in no time
			m.Folder = ""
		}
		t, err := keep.Recall(m, "apache "+o.Apxs, trail, func() (t told, err error) {
			if t.Apache, err = apxs.Find(ctx, r, o.Apxs); err == nil {
				t.Static, err = staticModules(ctx, r, t.Apache.Httpd)
			}
			return t, err
		})
		d.Apache, static = t.Apache, t.Static
		return err
	})
	g.Go(func() (err error) {
		d.Python, err = findPython(ctx, m, o.PythonExecutable)
		return err
	})
	err = g.Wait()
	return static, err
}

// findPython recalls only a Python that is named by its path: any other is looked
// for in more places than can be listed.
func findPython(ctx context.Context, m keep.Memory, name string) (pybuild.Info, error) {
	find := func() (pybuild.Info, error) { return pybuild.Find(ctx, m.R, name) }
	if fi, err := os.Stat(name); !filepath.IsAbs(name) || err != nil || !fi.Mode().IsRegular() {
		return find()
	}
	return keep.Recall(m, "python "+name, func(p pybuild.Info) []string { return append(pybuild.Trail(p), name) }, find)
}

// checkPlaces reports the places without which no server can work, if there are
// none such.
func checkPlaces(ctx context.Context, o *Options) error {
	var errs []error
	if fi, err := os.Stat(o.WorkingDirectory); err != nil || !fi.IsDir() {
		errs = append(errs, &OptionError{Option: "working-directory", Value: o.WorkingDirectory, Why: "there is no such folder"})
	}
	if o.Host != "" && net.ParseIP(o.Host) == nil {
		if _, err := net.DefaultResolver.LookupHost(ctx, o.Host); err != nil {
			errs = append(errs, &OptionError{Option: "host", Value: o.Host, Why: "the name cannot be resolved"})
		}
	}
	if o.EntryPoint != "" {
		fi, err := os.Stat(o.EntryPoint)
		switch {
		case o.ApplicationType == "script" && err == nil && fi.IsDir():
			errs = append(errs, &OptionError{Option: "entry-point", Value: o.EntryPoint,
				Why: "this is a folder: name the script in it, or serve its files with --application-type static"})
		case o.ApplicationType == "static" && (err != nil || !fi.IsDir()):
			errs = append(errs, &OptionError{Option: "entry-point", Value: o.EntryPoint, Why: "there is no such folder"})
		}
	}
	errs = append(errs, checkFiles(o)...)
	return hint.Exit(errors.Join(errs...), hint.Usage)
}

// checkFiles reports the files and folders of o that have to be there.
func checkFiles(o *Options) []error {
	var errs []error
	must := func(option, path string, folder bool) {
		if path == "" {
			return
		}
		f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO shall not hold us
		if err == nil {
			defer f.Close()
			fi, statErr := f.Stat()
			if statErr == nil && fi.IsDir() == folder && (folder || fi.Mode().IsRegular()) {
				return
			}
			err = fs.ErrNotExist
		}
		why := "there is no such file"
		switch {
		case !errors.Is(err, fs.ErrNotExist):
			why = "it cannot be read: " + errors.Unwrap(err).Error()
		case folder:
			why = "there is no such folder"
		}
		errs = append(errs, &OptionError{Option: option, Value: path, Why: why})
	}
	for f, v := range fields(o) {
		if kind := f.Tag.Get("kind"); kind == "file" || kind == "folder" {
			must(FlagName(f), v.String(), kind == "folder")
		}
	}
	if o.SSLCertificate != "" {
		must("ssl-certificate", o.certificate(), false)
		must("ssl-certificate", o.key(), false)
	}
	return errs
}

// isOpen tells whether others than its owner can read the file at path.
func isOpen(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().Perm()&0o044 != 0
}

// lookAt tells which paths of o lead nowhere and which to a plain file.
func lookAt(o *Options) (missing, plain map[string]bool) {
	missing, plain = map[string]bool{}, map[string]bool{}
	see := func(path string) {
		fi, err := os.Stat(path)
		missing[path] = errors.Is(err, fs.ErrNotExist)
		plain[path] = err == nil && !fi.IsDir()
	}
	for _, path := range []string{o.RewriteRules, o.EnvvarsScript} {
		if path != "" {
			see(path)
		}
	}
	if o.ApplicationType != "module" && o.EntryPoint != "" {
		see(o.EntryPoint)
	}
	for _, path := range o.IncludeFile {
		if !strings.ContainsAny(path, "*?[]") { // Apache expands those
			see(path)
		}
	}
	for _, a := range slices.Concat(o.URLAlias, o.AddHandler, o.ServiceScript) {
		see(a.Value)
	}
	return missing, plain
}

func moduleFiles(dir string) (map[string]bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".so") {
			out[e.Name()] = true
		}
	}
	return out, nil
}

// staticModules are those compiled into httpd, by source file name.
func staticModules(ctx context.Context, r *run.Runner, httpd string) (map[string]bool, error) {
	text, err := r.Output(ctx, "", httpd, "-l")
	out := map[string]bool{}
	for _, word := range strings.Fields(text) {
		if strings.HasSuffix(word, ".c") {
			out[word] = true
		}
	}
	return out, err
}

// mimeTypes is the first table of media types that distributions have.
func mimeTypes() string {
	for _, path := range []string{
		"/etc/mime.types", "/etc/httpd/mime.types", "/etc/httpd/conf/mime.types", "/etc/apache/mime.types",
		"/etc/apache2/mime.types", "/usr/local/etc/httpd/conf/mime.types",
		"/usr/local/lib/netscape/mime.types", "/usr/local/etc/mime.types",
	} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return "/dev/null"
}

// shell runs apachectl: bash if there is one, since it can name a process.
func shell(r *run.Runner) string {
	for _, name := range []string{"bash", "/usr/local/bin/bash", "sh"} {
		if path, err := r.LookPath(name); err == nil {
			return path
		}
	}
	return "/bin/sh"
}

func tmpDir(r *run.Runner) string {
	if runtime.GOOS == "darwin" {
		return "/var/tmp" // the one of a session is cleaned under a running server
	}
	if dir := r.Getenv("TMPDIR"); filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	return "/tmp"
}

// canOpen tells whether httpd will be able to open its own standard error by
// name: not if that is a socket or belongs to another user.
func canOpen(path string) bool {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// chooseLocale is the locale of the processes, and whether it is missing here.
// installed is nil where nobody can tell.
func chooseLocale(o *Options, r *run.Runner, installed []string) (name string, missing bool) {
	name = o.Locale
	if name == "" {
		name = o.Lang
	}
	if name == "" {
		name = "C"
		for _, key := range []string{"LC_ALL", "LC_CTYPE", "LANG", "LANGUAGE"} {
			if value, _, _ := strings.Cut(r.Getenv(key), ":"); localePattern.MatchString(value) {
				name = value
				break
			}
		}
	}
	has := func(name string) bool {
		return slices.ContainsFunc(installed, func(have string) bool { return plainLocale(have) == plainLocale(name) })
	}
	if upper := strings.ToUpper(name); upper == "C" || upper == "POSIX" {
		for _, better := range []string{"en_US.UTF-8", "C.UTF-8"} {
			if has(better) {
				return better, false
			}
		}
		return name, false
	}
	return name, len(installed) > 0 && !has(name)
}

// plainLocale is name as locale -a may spell it: en_US.utf8.
func plainLocale(name string) string {
	language, codeset, _ := strings.Cut(name, ".")
	return language + "." + strings.ToLower(strings.ReplaceAll(codeset, "-", ""))
}

// installedLocales recalls what locale says while the folder of glibc's locales is
// as it was. It is nil on musl, which has no such program: every locale is fine there.
func installedLocales(ctx context.Context, m keep.Memory) []string {
	const folder = "/usr/lib/locale"
	program, _ := m.R.LookPath("locale")
	if _, err := os.Stat(folder); err != nil || m.R.Getenv("LOCPATH") != "" || m.R.Getenv("LOCALE_ARCHIVE") != "" {
		m.Folder = "" // they are in places that only the program knows
	}
	trail := func([]string) []string {
		return []string{program, folder, folder + "/locale-archive", "/usr/share/locale/locale.alias"}
	}
	found, _ := keep.Recall(m, "locales", trail, func() ([]string, error) {
		text, err := m.R.Output(ctx, "", "locale", "-a")
		return strings.Fields(text), err
	})
	return found
}
