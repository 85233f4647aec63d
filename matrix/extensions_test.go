package matrix

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// extensionPackages are those that the table is made for: the name for pip, that
// of the import and of the application's function, and its extension modules.
var extensionPackages = []struct{ pip, name, modules string }{
	{"numpy", "numpy", `^numpy\.`},
	{"lxml", "lxml", `^lxml\.`},
	{"psycopg2-binary", "psycopg2", `^psycopg2\.`},
	{"cryptography", "cryptography", `^(cryptography\.|_cffi_backend$)`},
	{"pydantic-core", "pydantic_core", `^pydantic_core\.`},
}

// extensionMode is a column of the table: a daemon group that runs it.
type extensionMode struct {
	name string
	on   string   // the directive that makes it, "" for none
	path []string // interpreters that are asked, in this order
	said func(pybuild.Imports) string
}

// extensionModes are the columns that a Python can have. An interpreter is asked
// twice, and a second one of its kind between.
func extensionModes(python pybuild.Info) []extensionMode {
	twice, among := []string{"main", "main"}, []string{"a", "a", "b", "a"}
	modes := []extensionMode{
		{"main", "", twice, func(i pybuild.Imports) string { return i.Main }},
		{"shared", "", among, func(i pybuild.Imports) string { return i.Shared }},
	}
	switch {
	case python.ABI.Free:
		modes = append(modes, extensionMode{"free", "WSGIFreeThreading On", twice, func(i pybuild.Imports) string { return i.Free }})
	case python.ABI.Minor >= 12:
		modes = append(modes, extensionMode{"own", "WSGIPerInterpreterGIL On", among, func(i pybuild.Imports) string { return i.Own }})
	}
	return modes
}

// extensionRow is a line of the table.
type extensionRow struct {
	python, name, version string
	cells                 map[string]string // by mode
}

