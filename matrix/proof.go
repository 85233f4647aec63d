package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"modwsgi/apxs"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// ProveOptions says which module is to be proved, and what it must turn out to
// be at run time.
type ProveOptions struct {
	Module string       // path of mod_wsgi.so
	Lines  []string     // directives of its snippet besides LoadModule: WSGIPythonHome
	Apache apxs.Info    // the server it is for
	Python pybuild.Info // the Python that must answer
	MPM    string       // "" is the first of event, worker, prefork that can be loaded
	Keep   bool         // leave the server root behind when something failed
	// Classic is a release of the original: Python is part of its module, and so
	// in Apache's own processes.
	Classic bool
	OwnGIL  bool // the interpreter that answers has a GIL of its own
}

// facts are what the application facts says of the Python it runs in.
type facts struct {
	Version      string            `json:"version"`
	HexVersion   int               `json:"hexversion"`
	ABIFlags     string            `json:"abiflags"`
	GIL          bool              `json:"gil"`
	Prefix       string            `json:"prefix"`
	BasePrefix   string            `json:"base_prefix"`
	Path         []string          `json:"path"`
	LibPython    []string          `json:"libpython"`
	Imports      map[string]string `json:"imports"`
	ProcessGroup string            `json:"process_group"`
	PID          int               `json:"pid"`
	UID          int               `json:"uid"`
}

// Prove starts a temporary httpd with the module and makes real requests in
// daemon and embedded mode (rule V-6): that a configuration loads says nothing,
// since Python starts later. What answers is compared with what was asked for.
// The error is for a proof that could not be made; what was disproved is in
// the Report.
func Prove(ctx context.Context, r *run.Runner, o ProveOptions) (Report, error) {
	target := Target{Apache: o.Apache, Python: o.Python, Module: o.Module, Lines: o.Lines, Foreign: o.Classic}
	mpm := o.MPM
	if mpm == "" {
		mpms := LoadableMPMs(ctx, r, o.Apache)
		if len(mpms) == 0 {
			return Report{}, fmt.Errorf("no MPM of %s can be loaded", o.Apache.Httpd)
		}
		mpm = mpms[0]
	}
	// Daemon mode first: while nothing has run embedded, no process of httpd
	// may have Python in it.
	cases := []Case{
		{Name: "daemon", App: "facts", Do: func(t *T) {
			proveFacts(t, r, o, sharedGroup)
			if !o.Classic {
				proveNoPython(t)
			}
		}},
		{Name: "embedded", App: "facts", Conf: []string{"WSGIProcessGroup %{GLOBAL}"}, Do: func(t *T) { proveFacts(t, r, o, "") }},
	}
	cell := Cell{Target: target, MPM: mpm, Mode: Daemon}
	s, err := cell.Open(ctx, r, cases)
	if err != nil {
		return Report{}, err
	}
	s.Keep = o.Keep
	var report Report
	for _, c := range cases {
		outcome := s.Run(ctx, c)
		outcome.Name = strings.Join([]string{target.python(), mpm, c.Name, "facts"}, "/")
		report.Add(outcome)
	}
	end := s.Close()
	end.Name = strings.Join([]string{target.python(), mpm, "stop"}, "/")
	report.Add(end)
	return report, nil
}

// LoadableMPMs are those of event, worker and prefork that the server has.
func LoadableMPMs(ctx context.Context, r *run.Runner, a apxs.Info) []string {
	compiled, err := r.Output(ctx, "", a.Httpd, "-l")
	static := parseCompiledIn(compiled)
	if err != nil {
		return nil
	}
	var mpms []string
	for _, mpm := range []string{"event", "worker", "prefork"} {
		_, err := os.Stat(filepath.Join(a.ModulesDir, "mod_mpm_"+mpm+".so"))
		if static[mpm+".c"] || err == nil {
			mpms = append(mpms, mpm)
		}
	}
	return mpms
}

