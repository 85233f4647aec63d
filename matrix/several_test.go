package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// otherPythons are those that can be built for beside the target's, one of each
// version, and twins of one of these: of a version that is there already, but
// installed elsewhere. The server's user must be able to reach them.
func otherPythons(ctx context.Context, r *run.Runner, first pybuild.Info) (others, twins []pybuild.Info) {
	seen := map[string]string{Target{Python: first}.python(): first.LibPython}
	add := func(info pybuild.Info) {
		name := Target{Python: info}.python()
		switch lib := seen[name]; {
		case !open(info.Base) || info.LibPython == "" || info.Sanitizer != "":
		case lib == "":
			seen[name] = info.LibPython
			others = append(others, info)
		case lib != info.LibPython:
			twins = append(twins, info)
		}
	}
	for _, c := range everyPython(ctx, r) {
		if c.Usable && c.Info != nil {
			add(*c.Info)
		}
	}
	return others, twins
}

// open tells whether everybody may go to a file: every folder on the way lets
// them pass.
func open(path string) bool {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// TestSeveralPythons serves one application from several Pythons in one Apache: a
// daemon group for each by its prefix, another by a virtual environment of it, and
// one of them in embedded mode.
func TestSeveralPythons(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("another implementation has one Python")
	}
	others, twins := otherPythons(t.Context(), r, target.Python)
	if len(others) == 0 {
		t.Skip("no second Python that can be built for; MODWSGI_MATRIX_PYTHONS names some")
	}
	pythons := append([]pybuild.Info{target.Python}, others...)
	target, dir := builtForAll(t, r, target, pythons, "modwsgi several ")
	mpms := theMPMs(t, r, target.Apache)
	o := Cell{Target: target, MPM: mpms[0], Mode: Embedded}.RunOwn(t.Context(), r, severalCase(dir, pythons, twins), false)
	report(t, o)
}

// builtForAll is the target with a module that has a half for each of the
// Pythons, and the folder, named after a pattern, in which that is.
func builtForAll(t *testing.T, r *run.Runner, target Target, pythons []pybuild.Info, pattern string) (Target, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", pattern)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	artifact, err := csrc.Build(t.Context(), r, csrc.Options{Apache: &target.Apache, Python: pythons,
		Dir: filepath.Join(dir, "build"), Runtime: installer.Runtime()})
	if err != nil {
		t.Fatal(err)
	}
	target.Module, target.Lines = artifact.Module, nil
	return target, dir
}

// severalCase has a group "home-I" and a group "venv-I" for each Python. Twins
// come after: a half is linked with one libpython, so that of the first of their
// version runs them.
func severalCase(dir string, pythons, twins []pybuild.Info) Case {
	c := Case{Name: "several-pythons", App: "facts", Own: true, Ours: true, Announced: Announce{`?WSGIM0323: WSGIDaemonProcess (home|venv)-`}}
	venv := func(i int) string { return filepath.Join(dir, fmt.Sprint("venv ", i)) }
	all := append(slices.Clone(pythons), twins...)
	for i, python := range all {
		c.Global = append(c.Global, fmt.Sprintf("WSGIDaemonProcess home-%d threads=1 python-home=%s", i, quote(python.BasePrefix)),
			fmt.Sprintf("WSGIDaemonProcess venv-%d threads=1 python-home=%s", i, quote(venv(i))))
		c.Conf = append(c.Conf, fmt.Sprintf(`WSGIScriptAlias /home-%d "@APP@/app.wsgi" process-group=home-%[1]d`, i),
			fmt.Sprintf(`WSGIScriptAlias /venv-%d "@APP@/app.wsgi" process-group=venv-%[1]d`, i))
	}
	c.Mount = "/embedded"
	c.Prepare = func(string) error {
		for i, python := range all {
			if err := environment(venv(i), python); err != nil {
				return err
			}
		}
		return nil
	}
	c.Do = func(t *T) {
		for i, python := range all {
			runs := python
			if i >= len(pythons) {
				runs = pythons[slices.IndexFunc(pythons, func(p pybuild.Info) bool { return Target{Python: p}.python() == Target{Python: python}.python() })]
				for _, group := range []string{"home", "venv"} {
					t.WaitLog(fmt.Sprintf(`WSGIM0323: WSGIDaemonProcess %s-%d \(.*\): python-home .*: it is of .*, and the half for Python .* was built with .*build --python /`, group, i))
				}
			}
			t.answeredBy(fmt.Sprintf("/home-%d", i), runs, python.BasePrefix, i >= len(pythons))
			t.answeredBy(fmt.Sprintf("/venv-%d", i), runs, venv(i), i >= len(pythons))
		}
		if n := t.httpdsWithPython(); n != 0 {
			t.Errorf("%d processes of httpd have a libpython", n)
		}
		var f facts
		t.JSON("/embedded", &f)
		Same(t, "Python of embedded mode", f.Version, pythons[0].Version)
		t.Notef("embedded: Python %s", f.Version)
		if n := t.httpdsWithPython(); n == 0 {
			t.Errorf("no process of httpd has a libpython, and Python answered in one")
		}
		t.parentWithoutPython()
	}
	return c
}

// httpdsWithPython counts the parent and its children with a libpython.
func (t *T) httpdsWithPython() (n int) {
	for _, p := range family(processTable(), t.Server.PID) {
		files, err := p.Maps()
		httpd := slices.ContainsFunc(files, func(f string) bool { return filepath.Base(f) == "mod_wsgi.so" })
		if err == nil && httpd && slices.ContainsFunc(files, func(f string) bool { return strings.Contains(f, "libpython") }) {
			n++
		}
	}
	return n
}