// TestExtensionTable runs well-known packages with compiled parts in every kind of
// interpreter, each in a process of its own, and prints what became of it beside
// what the audit says of the same environment. It needs the network, and is asked
// for by MODWSGI_MATRIX_EXTENSIONS: 1, or a folder that keeps the environments.
// The Pythons are the target's and those of MODWSGI_MATRIX_PYTHONS.
func TestExtensionTable(t *testing.T) {
	dir := os.Getenv("MODWSGI_MATRIX_EXTENSIONS")
	if dir == "" {
		t.Skip("it installs packages from the network; MODWSGI_MATRIX_EXTENSIONS=1 asks for it")
	}
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("another implementation has one Python")
	}
	if dir == "1" {
		var err error
		if dir, err = os.MkdirTemp("", "modwsgi-extensions-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	others, _ := otherPythons(t.Context(), r, target.Python)
	pythons := append([]pybuild.Info{target.Python}, others...)
	target, _ = builtForAll(t, r, target, pythons, "modwsgi-extensions-build-")
	var rows []extensionRow
	for _, python := range pythons {
		rows = append(rows, extensionRows(t, r, target, python, filepath.Join(dir, Target{Python: python}.python()))...)
	}
	fmt.Print(extensionTable(rows))
}

// extensionRows installs what can be had into the environment venv and runs it.
func extensionRows(t *testing.T, r *run.Runner, target Target, python pybuild.Info, venv string) (rows []extensionRow) {
	if !exists(filepath.Join(venv, "bin", "pip")) {
		if _, err := r.Output(t.Context(), "", python.Executable, "-m", "venv", venv); err != nil {
			t.Logf("skipped: Python %s: %v", python.Version, err)
			return nil
		}
	}
	target.Python = python // as it is named
	mpms := theMPMs(t, r, target.Apache)
	missing := map[string]string{}
	for _, p := range extensionPackages {
		if why := installPackage(t.Context(), r, venv, p.pip); why != "" {
			missing[p.name] = why
			t.Logf("skipped: %s with Python %s: %s", p.pip, python.Version, why)
		}
	}
	audit, err := pybuild.Inspect(t.Context(), r, venv, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range extensionPackages {
		row := extensionRow{python: Target{Python: python}.python(), name: p.name, version: "(no ready-made package)", cells: map[string]string{}}
		if missing[p.name] == "" {
			modules := audited(audit, regexp.MustCompile(p.modules))
			t.Run(row.python+"/"+p.name, func(t *testing.T) {
				c := extensionCase(p.name, venv, extensionModes(python), modules, &row)
				report(t, Cell{Target: target, MPM: mpms[0], Mode: Daemon}.RunOwn(t.Context(), r, c, os.Getenv("MODWSGI_MATRIX_KEEP") != ""))
			})
		}
		rows = append(rows, row)
	}
	return rows
}

// installPackage has pip install a ready-made package, or tells why there is none.
func installPackage(ctx context.Context, r *run.Runner, venv, name string) string {
	_, err := r.Run(ctx, run.Cmd{Path: filepath.Join(venv, "bin", "python"), Timeout: 3 * time.Minute,
		Args: []string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=1", "--only-binary=:all:", name}})
	if err == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return lines[len(lines)-1]
}

// audited are the extension modules of a package as the audit saw them.
func audited(a pybuild.Audit, modules *regexp.Regexp) map[string]pybuild.Imports {
	found := map[string]pybuild.Imports{}
	for _, e := range a.Modules {
		if modules.MatchString(e.Module) {
			found[e.Module] = e.Imports
		}
	}
	return found
}

// extensionCase has a daemon group for each mode, which fills in the cell.
func extensionCase(name, venv string, modes []extensionMode, modules map[string]pybuild.Imports, row *extensionRow) Case {
	c := Case{Name: "extension-" + strings.ReplaceAll(name, "_", "-"), App: "extensions", Mount: "-", Own: true, Ours: true,
		Announced: Announce{"?"}, AtStop: Announce{"?"}} // all that the log says is a result
	for _, m := range modes {
		c.Global = append(c.Global, fmt.Sprintf("WSGIDaemonProcess %s threads=2 deadlock-timeout=4 request-timeout=6 shutdown-timeout=2 python-home=%s", m.name, quote(venv)))
		if m.on != "" {
			c.Global = append(c.Global, scope("process-group="+m.name, m.on)...)
		}
		for _, interpreter := range []string{"main", "a", "b"} {
			group := strings.ReplaceAll(interpreter, "main", "%{GLOBAL}")
			c.Conf = append(c.Conf, fmt.Sprintf(`WSGIScriptAlias /%s/%s "@APP@/app.wsgi" process-group=%[1]s "application-group=%[3]s"`, m.name, interpreter, group))
		}
	}
	c.Do = func(t *T) {
		row.version = packageVersion(venv, name)
		for _, m := range modes {
			row.cells[m.name] = t.extended(name, m, modules)
			t.Notef("%s %s: %s", name, m.name, row.cells[m.name])
		}
	}
	return c
}

// packageVersion is of the folder that an installed package has for its record.
func packageVersion(venv, name string) string {
	found, err := filepath.Glob(filepath.Join(venv, "lib", "python3*", "site-packages", name+"*.dist-info"))
	if err != nil || len(found) == 0 {
		return "?"
	}
	_, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(found[0]), ".dist-info"), "-")
	return version
}

// extendedFacts is the answer of the application extensions.
type extendedFacts struct {
	Said   string
	Loaded []string
	GIL    bool
}

// extended asks the interpreters of a mode in turn, and two at once. It returns
// "works" or what came instead, and complains of what is no clear error: of a
// process that ends or hangs where the audit does not foretell it, of one that serves no more, and of the audit where
// it told something else.
func (t *T) extended(name string, m extensionMode, modules map[string]pybuild.Imports) string {
	result, loaded := "works", []string{}
	foretold := slices.ContainsFunc(slices.Collect(maps.Values(modules)), func(i pybuild.Imports) bool { return strings.HasPrefix(m.said(i), "ends the process") })
	for _, interpreter := range m.path {
		f := t.extend("/"+m.name+"/"+interpreter, name)
		if f.Said == "works" && m.name == "free" && f.GIL {
			f.Said = "brings the GIL back"
		}
		if f.Said != "works" && result == "works" {
			result = f.Said
			if interpreter != m.path[0] {
				result = "works in one interpreter, then " + f.Said
			}
		}
		if strings.Contains(f.Said, noAnswer) {
			if !foretold {
				t.Errorf("%s in %s of %s: %s", name, interpreter, m.name, f.Said)
			}
			return result
		}
		loaded = append(loaded, f.Loaded...)
	}
	t.compareAudit(name, m, modules, result, loaded)
	conns := []*Conn{t.Dial(), t.Dial()}
	for _, c := range conns {
		t.Send(c, Request{Path: "/" + m.name + "/" + m.path[0] + "?" + name})
	}
	for _, c := range conns {
		if r, err := c.Read("GET"); err != nil || r.Status != 200 {
			t.Errorf("%s in %s, two at once: status %d, %v", name, m.name, r.Status, err)
		}
		c.Close()
	}
	Same(t, m.name+" after it", t.extend("/"+m.name+"/"+m.path[0], "nothing").Said, "works")
	return result
}

// noAnswer is in a result that is no error of the application's.
const noAnswer = "no answer"

// extend makes one request. What brings no answer of the application is told with
// what the log says of it.
func (t *T) extend(path, name string) (f extendedFacts) {
	c := t.Dial()
	t.Send(c, Request{Path: path + "?" + name})
	r, err := c.Read("GET")
	c.Close()
	if err == nil && r.Status == 200 && json.Unmarshal(r.Body, &f) == nil {
		return f
	}
	cause := "nothing in the log"
	fatal := regexp.MustCompile(`Fatal Python error|killed by|was ended by|deadlock|request_timeout|WSGIM05\d\d`)
	for _, rec := range t.Log() {
		if rec.Grave() && fatal.MatchString(rec.Text) {
			cause = rec.Text
			break
		}
	}
	f.Said = fmt.Sprintf("%s (status %d): %s", noAnswer, r.Status, cause)
	if err != nil {
		f.Said += ", " + err.Error()
	}
	return f
}

// compareAudit complains if the audit said of a module that it cannot be imported
// there, which was loaded and worked; and if it said of all that they can, when
// the package did not work.
func (t *T) compareAudit(name string, m extensionMode, modules map[string]pybuild.Imports, result string, loaded []string) {
	slices.Sort(loaded)
	for _, module := range slices.Compact(loaded) {
		if imports, ok := modules[module]; ok && result == "works" && m.said(imports) != "works" {
			t.Errorf("the audit says of %s in %s: %s; the application works with it", module, m.name, m.said(imports))
		}
	}
	works := func(module string) bool { return m.said(modules[module]) == "works" }
	if names := slices.Collect(maps.Keys(modules)); result != "works" && !slices.ContainsFunc(names, func(n string) bool { return !works(n) }) {
		t.Errorf("the audit says of all modules of %s in %s that they can be imported; the application: %s", name, m.name, result)
	}
}

// extensionTable is the table as it stands in docs/interpreters.md.
func extensionTable(rows []extensionRow) string {
	var b strings.Builder
	b.WriteString("| package | Python | main | sub-interpreter | own GIL | no GIL |\n|---|---|---|---|---|---|\n")
	slices.SortStableFunc(rows, func(x, y extensionRow) int { return cmp.Compare(x.name, y.name) })
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s %s | %s |", row.name, row.version, strings.TrimPrefix(row.python, "py"))
		for _, mode := range []string{"main", "shared", "own", "free"} {
			fmt.Fprintf(&b, " %s |", orElse(row.cells[mode], "–"))
		}
		b.WriteString("\n")
	}
	return b.String()
}
