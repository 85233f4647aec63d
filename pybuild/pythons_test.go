package pybuild

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// fixture is a Python of testdata/pythons: how it came to be there, what it
// answers, the files that are there, and what is to be found out. Its paths are those of the system that it
// stands for; in a test they are below the root of a machine.
type fixture struct {
	About  string            `json:"about"`
	Made   string            `json:"made"`
	Answer json.RawMessage   `json:"answer"`
	Files  map[string]string `json:"files"`  // path to what it is
	Beside map[string]string `json:"beside"` // the same, of files that were put there by hand, to be taken for those of Files
	Want   struct {
		ID         string   `json:"id"`
		Libc       string   `json:"libc"`
		Include    []string `json:"include"`
		LibPython  string   `json:"libpython"`
		SONAME     string   `json:"soname"`
		From       string   `json:"from"`
		NeedsPath  *bool    `json:"needs_path"`
		Defines    []string `json:"defines"`
		Archive    string   `json:"archive"`
		StaticLibs []string `json:"static_libs"`
		Notes      []string `json:"notes"`
		Error      string   `json:"error"`
		Advice     string   `json:"advice"`
	} `json:"want"`

	probe probe // Answer
}

func readFixture(t *testing.T, name string) fixture {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "pythons", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var x fixture
	if err := json.Unmarshal(data, &x); err != nil {
		t.Fatal(err)
	}
	if x.probe, err = readProbe("<m>"+string(x.Answer)+"<m>", "<m>"); err != nil {
		t.Fatal(err)
	}
	maps.Copy(x.Files, x.Beside)
	return x
}

// plant puts x on the machine and returns its interpreter, which answers as
// recorded.
func (m *machine) plant(x fixture) string {
	m.t.Helper()
	m.put(x.Files)
	p := x.probe
	p.Vars, p.Paths, p.Mapped = maps.Clone(p.Vars), maps.Clone(p.Paths), slices.Clone(p.Mapped)
	for _, s := range []*string{&p.Prefix, &p.BasePrefix, &p.ExecPrefix, &p.BaseExecPrefix, &p.Executable, &p.BaseExecutable} {
		*s = m.rooted(*s)
	}
	for name, value := range p.Vars {
		p.Vars[name] = setting(m.rooted(string(value)))
	}
	for name, value := range p.Paths {
		p.Paths[name] = m.rooted(value)
	}
	for i := range p.Mapped {
		p.Mapped[i] = m.rooted(p.Mapped[i])
	}
	answer, err := json.Marshal(p)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.answering(strings.TrimPrefix(p.Executable, m.root), string(answer))
}

// put makes files as fixtures name them: path to what it is.
func (m *machine) put(files map[string]string) {
	m.t.Helper()
	for path, what := range files {
		kind, rest, _ := strings.Cut(what, " ")
		switch kind {
		case "folder":
			m.mkdir(path)
		case "archive":
			m.write(path, "!<arch>\n", 0o644)
		case "text":
			m.write(path, rest, 0o644)
		case "headers":
			m.headers(path, rest)
		case "elf", "macho":
			var name, cpu string
			var hex int
			if _, err := fmt.Sscanf(rest+" -", "%s %v %s", &name, &hex, &cpu); err != nil {
				m.t.Fatalf("%s: %v", what, err)
			}
			if kind == "macho" {
				m.write(path, string(machO(m.rooted(name), uint32(hex), cpu)), 0o755)
			} else {
				m.library(path, name, hex)
			}
		default:
			m.t.Fatalf("%s: what is %q?", path, what)
		}
	}
}

// rooted is a path of the machine; what is no path, or names the folder of
// standalone builds, stays as it is.
func (m *machine) rooted(s string) string {
	if !filepath.IsAbs(s) || strings.ContainsAny(s, " ") || s == standalone || strings.HasPrefix(s, standalone+"/") || strings.HasPrefix(s, m.root) {
		return s
	}
	return m.path(s)
}

// Y-1: each kind of Python, by the same functions as one that was run.
func TestPythons(t *testing.T) {
	files, err := filepath.Glob("testdata/pythons/*.json")
	if err != nil || len(files) < 15 {
		t.Fatalf("fixtures: %v, %v", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		x := readFixture(t, name) // before the machine, which is elsewhere
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			info, err := m.finder().find(t.Context(), m.plant(x))
			x.check(t, m, info, err)
		})
	}
}

func (x fixture) check(t *testing.T, m *machine, info Info, err error) {
	t.Helper()
	w := x.Want
	if (err != nil) != (w.Error != "") || err != nil && (!strings.Contains(err.Error(), w.Error) || !strings.Contains(hint.Of(err), w.Advice)) {
		t.Errorf("error %v (%s), want %q", err, hint.Of(err), w.Error)
	}
	below := func(s string) string { return strings.TrimPrefix(s, m.root) }
	var include []string
	for _, dir := range info.Include {
		include = append(include, below(dir))
	}
	if info.ABI.FullID() != w.ID || !slices.Equal(include, w.Include) || w.Libc != "" && info.ABI.Libc != w.Libc {
		t.Errorf("%s of %s, headers in %q; want %s of %s, %q", info.ABI.FullID(), info.ABI.Libc, include, w.ID, w.Libc, w.Include)
	}
	if below(info.LibPython) != w.LibPython || below(info.SONAME) != w.SONAME {
		t.Errorf("library %s, SONAME %s; want %s, %s\nlooked into %+v", info.LibPython, info.SONAME, w.LibPython, w.SONAME, info.Libraries)
	}
	if w.NeedsPath != nil && info.NeedsPath != *w.NeedsPath {
		t.Errorf("needs a path: %v", info.NeedsPath)
	}
	if i := slices.IndexFunc(info.Libraries, func(l Library) bool { return l.Why == "" }); w.From != "" && (i < 0 || info.Libraries[i].From != w.From) {
		t.Errorf("found by another way than %s: %+v", w.From, info.Libraries)
	}
	if w.Defines != nil && !slices.Equal(info.Defines, w.Defines) {
		t.Errorf("defines %q, want %q", info.Defines, w.Defines)
	}
	if w.Archive != "" && (below(info.Archive) != w.Archive || !slices.Equal(info.StaticLibs, w.StaticLibs)) {
		t.Errorf("archive %s with %q, want %s with %q", info.Archive, info.StaticLibs, w.Archive, w.StaticLibs)
	}
	if len(info.Notes) != len(w.Notes) {
		t.Errorf("notes %q, want %q", info.Notes, w.Notes)
	}
	for i, note := range w.Notes {
		if !strings.Contains(strings.Join(info.Notes, "\n"), note) {
			t.Errorf("note %d: %q, want %q", i, info.Notes, note)
		}
	}
}
