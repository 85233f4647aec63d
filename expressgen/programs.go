package expressgen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// programs puts into f the programs and folders that o names in place of those
// that were found.
func programs(ctx context.Context, r *run.Runner, o *Options, f *Facts) error {
	var errs []error
	find := func(option, name string, to *string, folders ...string) {
		path, err := findProgram(r, name, folders...)
		if err != nil {
			errs = append(errs, &OptionError{Option: option, Value: name, Why: "there is no such program"})
			return
		}
		*to = path
	}
	beside := filepath.Dir(f.Httpd)
	httpd, named := f.Httpd, o.HttpdExecutable
	if named == "" {
		named = r.Getenv("HTTPD")
	}
	if named != "" {
		find("httpd-executable", named, &f.Httpd, "/usr/sbin")
	}
	if o.ShellExecutable != "" {
		find("shell-executable", o.ShellExecutable, &f.Shell)
	}
	if o.EnableGDB {
		find("gdb-executable", o.GDBExecutable, &f.GDB)
	}
	if o.rotating() {
		name := o.RotatelogsExecutable
		if name == "" {
			name = "rotatelogs"
		}
		find("rotatelogs-executable", name, &f.Rotatelogs, beside, strings.Replace(beside, "/sbin", "/bin", 1), "/usr/sbin")
	}
	if len(errs) > 0 {
		return hint.Exit(errors.Join(errs...), hint.Usage)
	}
	var err error
	if f.Httpd != httpd {
		if f.Static, err = staticModules(ctx, r, f.Httpd); err != nil {
			return hint.Exit(&OptionError{Option: "httpd-executable", Value: f.Httpd, Why: "it is no httpd: " + err.Error()}, hint.Usage)
		}
	}
	if o.ModulesDirectory != "" {
		f.ModulesDir = o.ModulesDirectory
		f.Modules, err = moduleFiles(f.ModulesDir)
	}
	return err
}

// findProgram is the absolute path of a program: of one with a slash in its name
// that very one, else the first on PATH and in folders.
func findProgram(r *run.Runner, name string, folders ...string) (string, error) {
	if strings.Contains(name, "/") {
		path, err := filepath.Abs(name)
		if err == nil {
			path, err = r.LookPath(path)
		}
		return path, err
	}
	path, err := r.LookPath(name)
	for _, dir := range folders {
		if err != nil {
			path, err = r.LookPath(filepath.Join(dir, name))
		}
	}
	return path, err
}

// serviceAccounts checks the users of services of a server that root runs.
func serviceAccounts(ctx context.Context, r *run.Runner, o *Options) error {
	var errs []error
	for _, p := range o.ServiceUser {
		a, err := findAccount(ctx, r, &Options{User: p.Value}, os.Geteuid())
		switch {
		case err != nil:
			errs = append(errs, &OptionError{Option: "service-user", Value: p.Value, Why: "there is no such user here"})
		case a.uid == 0 && os.Geteuid() == 0:
			errs = append(errs, &OptionError{Option: "service-user", Value: p.Value, Why: "a service must not run as root"})
		}
	}
	for _, p := range o.ServiceGroup {
		if _, err := groupID(ctx, r, p.Value); err != nil {
			errs = append(errs, &OptionError{Option: "service-group", Value: p.Value, Why: "there is no such group here"})
		}
	}
	return hint.Exit(errors.Join(errs...), hint.Usage)
}

// missingPackages are the Python packages that options of o are about and python
// does not have.
func missingPackages(ctx context.Context, r *run.Runner, o *Options, python string) []string {
	var out []string
	for _, p := range []struct {
		name string
		on   bool
	}{{"coverage", o.EnableCoverage}, {"newrelic", o.newRelic()}, {"paste.deploy", o.ApplicationType == "paste"}} {
		if !p.on {
			continue
		}
		if _, err := r.Output(ctx, "", python, "-c", "import "+p.name); err != nil {
			out = append(out, p.name)
		}
	}
	return out
}

// isOlder tells whether the module at path is of a release before 6.0, by the
// names of directives that are in it. A file that cannot be read is Apache's to
// report.
func isOlder(path string) bool {
	always, newer := []byte("WSGIScriptAlias"), []byte("WSGITelemetryService")
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	const step = 64 << 10 // a module is a megabyte, and the names of a newer one are soon met
	buf, kept, ours := make([]byte, step), 0, false
	for {
		n, err := io.ReadFull(f, buf[kept:])
		part := buf[:kept+n]
		if bytes.Contains(part, newer) {
			return false
		}
		ours = ours || bytes.Contains(part, always)
		if err != nil {
			return ours && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
		}
		kept = copy(buf, part[len(part)-len(newer):]) // a name may lie across two parts
	}
}

// worldWritable tells whether anybody may take away what others put into dir.
func worldWritable(dir string) (open, sticky bool) {
	fi, err := os.Stat(dir)
	if err != nil {
		return false, false
	}
	return fi.Mode().Perm()&0o002 != 0, fi.Mode()&os.ModeSticky != 0
}

// checkPrefix reports a folder for sockets in which anybody could replace them.
func (d *Discovery) checkPrefix(o *Options) error {
	if o.SocketPrefix == "" {
		return nil
	}
	switch open, sticky := worldWritable(o.SocketPrefix); {
	case open && !sticky:
		return hint.Exit(&OptionError{Option: "socket-prefix", Value: o.SocketPrefix, Why: "anybody may write there"}, hint.Usage)
	case open:
		d.Warnings = append(d.Warnings, fmt.Sprintf("--socket-prefix %s: anybody may write there", o.SocketPrefix))
	}
	return nil
}
