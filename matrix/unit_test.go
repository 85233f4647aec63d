package matrix

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestConfText(t *testing.T) {
	target := Target{
		Apache: apxs.Info{ModulesDir: "/usr/lib/apache two/modules"}, Module: `/opt/our "module"/mod_wsgi.so`,
		Python: pybuild.Info{ABI: pybuild.ABI{Major: 3, Minor: 13, Free: true}},
		Lines:  []string{"WSGIPythonHome /opt/python"},
	}
	have := map[string]bool{"mod_mpm_event.so": true, "mod_mpm_prefork.so": true, "mod_alias.so": true, "mod_unixd.so": true, "mod_mime.so": true}
	sites := []Site{
		{Host: "one.test", Script: "/tmp/a root/apps/one/app.wsgi", Mode: Daemon, Group: "matrix", Lines: []string{"SetEnv A b"}},
		{Host: "two.test", Script: "/tmp/a root/apps/two/app.wsgi", Mode: Embedded, Mount: "-", Interpreter: "%{RESOURCE}"},
	}
	for name, c := range map[string]Conf{
		"event-root":   {MPM: "event", User: "www-data", Group: "www-data", Static: map[string]bool{"mod_unixd.c": true}},
		"prefork-user": {MPM: "prefork", Static: map[string]bool{"mod_alias.c": true}},
	} {
		t.Run(name, func(t *testing.T) {
			c.Root, c.Port, c.Target, c.Have, c.Sites = "/tmp/a root", 8080, target, have, sites
			c.Global = []string{"WSGIDaemonProcess matrix threads=5"}
			golden(t, name+".conf", c.Text())
		})
	}
	if got := (Cell{Target: target, MPM: "event", Mode: Daemon}).Name(); got != "py3.13t/event/daemon" {
		t.Errorf("the cell's name is %s", got)
	}
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs (run with -update if it should):\n%s", file, text)
	}
}

// TestCases checks the table itself: names are unique, applications exist, and
// none is in the tree that no case uses.
func TestCases(t *testing.T) {
	seen, used := map[string]bool{}, map[string]bool{"facts": true, "validated": true} // of TestProve, of TestValidated
	for _, c := range Cases() {
		if seen[c.Name] {
			t.Errorf("two cases are called %s", c.Name)
		}
		seen[c.Name], used[c.app()] = true, true
		if c.Steps == nil && c.Do == nil {
			t.Errorf("%s does nothing", c.Name)
		}
		if _, err := apps.ReadFile("testdata/apps/" + c.app() + "/" + c.script()); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if _, err := c.Announced.compile(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if (len(c.Global) > 0 || len(c.Extra) > 0 || c.AtStop != nil) && !c.Own {
			t.Errorf("%s changes the server and has none of its own", c.Name)
		}
	}
	used["extensions"] = true // TestExtensionTable makes its cases from what is installed
	folders, err := apps.ReadDir("testdata/apps")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !used[f.Name()] {
			t.Errorf("no case uses the application %s", f.Name())
		}
	}
}

func TestReport(t *testing.T) {
	var r Report
	if r.Err() == nil {
		t.Error("a run of nothing is no success")
	}
	r.Add(Outcome{Name: "a", Status: Pass}, Outcome{Name: "b", Status: Skip, Why: []string{"not root"}})
	if err := r.Err(); err != nil || r.Line() != "1 passed, 0 failed, 1 skipped" {
		t.Errorf("%v, %s", err, r.Line())
	}
	r.Add(Outcome{Name: "c", Status: Fail, Why: []string{"one\ntwo"}, Root: "/tmp/x", Again: "httpd"})
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := "skip  b\n      not root\nfail  c\n      one\n      two\n      kept: /tmp/x\n      again: httpd\n1 passed, 1 failed, 1 skipped\n"
	if b.String() != want {
		t.Errorf("printed %q", b.String())
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "c: one") {
		t.Errorf("error %v", err)
	}
}

func TestParseStat(t *testing.T) {
	const tail = " S 7 8 9 0 -1 4194560 1 2 3 4 10 20 5 6 20 0 1 0 12345 999"
	for name, text := range map[string]string{"(wsgi:a b)": "42 ((wsgi:a b))" + tail, "x) y": "42 (x) y)" + tail} {
		p, err := parseStat([]byte(text))
		if err != nil || p.PID != 42 || p.Name != name || p.Parent != 7 || p.Group != 8 || p.Ticks != 30 || p.Waited != 11 || p.Start != 12345 || p.State != 'S' {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "42", "42 (x)", "42 (x) S 1 2", "x (x)" + tail} {
		if p, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
}

func TestFamily(t *testing.T) {
	all := []Process{
		{PID: 10, Parent: 1, Group: 10}, {PID: 11, Parent: 10, Group: 10}, {PID: 12, Parent: 11, Group: 12},
		{PID: 13, Parent: 1, Group: 10}, {PID: 14, Parent: 1, Group: 14}, {PID: 15, Parent: 10, State: 'Z'},
	}
	var got []int
	for _, p := range family(all, 10) {
		got = append(got, p.PID)
	}
	if len(got) != 4 || got[3] != 13 {
		t.Errorf("family is %v, want 10 11 12 13", got)
	}
	self := []Process{}
	for _, p := range processTable() {
		if p.PID == os.Getpid() {
			self = append(self, p)
		}
	}
	if len(alive(self)) != 1 {
		t.Errorf("this process is not alive")
	}
	self[0].Start++ // another process of the same id
	if len(alive(self)) != 0 {
		t.Errorf("a process of another start is taken for this one")
	}
}

// TestStartFails wants the reason in the error, and nothing left.
func TestStartFails(t *testing.T) {
	r := &run.Runner{}
	apache, err := apxs.Find(t.Context(), r, "")
	if err != nil {
		t.Skipf("no Apache: %v", err)
	}
	mpms := LoadableMPMs(t.Context(), r, apache)
	if len(mpms) == 0 {
		t.Skipf("no MPM of %s can be loaded", apache.Httpd)
	}
	s, err := NewServer(context.Background(), r, Target{Apache: apache, Module: "/nowhere/mod_wsgi.so"}, mpms[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "/nowhere/mod_wsgi.so") {
		t.Errorf("error %v, want the module that cannot be loaded", err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stopping what never ran: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Root); !os.IsNotExist(err) {
		t.Errorf("%s is left", s.Root)
	}
}

// RS36: how far a download may be ahead depends on the kernel's buffers.
func TestMostAhead(t *testing.T) {
	for setting, want := range map[string]int{"4096\t131072\t33554432\n": 33554432, "4096 16384 4194304": 4194304, "": 0, "1 2": 0} {
		if got := largest(setting); got != want {
			t.Errorf("%q: %d, want %d", setting, got, want)
		}
	}
	if got := mostAhead(); got < 32<<20 {
		t.Errorf("%d bytes are less than every kernel may have", got)
	}
}

// RS36: what a download made processes grow by has nothing to do with those that
// start meanwhile, or end.
func TestGrown(t *testing.T) {
	if got := grown(map[int]int{1: 100, 2: 50, 3: 70}, map[int]int{1: 160, 2: 40, 4: 10000}); got != 50 {
		t.Errorf("%d KiB", got)
	}
}
