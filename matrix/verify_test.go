package matrix

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// accepting is a runner for proofs on machines whose configuration has another
// wsgi_module, which is no concern of these tests.
func accepting() *run.Runner { return (&run.Runner{}).With(installer.BrokenVariable + "=1") }

// ourSubject is the module of all tests, to be proved.
func ourSubject(t *testing.T, r *run.Runner) installer.Subject {
	t.Helper()
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("that is another implementation: TestOriginals proves releases of the original")
	}
	s, err := Subject(r, csrc.Artifact{Module: target.Module, Dir: filepath.Dir(target.Module), Version: csrc.Version(), Halves: make([]csrc.Half, 1)}, target.Apache, target.Python)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// level is one level of a proof.
func level(p installer.Proof, name installer.Level) installer.LevelReport {
	return p.Levels[slices.IndexFunc(p.Levels, func(l installer.LevelReport) bool { return l.Level == name })]
}

// V-1, V-6, V-7, V-10: our module passes every level, with real requests in both
// modes, and the machine's own server does not notice.
func TestProof(t *testing.T) {
	r := accepting()
	s := ourSubject(t, r)
	before := serverState(t, s)
	p := installer.Prove(t.Context(), r, s)
	if after := serverState(t, s); !slices.Equal(before, after) {
		t.Errorf("of the machine's server there was %q and is %q", before, after)
	}
	wantProved(t, p)
}

// wantProved wants every level to have passed; a machine without a configuration
// of Apache's has no level config.
func wantProved(t *testing.T, p installer.Proof) {
	t.Helper()
	for _, l := range p.Levels {
		if l.Status != installer.Passed && !(l.Level == installer.Config && l.Status == installer.NotRun) {
			t.Errorf("%s: %s %s\n%s", l.Level, l.Status, l.Reason, strings.Join(l.Wrong, "\n"))
		}
	}
	looked := strings.Join(level(p, installer.Running).Looked, "\n")
	for _, want := range []string{"/daemon/facts: pass", "/embedded/facts: pass", "/stop: pass"} {
		if !strings.Contains(looked, want) {
			t.Errorf("level run looked at %q, not at %s", looked, want)
		}
	}
}

// serverState is what the machine's own server has: logs, sockets and pid files,
// configuration.
func serverState(t *testing.T, s installer.Subject) []string {
	t.Helper()
	var list []string
	for _, dir := range []string{s.Apache.LogDir, s.Apache.RuntimeDir, s.Apache.ConfDir} {
		if dir == "" {
			continue
		}
		_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return nil // not ours to see
			}
			if info, err := e.Info(); err == nil {
				list = append(list, fmt.Sprint(path, info.Mode(), info.Size(), info.ModTime()))
			}
			return nil
		})
	}
	return list
}