// proveFacts compares the Python that answers with the one asked for.
func proveFacts(t *T, r *run.Runner, o ProveOptions, group string) (got facts) {
	path := "/"
	if o.OwnGIL { // what loads there is a matter of each module, and 3.12.1 alone dies of some
		path = "/?none"
	}
	t.JSON(path, &got)
	abi := o.Python.ABI
	Same(t, "Python's version", got.Version, o.Python.Version)
	Same(t, "sys.hexversion", got.HexVersion, o.Python.HexVersion)
	Same(t, "sys.prefix", got.Prefix, o.Python.Prefix)
	Same(t, "sys.base_prefix", got.BasePrefix, o.Python.BasePrefix)
	Same(t, "free threading", strings.Contains(got.ABIFlags, "t"), abi.Free)
	if !abi.Free { // of a build that can do without, the configuration decides
		Same(t, "the GIL", got.GIL, true)
	}
	Same(t, "debug build", strings.Contains(got.ABIFlags, "d"), abi.Debug)
	Same(t, "mod_wsgi.process_group", got.ProcessGroup, group)
	if o.Python.LibPython == "" { // it is in our own files
		Same(t, "libpython in the process", len(got.LibPython), 0)
	} else if len(got.LibPython) != 1 || !sameFile(got.LibPython[0], o.Python.LibPython) {
		t.Errorf("libpython in the process is %q, want %s", got.LibPython, o.Python.LibPython)
	}
	if want, err := serverUID(); err != nil || got.UID != want {
		t.Errorf("user is %d, want %d (%v)", got.UID, want, err)
	}
	own, err := importsOf(t.Context, r, o.Python.Executable, got.Imports)
	if err != nil {
		t.Errorf("%v", err)
	}
	for name, why := range got.Imports {
		if why != "" && own[name] {
			t.Errorf("%s can import %s, the server's Python cannot: %s", o.Python.Executable, name, why)
		}
	}
	return got
}

// serverUID is the user that applications run as: ours, or, started by root, that
// which the distribution gives Apache (rule V-7).
func serverUID() (int, error) {
	if os.Geteuid() != 0 {
		return os.Geteuid(), nil
	}
	name, _, err := ServerUser()
	if err != nil {
		return 0, err
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(u.Uid)
}

// importsOf asks the interpreter itself which of the modules it can import:
// one that was built without _ssl has none in the server either.
func importsOf(ctx context.Context, r *run.Runner, python string, names map[string]string) (map[string]bool, error) {
	const script = "import json, sys\n" +
		"def ok(n):\n try: __import__(n)\n except Exception: return False\n return True\n" +
		"print(json.dumps({n: ok(n) for n in sys.argv[1:]}))"
	args := []string{"-c", script}
	for name := range names {
		args = append(args, name)
	}
	slices.Sort(args[2:])
	res, err := r.Run(ctx, run.Cmd{Path: python, Args: args, Timeout: time.Minute})
	if err != nil {
		return nil, fmt.Errorf("asking Python what it can import: %w", err)
	}
	own := map[string]bool{}
	if err := json.Unmarshal([]byte(res.Stdout), &own); err != nil {
		return nil, fmt.Errorf("asking Python what it can import: %w", err)
	}
	return own, nil
}

// proveNoPython wants no libpython in httpd's own processes.
func proveNoPython(t *T) {
	var group string
	for _, p := range t.Server.Processes() {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID)); err == nil && filepath.Base(exe) == "wsgi-host" {
			if strings.HasPrefix(p.Command(), "(wsgi:") {
				group = p.Command()
			}
			continue
		}
		files, err := p.Maps()
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("maps of %s: %v", p, err)
		}
		for _, f := range files {
			if strings.Contains(filepath.Base(f), "libpython") {
				t.Errorf("%s has %s in it", p, f)
			}
		}
	}
	if group == "" {
		t.Errorf("no daemon process has its title")
	}
}

// sameFile compares two paths, links followed.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