// answeredBy wants the answer of a group to come from a Python and a prefix, which
// may be that of a stranger: of another release, whose compiled modules need not load.
func (t *T) answeredBy(path string, python pybuild.Info, prefix string, stranger bool) {
	var f facts
	t.JSON(path, &f)
	Same(t, "Python at "+path, f.Version, python.Version)
	Same(t, "sys.prefix at "+path, f.Prefix, prefix)
	for name, trouble := range f.Imports {
		if stranger && trouble != "" {
			t.Notef("%s: import %s: %s", path, name, trouble)
			continue
		}
		Same(t, "importing "+name+" at "+path, trouble, "")
	}
	if len(f.LibPython) != 1 || !strings.Contains(f.LibPython[0], fmt.Sprintf("libpython%d.%d", python.ABI.Major, python.ABI.Minor)) {
		t.Errorf("libraries of Python at %s: %q", path, f.LibPython)
	}
	t.Notef("%s: Python %s, sys.prefix %s", path, f.Version, f.Prefix)
}

// TestMismatchedHalves has the module refuse, when the configuration is read, a
// half of another release, one that is broken, and to be without any.
func TestMismatchedHalves(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("another implementation has no halves")
	}
	mpms := theMPMs(t, r, target.Apache)
	target.Lines = nil
	const command = `: mod_wsgi-express build .*python3`
	for name, c := range map[string]struct{ record, want string }{
		"interface": {`{"interface": 2, "python": {"version": "3.1.4"}}`, `mod_wsgi\.so \S+ speaks interface \d+, the half for Python .* speaks interface 2 \(.*/build\.json\); build both from one release` + command},
		"broken":    {`{`, `build\.json cannot be read or names no interface; build the half for Python .* again` + command},
		"none":      {"", `/runtime has no half for any Python; build one` + command},
	} {
		for _, lines := range [][]string{{"WSGIDaemonProcess d"}, {}} {
			refusal := Refusal{Name: "half-" + name, Lines: append([]string{`WSGIRuntimeDirectory "@ROOT@/runtime"`}, lines...), Wants: []string{c.want},
				Prepare: func(root string, _ pybuild.Info) error {
					return bentRuntime(filepath.Join(root, "runtime"), target, c.record)
				}}
			t.Run(fmt.Sprintf("%s-%d", name, len(lines)), func(t *testing.T) {
				report(t, RunRefusal(t.Context(), r, target, mpms[0], refusal))
			})
		}
	}
}

// TestHomesOfTheHalfsPython: a home is of the Python that its half was built with
// when their programs are one file, by whatever names.
func TestHomesOfTheHalfsPython(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("another implementation has no halves")
	}
	mpms := theMPMs(t, r, target.Apache)
	var record map[string]any
	if err := json.Unmarshal([]byte(readFile(filepath.Join(filepath.Dir(target.Module), "mod_wsgi", "default", "build.json"))), &record); err != nil {
		t.Fatal(err)
	}
	target.Lines = nil
	const quiet = `(?s)^[^W]*Syntax OK\s*$`
	for name, c := range map[string]struct {
		link func(from, to string) error
		said bool
	}{
		"link":      {os.Symlink, false},
		"hard link": {os.Link, false},
		"another":   {func(_, to string) error { return os.WriteFile(to, []byte("#!/bin/sh\n"), 0o755) }, true},
	} {
		for message, line := range map[string]string{"WSGIM0323": `WSGIDaemonProcess d python-home="@ROOT@/home"`, "WSGIM0361": `WSGIPythonHome "@ROOT@/home"`} {
			refusal := Refusal{Name: "home-" + name, Accept: true, Wants: []string{quiet}, Lines: []string{`WSGIRuntimeDirectory "@ROOT@/runtime"`, line},
				Prepare: func(root string, _ pybuild.Info) error {
					bin, program := filepath.Join(root, "home", "bin"), filepath.Join(root, "base-3.11")
					record["executable"] = program
					bent, err := json.Marshal(record)
					return errors.Join(err, os.MkdirAll(bin, 0o755), os.MkdirAll(filepath.Join(root, "home", "lib", "python3.11"), 0o755),
						os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755), c.link(program, filepath.Join(bin, "python3.11")),
						bentRuntime(filepath.Join(root, "runtime"), target, string(bent)))
				}}
			if c.said {
				refusal.Wants = []string{message + `: .*/home: it is of .*/home/bin/python3\.11, and the half for Python 3\.11 was built with .*/base-3\.11`}
			}
			t.Run(name+"/"+message, func(t *testing.T) { report(t, RunRefusal(t.Context(), r, target, mpms[0], refusal)) })
		}
	}
}

// bentRuntime makes a runtime folder of links to the target's, whose only half
// has this record; without one it has none.
func bentRuntime(dir string, target Target, record string) error {
	const half = "cpython-311-x86_64-linux-gnu"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	from := filepath.Join(filepath.Dir(target.Module), "mod_wsgi")
	for _, name := range []string{"wsgi-supervisor", "python"} {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if record == "" {
		return nil
	}
	if err := os.Mkdir(filepath.Join(dir, half), 0o755); err != nil {
		return err
	}
	for _, name := range []string{"wsgi-host", "wsgi-embed.so"} {
		if err := os.Symlink(filepath.Join(from, "default", name), filepath.Join(dir, half, name)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, half, "build.json"), []byte(record), 0o644); err != nil {
		return err
	}
	return os.Symlink(half, filepath.Join(dir, "default"))
}