// V-6: another Python than was asked for is a failure, and each fact is told.
func TestProofFacts(t *testing.T) {
	r := accepting()
	s := ourSubject(t, r)
	for name, c := range map[string]struct {
		bend func(*pybuild.Info)
		want string
	}{
		"version":       {func(p *pybuild.Info) { p.Version = "3.1.4" }, "Python's version is"},
		"hexversion":    {func(p *pybuild.Info) { p.HexVersion++ }, "sys.hexversion is"},
		"prefix":        {func(p *pybuild.Info) { p.Prefix += "/other" }, "sys.prefix is"},
		"base prefix":   {func(p *pybuild.Info) { p.BasePrefix += "/other" }, "sys.base_prefix is"},
		"free threaded": {func(p *pybuild.Info) { p.ABI.Free = !p.ABI.Free }, "free threading is"},
		"debug":         {func(p *pybuild.Info) { p.ABI.Debug = !p.ABI.Debug }, "debug build is"},
		"library":       {func(p *pybuild.Info) { p.LibPython = os.Args[0] }, "libpython in the process is"},
	} {
		t.Run(name, func(t *testing.T) {
			o := ProveOptions{Module: s.Module, Apache: s.Apache, Python: s.Python, Lines: s.Lines[1:]}
			c.bend(&o.Python)
			report, err := Prove(t.Context(), r, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, mode := range []string{"daemon", "embedded"} {
				i := slices.IndexFunc(report.Outcomes, func(o Outcome) bool { return strings.Contains(o.Name, "/"+mode+"/") })
				if why := strings.Join(report.Outcomes[i].Why, "\n"); report.Outcomes[i].Status != Fail || !strings.Contains(why, c.want) {
					t.Errorf("%s: %s %q, want %q", mode, report.Outcomes[i].Status, why, c.want)
				}
			}
		})
	}
}

// V-6: a port that somebody took meanwhile is tried again with another, a few
// times, and nothing of the attempt is left in the log.
func TestServerPortTaken(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().(*net.TCPAddr).Port
	for _, c := range []struct{ before, asked int }{{2, 3}, {portAttempts, portAttempts}} {
		s, err := NewServer(t.Context(), r, target, theMPMs(t, r, target.Apache)[0])
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		asked := 0
		s.ports = func() (int, error) {
			if asked++; asked <= c.before {
				return busy, nil
			}
			return FreePort()
		}
		err = s.Start(t.Context())
		if c.before < portAttempts {
			if err != nil || s.Port == busy || strings.Contains(s.LogText("error.log"), "AH00072") {
				t.Errorf("port %d: %v\n%s", s.Port, err, s.LogText("error.log"))
			}
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		} else if err == nil || !strings.Contains(err.Error(), "AH00072") {
			t.Errorf("a port that stays taken: %v", err)
		}
		if asked != c.asked {
			t.Errorf("%d ports were tried, want %d", asked, c.asked)
		}
	}
}

// the library stands before the module that needs it, and the home behind.
func TestConfLoadFile(t *testing.T) {
	c := Conf{Root: "/r", MPM: "event", Target: Target{Module: "/m/mod_wsgi.so", Lines: []string{`LoadFile "/p/libpython3.so"`, "WSGIPythonHome /p"}}}
	text, at := c.Text(), -1
	for _, want := range []string{"\nLoadFile \"/p/libpython3.so\"\n", "\nLoadModule wsgi_module ", "\nWSGIPythonHome /p\n"} {
		i := strings.Index(text, want)
		if i <= at || strings.Count(text, want) != 1 {
			t.Errorf("%q is not in its place:\n%s", want, text)
		}
		at = i - 1
	}
}

// V-9: a home that is none is found, at the latest by a request.
func TestProofWrongHome(t *testing.T) {
	r := accepting()
	s := ourSubject(t, r)
	wantHomeRefused(t, r, s)
}

func wantHomeRefused(t *testing.T, r *run.Runner, s installer.Subject) installer.Proof {
	t.Helper()
	s.Lines = []string{s.Lines[0], `WSGIPythonHome "/nonexistent/python"`}
	p := installer.Prove(t.Context(), r, s)
	if p.Err() == nil {
		t.Errorf("a WSGIPythonHome that is not there passes: %+v", p.Levels)
	}
	var wrong []string
	for _, l := range p.Levels {
		wrong = append(wrong, l.Wrong...)
	}
	if said := strings.Join(wrong, "\n"); !strings.Contains(said, "/nonexistent/python") {
		t.Errorf("what is wrong does not name it: %s", said)
	}
	return p
}

// proofTable has a line for each proof.
type proofTable struct {
	b strings.Builder
	w *tabwriter.Writer
}

func newProofTable(names string) *proofTable {
	p := &proofTable{}
	p.w = tabwriter.NewWriter(&p.b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(p.w, names+"\tbuild\tstatic\tload\tconfig\trun\tembedded\tdaemon\tnote")
	return p
}

// add is a row of what was proved.
func (p *proofTable) add(names string, took time.Duration, proof installer.Proof) {
	row := []string{names, fmt.Sprintf("%.1f s", took.Seconds())}
	var notes []string
	for _, l := range proof.Levels {
		row = append(row, string(l.Status))
		notes = append(notes, l.Reason)
		for _, text := range l.Wrong {
			notes = append(notes, opening(text))
		}
	}
	looked := level(proof, installer.Running).Looked
	for _, mode := range []string{"embedded", "daemon"} {
		status := "-"
		for _, text := range looked {
			if name, s, ok := strings.Cut(text, ": "); ok && strings.Contains(name, "/"+mode+"/") {
				status = s
			}
		}
		row = append(row, status)
	}
	notes = slices.DeleteFunc(notes, func(s string) bool { return s == "" })
	fmt.Fprintf(p.w, "%s\t%s\n", strings.Join(row, "\t"), strings.Join(notes, "; "))
}

// not is a row of what was not built, and why.
func (p *proofTable) not(names, why string) {
	fmt.Fprintf(p.w, "%s\t-\t-\t-\t-\t-\t-\t-\t%s\n", names, opening(why))
}

func (p *proofTable) log(t *testing.T) {
	p.w.Flush() // into memory
	t.Logf("\n%s", p.b.String())
}

// opening is the first line of a text.
func opening(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// proofFolder is a folder that the server's user can reach.
func proofFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "modwsgi proof ")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestEveryPython builds our module for each Python of this machine that it can be
// built for, and proves each at every level: MODWSGI_MATRIX_EVERY=1.
func TestEveryPython(t *testing.T) {
	if os.Getenv("MODWSGI_MATRIX_EVERY") == "" {
		t.Skip("it builds for every Python here, which takes minutes: MODWSGI_MATRIX_EVERY=1")
	}
	r := accepting()
	target := theTarget(t, r)
	dir := proofFolder(t)
	table := newProofTable("Python\tid\texecutable")
	defer func() { table.log(t) }()
	proved, names := 0, map[string]bool{}
	for _, c := range everyPython(t.Context(), r) {
		if c.Of != "" || c.Info == nil || c.Info.ABI.Major == 3 && c.Info.ABI.Minor < 9 {
			continue // an environment of another, or no Python for us
		}
		python := *c.Info
		name := fmt.Sprintf("%s\t%s\t%s", python.Version, python.ABI.ID(), c.Executable)
		switch {
		case names[python.LibPython+name]:
			continue
		case !c.Usable:
			table.not(name, "not usable: "+c.Why)
			continue
		case python.Sanitizer != "":
			table.not(name, "not proved: built for the sanitizer "+python.Sanitizer+", which a server is not")
			continue
		case os.Geteuid() == 0 && !open(python.Base):
			table.not(name, "not proved: the server's user cannot reach it")
			continue
		}
		names[python.LibPython+name] = true
		began := time.Now()
		built, err := csrc.Build(t.Context(), r, csrc.Options{Apache: &target.Apache, Python: []pybuild.Info{python},
			Dir: filepath.Join(dir, fmt.Sprint(proved)), Runtime: installer.Runtime(), Cache: filepath.Join(dir, "cache")})
		took := time.Since(began)
		if err != nil {
			table.not(name, "not built: "+err.Error())
			t.Errorf("%s: %v", c.Executable, err)
			continue
		}
		s, err := Subject(r, built, target.Apache, python)
		if err != nil {
			t.Fatal(err)
		}
		p := installer.Prove(t.Context(), r, s)
		table.add(name, took, p)
		t.Run(python.ABI.ID()+" "+python.Version, func(t *testing.T) { wantProved(t, p) })
		proved++
	}
	if proved == 0 {
		t.Errorf("no Python could be proved on %s", runtime.GOOS)
	}
}

// everyPython are the Pythons of MODWSGI_MATRIX_PYTHONS, paths apart by colons, or
// all of this machine.
func everyPython(ctx context.Context, r *run.Runner) []pybuild.Candidate {
	named := os.Getenv("MODWSGI_MATRIX_PYTHONS")
	if named == "" {
		return pybuild.Candidates(ctx, r)
	}
	var list []pybuild.Candidate
	for _, path := range strings.Split(named, ":") {
		c := pybuild.Candidate{Executable: path}
		info, err := pybuild.Find(ctx, r, path)
		if c.Usable = err == nil; err != nil {
			c.Why = err.Error()
		}
		c.Info = &info
		list = append(list, c)
	}
	return list
}
