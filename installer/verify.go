package installer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Level is how far a check goes (rule V-1).
type Level string

const (
	Static Level = "static" // files are read, nothing runs
	Load   Level = "load"   // httpd loads the module
)

// Check is one thing that was looked at.
type Check struct {
	Level  Level  `json:"level"`
	Path   string `json:"path"`
	Err    error  `json:"-"`                 // nil: as it should be, if NotRun is ""
	NotRun string `json:"not_run,omitempty"` // why it was not looked at; never the same as passed
}

// Failures joins the errors of checks. Their exit status is that of a failed
// verification.
func Failures(checks []Check) error {
	var list []error
	for _, c := range checks {
		if c.Err != nil {
			list = append(list, fmt.Errorf("%s: %w", c.Path, c.Err))
		}
	}
	return hint.Exit(errors.Join(list...), hint.Unverified)
}

// VerifyStatic reads every program and library of l (rule V-2): that each needs
// and exports what it should, that all are for one machine and one interface,
// and, if apache is not nil, that the module is for it.
func VerifyStatic(l Layout, apache *apxs.Info) []Check {
	module, err := csrc.Inspect(l.Module)
	if err != nil {
		return []Check{{Level: Static, Path: l.Module, Err: err}}
	}
	checks := []Check{{Level: Static, Path: l.Module, Err: verifyModule(l, module, apache)}}
	add := func(path string, info csrc.BuildInfo, beside string) {
		checks = append(checks, Check{Level: Static, Path: path, Err: verifyBinary(path, info, beside)})
	}
	add(l.Supervisor, csrc.BuildInfo{}, l.Module)
	for _, h := range l.Halves {
		if h.Info.Interface != l.Apache.Interface {
			checks = append(checks, Check{Level: Static, Path: h.Dir,
				Err: fmt.Errorf("it has interface %d, the module has %d", h.Info.Interface, l.Apache.Interface)})
			continue
		}
		beside := h.Info.LibPython
		if h.Info.Static { // an archive, and no part of any process
			beside = l.Module
		}
		add(h.Host, h.Info, beside)
		add(h.Embed, h.Info, l.Module)
	}
	return checks
}

// verifyBinary compares one linked file with its target and the record of its
// half, and its machine with that of the file beside, which ends in the same
// process or works with it.
func verifyBinary(path string, info csrc.BuildInfo, beside string) error {
	e, err := csrc.Expect(path, info.SONAME, info.RunPath)
	if err != nil {
		return err
	}
	e.Static = info.Static
	made, err := csrc.Inspect(path)
	if err != nil {
		return err
	}
	other, err := csrc.Inspect(beside)
	if err != nil {
		return err
	}
	e.Like = &other
	list := made.Problems(e)
	if static := made.Build != nil && made.Build.Link == "static"; static != info.Static {
		list = append(list, fmt.Sprintf("its record says that libpython is in it: %v, the file says %v", info.Static, static))
	}
	return problems(list)
}

func problems(list []string) error {
	if len(list) == 0 {
		return nil
	}
	return errors.New(strings.Join(list, "; "))
}

// verifyModule compares the module with its target, its record and the Apache
// that is to load it.
func verifyModule(l Layout, made csrc.Binary, apache *apxs.Info) error {
	e, err := csrc.Expect(l.Module, "", "")
	if err != nil {
		return err
	}
	var list []string
	if apache != nil && apache.Httpd != "" {
		server, err := csrc.Inspect(apache.Httpd)
		if err != nil {
			return err
		}
		e.Like = &server
	}
	list = append(list, made.Problems(e)...)
	magic := made.Module
	switch {
	case magic == nil:
		list = append(list, "its module record cannot be read")
	case magic.Cookie != l.Apache.Cookie || magic.Major != l.Apache.Major:
		list = append(list, fmt.Sprintf("it is for Apache's interface %s %d, its record says %s %d", magic.Cookie, magic.Major, l.Apache.Cookie, l.Apache.Major))
	case apache != nil && (magic.Cookie != apache.MMN.Cookie || magic.Major != apache.MMN.Major):
		list = append(list, fmt.Sprintf("it is for Apache's interface %s %d, this Apache has %s %d", magic.Cookie, magic.Major, apache.MMN.Cookie, apache.MMN.Major))
	}
	return problems(list)
}

// loadTimeout bounds a configuration test: it starts no process and opens no
// port.
const loadTimeout = 30 * time.Second

// VerifyLoad lets apache read a configuration of its own that loads the module
// of l (rule V-4). Nothing of the system's configuration is read, nothing of it
// is touched.
func VerifyLoad(ctx context.Context, r *run.Runner, l Layout, apache apxs.Info) Check {
	check := Check{Level: Load, Path: l.Module}
	if apache.Httpd == "" {
		check.NotRun = "no server binary is known"
		return check
	}
	_, check.Err = load(ctx, r, []string{LoadModule(l.Module)}, apache)
	return check
}

// load lets Apache read a configuration with those lines, and gives what it said.
func load(ctx context.Context, r *run.Runner, lines []string, apache apxs.Info) (string, error) {
	dir, err := os.MkdirTemp("", "modwsgi-load-")
	if err != nil {
		return "", fmt.Errorf("making a server root: %w", err)
	}
	defer os.RemoveAll(dir)
	text, err := loadConfig(dir, lines, apache.ModulesDir)
	if err != nil {
		return "", err
	}
	conf := filepath.Join(dir, "httpd.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("making a server root: %w", err)
	}
	res, err := r.Run(ctx, run.Cmd{Path: apache.Httpd, Args: []string{"-t", "-d", dir, "-f", conf}, Timeout: loadTimeout})
	if err != nil {
		return "", fmt.Errorf("letting Apache load it: %w", err)
	}
	return res.Stdout + res.Stderr, nil
}

// loadConfig is the least configuration that httpd takes, with what it needs of
// its modules where they are not built in.
func loadConfig(dir string, lines []string, modulesDir string) (string, error) {
	var b strings.Builder
	line := func(name, path string) error {
		quoted, err := quote(path)
		if err == nil {
			fmt.Fprintf(&b, "%s %s\n", name, quoted)
		}
		return err
	}
	err := errors.Join(
		line("ServerRoot", dir),
		line("DefaultRuntimeDir", dir),
		line("PidFile", filepath.Join(dir, "httpd.pid")),
		line("ErrorLog", filepath.Join(dir, "error.log")),
		line("ServerName", "localhost"),
	)
	// One MPM, and what every server has.
	for _, choice := range [][]string{{"mpm_event", "mpm_worker", "mpm_prefork"}, {"unixd"}, {"authz_core"}} {
		for _, name := range choice {
			path := filepath.Join(modulesDir, "mod_"+name+".so")
			if _, statErr := os.Stat(path); statErr == nil {
				err = errors.Join(err, line("LoadModule "+name+"_module", path))
				break
			}
		}
	}
	for _, text := range lines {
		fmt.Fprintln(&b, text)
	}
	return b.String(), err
}
