package verbs

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/options"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// found is a discovery with what a machine may have.
func found() *discovery {
	return &discovery{
		Apaches: []apxs.Candidate{
			{Apxs: "/usr/bin/apxs", Usable: true, Default: true, Select: "APXS=/usr/bin/apxs", Info: &apxs.Info{Version: "2.4.65", MPM: "event", Family: "debian", ModulesDir: "/usr/lib/apache2/modules", MMN: apxs.MMN{Cookie: "AP24", Major: 20120211, Minor: 142}}},
			{Httpd: "/opt/sbin/httpd", Why: "it has no apxs"},
		},
		Pythons: []pybuild.Candidate{
			{Executable: "/opt/py/bin/python3", Usable: true, Source: "/opt", Select: "PYTHON=/opt/py/bin/python3", Notes: []string{"it is experimental", "it must be asked for"},
				Info: &pybuild.Info{Version: "3.13.1", SONAME: "libpython3.13t.so.1.0", ABI: pybuild.ABI{Impl: "cpython", Major: 3, Minor: 13, Free: true}}},
			{Executable: "/srv/venv/bin/python3", Usable: true, Default: true, Source: "VIRTUAL_ENV", Select: "PYTHON=/srv/venv/bin/python3", Of: "/usr/bin/python3", Notes: []string{"it must be asked for"},
				Info: &pybuild.Info{Version: "3.12.1", SONAME: "libpython3.12.so.1.0", ABI: pybuild.ABI{Impl: "cpython", Major: 3, Minor: 12}}},
			{Executable: "/usr/bin/python", Source: "PATH", Why: "it is older than Python 3.4", Advice: "install another", Info: &pybuild.Info{}},
		},
	}
}

func TestDiscoverTable(t *testing.T) {
	var b strings.Builder
	if err := found().print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"* 2.4.65  event  20120211:142  debian  /usr/lib/apache2/modules  APXS=/usr/bin/apxs\n",
		"  3.13.1  cp313t  /opt         libpython3.13t.so.1.0  1,2    PYTHON=/opt/py/bin/python3\n",
		"* 3.12.1  cp312   VIRTUAL_ENV  libpython3.12.so.1.0   2,3    PYTHON=/srv/venv/bin/python3\n",
		"\n*   taken when none is named\n1   it is experimental\n2   it must be asked for\n3   an environment of /usr/bin/python3\n",
		"Not usable\n  /opt/sbin/httpd: it has no apxs\n  /usr/bin/python (PATH): it is older than Python 3.4\n    install another\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// The table is for a terminal of 120 columns. Only what cannot be broken is
// longer, at the end of its line.
func TestDiscoverWidth(t *testing.T) {
	d := found()
	d.Notes = []string{strings.Repeat("a note ", 40)}
	d.Pythons[0].Notes = []string{strings.Repeat("words and words ", 40)}
	d.Pythons[0].Select = "PYTHON=/home/somebody/.pyenv/versions/3.13.1t/bin/python3"
	d.Pythons[2].Why = "one line\n" + strings.Repeat("of several ", 40)
	d.Apaches[1].Why = "/" + strings.Repeat("x", 150)
	var b strings.Builder
	if err := d.print(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > width && !strings.HasSuffix(line, "xxx") {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	if !strings.Contains(b.String(), "one line\n    of several of") {
		t.Errorf("the lines of a text are not kept:\n%s", b.String())
	}
}

// What there is none of is said, with what to install where nothing was come
// across; and nothing is marked that a wrong setting keeps from being taken.
func TestNothingToDiscover(t *testing.T) {
	nowhere := t.TempDir()
	t.Chdir(nowhere)
	d := &discovery{}
	d.lacks("Apache", 0, nil)
	d.lacks("Python", 1, nil)
	var b strings.Builder
	if err := d.print(&b); err != nil {
		t.Fatal(err)
	}
	if want := "No Apache here can be built for.\n\nNo Python here can be built for.\n"; !strings.HasPrefix(b.String(), want) || strings.Contains(b.String(), "*") {
		t.Errorf("%s\nwant %s", b.String(), want)
	}
	list := apxs.Candidates(t.Context(), &run.Runner{Env: []string{"PATH=" + nowhere, "APXS=/no/such/apxs"}})
	for _, c := range list {
		if c.Default {
			t.Errorf("%s would be taken, though APXS names another", c.Apxs)
		}
	}
}

// T-5: each of the three is one JSON document with a schema number, and says the
// same as the whole.
func TestDiscoverJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("every Python of this machine is started: not with -short")
	}
	t.Chdir(t.TempDir())
	said := map[string]discovery{}
	format := "json"
	for name, f := range map[string]func(context.Context, *Job) error{"discover": Discover, "apaches": Apaches, "pythons": Pythons} {
		j, err := New(name, options.Flags{"output": &format})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		j.Out = &out
		if err := f(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		var d discovery
		decoder := json.NewDecoder(&out)
		if err := decoder.Decode(&d); err != nil || d.Schema != 1 || decoder.More() {
			t.Errorf("%s: schema %d, %v", name, d.Schema, err)
		}
		said[name] = d
	}
	if a, b := said["discover"], said["apaches"]; len(a.Apaches) != len(b.Apaches) || len(b.Pythons) > 0 {
		t.Error("apaches and discover differ")
	}
	if a, b := said["discover"], said["pythons"]; len(a.Pythons) != len(b.Pythons) || len(b.Apaches) > 0 {
		t.Error("pythons and discover differ")
	}
}
