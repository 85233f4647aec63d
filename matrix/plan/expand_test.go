package plan

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// M-1, M-3: without a matrix.toml the cells are those of the machine, by names that
// say no more than what varies.
func TestFull(t *testing.T) {
	p := planOf(t, "")
	if len(p.Cells) != 5*3*2 || len(p.Varies) != 0 {
		t.Errorf("%d cells, %v varies", len(p.Cells), p.Varies)
	}
	same(t, ids(p)[:7], []string{
		"py3.11/event/embedded", "py3.11/event/daemon", "py3.11/worker/embedded", "py3.11/worker/daemon",
		"py3.11/prefork/embedded", "py3.11/prefork/daemon", "py3.9/event/embedded",
	})
	py, ok := p.Python(p.Cells[len(p.Cells)-1].Cell)
	if !ok || py.Name != "py3.11.7" || py.Executable != "/opt/3117/bin/python3" {
		t.Errorf("the second 3.11 is %+v", py)
	}
	server, ok := p.Apache(p.Cells[0].Cell)
	if !ok || server.Name != "ap2.4.62" || server.Apxs != "/usr/bin/apxs" {
		t.Errorf("the Apache is %+v", server)
	}
}

// M-1: which cells there are by the rules: what can never be is none.
func TestRules(t *testing.T) {
	p := planOf(t, `
[axes]
python = ["x"] # what the machine has, in these tests
mpm = ["event"]
gil = ["default", "free", "per-interpreter"]
link = ["shared", "static"]
sanitizer = ["none", "asan", "tsan"]
`)
	for _, c := range []struct {
		id   string
		want bool
	}{
		{"py3.11/event/daemon", true},
		{"py3.11/event/daemon/per-interpreter", false}, // 3.12
		{"py3.12/event/daemon/per-interpreter", true},
		{"py3.12/event/embedded/per-interpreter", true},
		{"py3.12/event/daemon/free", false},
		{"py3.13t/event/daemon/free", true},
		{"py3.13t/event/daemon/per-interpreter", false},
		{"py3.11/event/daemon/static", false}, // no such library
		{"py3.11/event/daemon/asan", true},
		{"py3.11/event/embedded/asan", false},
		{"py3.13t/event/daemon/asan", false},
		{"py3.13t/event/daemon/tsan", false}, // it was not built with it
	} {
		if got := slices.Contains(ids(p), c.id); got != c.want {
			t.Errorf("%s is a cell: %v", c.id, got)
		}
	}
	static, thread := python("3.12.4", "/a"), python("3.13.5t", "/b")
	static.Shared, static.Static, thread.Sanitizer = false, true, Thread
	c := configured(t, "[axes]\nlink = [\"shared\", \"static\"]\nsanitizer = [\"none\", \"tsan\"]\nsource = [\"ours\", \"pypi:4.9.4\", \"pypi:6.0.5\"]\ngil = [\"default\", \"per-interpreter\"]\nsuite = [\"wsgi\", \"express\"]")
	p, err := New(c, Machine{Pythons: []Runtime{static, thread}, Apaches: machine().Apaches}, Request{Mode: Full, Selectors: []string{"*/event/daemon"}})
	if err != nil {
		t.Fatal(err)
	}
	same(t, ids(p), []string{
		"py3.12/event/daemon/static", "py3.12/event/daemon/static/express", "py3.12/event/daemon/static/pypi-4.9.4", "py3.12/event/daemon/static/pypi-6.0.5",
		"py3.12/event/daemon/per-interpreter/static", "py3.12/event/daemon/per-interpreter/static/express", "py3.12/event/daemon/per-interpreter/static/pypi-6.0.5",
		"py3.13t-tsan/event/daemon/tsan", "py3.13t-tsan/event/daemon/tsan/express",
	})
	if p.Spec(Source, "pypi-6.0.5") != "pypi:6.0.5" {
		t.Errorf("pypi-6.0.5 stands for %q", p.Spec(Source, "pypi-6.0.5"))
	}
}

// M-1: what takes something that a machine has and another has not.
func TestRulesOfMachines(t *testing.T) {
	m := machine()
	m.Pythons = append(m.Pythons[:1], python("3.8.19", "/opt/38/bin/python3"))
	m.Apaches[0].Apxs = ""
	p, err := New(configured(t, "[axes]\nmpm = [\"event\"]\nmode = [\"daemon\"]\nbuilder = [\"direct\", \"apxs\"]\nsource = [\"ours\", \"pypi:6.0.5\"]\nsanitizer = [\"none\", \"asan\"]"), m, Request{Mode: Full})
	if err != nil {
		t.Fatal(err)
	}
	same(t, ids(p), []string{"py3.11/event/daemon", "py3.11/event/daemon/asan", "py3.11/event/daemon/pypi-6.0.5", "py3.8/event/daemon/pypi-6.0.5"})
}

// M-2: include adds, exclude takes away, require insists, xfail and limit say what
// is expected.
func TestTables(t *testing.T) {
	p := planOf(t, `
timeout = "1m"
retries = 1
order = ["mode"]
[axes]
mpm = ["event", "worker"]
[[include]]
python = "3.12"
mpm = "prefork"
gil = "per-interpreter"
mode = "daemon"
[[exclude]]
python = "3.9*"
[[exclude]]
python = ["py3.11", "3.11.7"]
mode = "embedded"
[[xfail]]
python = "3.13t"
mpm = ["w*"]
reason = "it hangs"
issue = "#12"
[[include]]
python = "3.12"
mpm = "event" # which is there already
mode = "daemon"
[[limit]]
gil = "per-*"
timeout = "5m"
retries = 2
[[limit]]
mpm = "worker"
retries = 0
[[require]]
python = "3.14"
mpm = "event"
mode = "daemon"
[[require]]
python = "3.12"
mpm = "event"
`)
	same(t, ids(p), []string{
		"py3.12/event/embedded", "py3.12/worker/embedded", "py3.13t/event/embedded", "py3.13t/worker/embedded",
		"py3.11/event/daemon", "py3.11/worker/daemon", "py3.12/event/daemon", "py3.12/worker/daemon", "py3.12/prefork/daemon/per-interpreter",
		"py3.13t/event/daemon", "py3.13t/worker/daemon", "py3.11.7/event/daemon", "py3.11.7/worker/daemon", "py3.14/event/daemon",
	})
	for _, c := range p.Cells {
		_, gil := strings.CutSuffix(c.ID, "/per-interpreter")
		xfail := strings.HasPrefix(c.ID, "py3.13t/worker/")
		if (c.Xfail != nil) != xfail || xfail && *c.Xfail != (Xfail{"it hangs", "#12"}) {
			t.Errorf("%s: xfail %v", c.ID, c.Xfail)
		}
		want := map[bool]string{true: "5m0s 2", false: "1m0s 1"}[gil]
		if c.Cell.MPM == "worker" {
			want = "1m0s 0"
		}
		if want != c.Timeout.String()+" "+string('0'+rune(c.Retries)) {
			t.Errorf("%s: timeout %v, retries %d", c.ID, c.Timeout, c.Retries)
		}
		if c.Require != (c.ID == "py3.14/event/daemon" || strings.HasPrefix(c.ID, "py3.12/event/")) {
			t.Errorf("%s: require %v", c.ID, c.Require)
		}
		if want := map[bool]Reason{true: NoInterpreter}[c.Cell.Python == "py3.14"]; c.Skip != want { // M-7
			t.Errorf("%s: skip %q", c.ID, c.Skip)
		}
	}
}

// M-2: a require adds what is not there, and nothing to what is: not what was
// excluded, nor other values of what it does not name.
func TestRequire(t *testing.T) {
	p := planOf(t, "[axes]\nmpm = [\"event\"]\n[[exclude]]\npython = \"3.*\"\nmode = \"embedded\"\n[[require]]\npython = [\"3.12\", \"3.14\"]\nmpm = \"event\"", "smoke", "py3.12", "py3.14")
	same(t, ids(p), []string{"py3.12/event/daemon", "py3.14/event/daemon"})
	for _, c := range p.Cells {
		if !c.Require {
			t.Errorf("%s is not required", c.ID)
		}
	}
}

// M-7: what the machine lacks and the file names is seen, with its reason.
func TestSkips(t *testing.T) {
	m := machine()
	m.Apaches[0].MPMs = []string{"event"}
	m.Pythons = append(m.Pythons, Runtime{Request: "3.15t"})
	m.Lacking = map[string]Reason{"rootfs": NotRoot, "container": NoProvider}
	c := configured(t, "[axes]\nmpm = [\"event\", \"worker\"]\nmode = [\"daemon\"]\nprovider = [\"host\", \"rootfs:trixie\", \"container:debian-12\", \"prefix:2.4.58\"]")
	p, err := New(c, m, Request{Mode: Full})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Reason{}
	for _, x := range p.Cells {
		got[x.ID] = x.Skip
		if (x.Skip == "") != (len(x.Builds) > 0) {
			t.Errorf("%s is skipped for %q and needs %v", x.ID, x.Skip, x.Builds)
		}
	}
	for id, want := range map[string]Reason{
		"py3.11/event/daemon": "", "py3.11/worker/daemon": NoMPM, "py3.15t/event/daemon": NoInterpreter,
		"py3/event/daemon/rootfs-trixie": NotRoot, "py3/worker/daemon/container-debian-12": NoProvider, "py3.12/worker/daemon/prefix-2.4.58": "",
	} {
		if why, ok := got[id]; !ok || why != want {
			t.Errorf("%s: a cell %v, skipped for %q, want %q", id, ok, why, want)
		}
	}
	if p, err = New(c, Machine{Pythons: m.Pythons}, Request{Mode: Full, Selectors: []string{"py3.11/event/daemon"}}); err != nil || p.Cells[0].Skip != NoApache {
		t.Errorf("without an Apache: %v %+v", err, p.Cells)
	}
	for _, r := range Reasons() {
		if r == "" || slices.Contains(Reasons(), Reason(strings.ToUpper(string(r)))) {
			t.Errorf("%q is no reason", r)
		}
	}
}

// M-16: another system has its own Pythons and Apache: as it said, or else a Python 3
// that is found when it is there. A private Apache is run with those of the host.
func TestProviders(t *testing.T) {
	m := machine()
	m.Pythons = append(m.Pythons[:2],
		Runtime{Provider: "rootfs-trixie", Request: "/usr/bin/python3", Executable: "/usr/bin/python3", Version: "3.13.5", Shared: true},
		Runtime{Provider: "rootfs-trixie", Request: "/usr/bin/python3.14t", Executable: "/usr/bin/python3.14t", Version: "3.14.0", Shared: true, Free: true})
	m.Apaches = append(m.Apaches, Server{Provider: "rootfs-trixie", Version: "2.4.65", Apxs: "/usr/bin/apxs", MPMs: []string{"event"}})
	c := configured(t, "[axes]\nmode = [\"daemon\"]\ngil = [\"default\", \"free\"]\nprovider = [\"host\", \"rootfs:trixie\", \"rootfs-bullseye\", \"prefix:2.4.58\"]\n[[exclude]]\nmpm = \"w*\"\n[[exclude]]\nprovider = \"rootfs:bull*\"\nmpm = \"prefork\"")
	p, err := New(c, m, Request{Mode: Full})
	if err != nil {
		t.Fatal(err)
	}
	same(t, ids(p), []string{
		"py3.11/event/daemon", "py3.11/prefork/daemon", "py3.9/event/daemon", "py3.9/prefork/daemon",
		"py3.13/event/daemon/rootfs-trixie", "py3.14t/event/daemon/rootfs-trixie", "py3.14t/event/daemon/free/rootfs-trixie",
		"py3/event/daemon/rootfs-bullseye",
		"py3.11/event/daemon/prefix-2.4.58", "py3.11/prefork/daemon/prefix-2.4.58", "py3.9/event/daemon/prefix-2.4.58", "py3.9/prefork/daemon/prefix-2.4.58",
	})
	for id, want := range map[string]string{
		"py3.11/event/daemon": "apache/ap2.4.62 python/py3.11", "py3.11/event/daemon/prefix-2.4.58": "apache/prefix-2.4.58 python/py3.11",
		"py3.13/event/daemon/rootfs-trixie": "apache/rootfs-trixie python/py3.13/rootfs-trixie", "py3/event/daemon/rootfs-bullseye": "apache/rootfs-bullseye python/py3/rootfs-bullseye",
	} {
		i := slices.Index(ids(p), id)
		py, ok := p.Python(p.Cells[i].Cell)
		if got := strings.Join(p.Cells[i].Builds, " "); got != want || p.Cells[i].Skip != "" || !ok || py.Request == "" {
			t.Errorf("%s needs %s, want %s; %+v", id, got, want, py)
		}
	}
	if server, ok := p.Apache(p.Cells[4].Cell); !ok || server.Version != "2.4.65" {
		t.Errorf("the Apache of %s is %+v", p.Cells[4].ID, server)
	}
	if p.Spec(Provider, "rootfs-trixie") != "rootfs:trixie" || p.Spec(Provider, "rootfs-bullseye") != "rootfs-bullseye" {
		t.Errorf("specs: %+v", p.Specs)
	}
	again(t, p)
}

// M-16: whoever asks which providers there are hears of all that a file names.
func TestNamedProviders(t *testing.T) {
	c := configured(t, "[axes]\nprovider = [\"host\", \"rootfs:trixie\"]\n[[include]]\nprovider = [\"prefix:2.4\", \"host\"]\n[[require]]\nprovider = \"container:alma9\"\n[[require]]\nprovider = \"rootfs:*\"\n[[exclude]]\nprovider = \"rootfs:sid\"")
	same(t, c.Providers(), []string{"host", "rootfs:trixie", "prefix:2.4", "container:alma9"})
}

// pairsOf are all pairs of values of different axes in cells, told apart by any axis.
func pairsOf(cells []Planned) map[[4]string]bool {
	seen := map[[4]string]bool{}
	for _, c := range cells {
		for i, a := range Axes() {
			for _, b := range Axes()[i+1:] {
				seen[[4]string{string(a), string(b), c.Cell.Value(a), c.Cell.Value(b)}] = true
			}
		}
	}
	return seen
}

// M-4: pairwise has every pair of values that a cell of full has that can be run,
// whatever the rules leave of them, and only cells of full.
func TestPairwise(t *testing.T) {
	random(t, 150, func(c *Config, m Machine, full *Plan, _ *rand.Rand) {
		p, err := New(c, m, Request{Mode: Pairwise})
		if err != nil {
			t.Error(err)
			return
		}
		runs := slices.DeleteFunc(slices.Clone(full.Cells), func(c Planned) bool { return c.Skip != "" })
		got := pairsOf(p.Cells)
		for pair := range pairsOf(runs) {
			if !got[pair] {
				t.Errorf("no cell has %v", pair)
			}
		}
		for _, x := range p.Cells {
			if !slices.ContainsFunc(full.Cells, func(y Planned) bool { return x.ID == y.ID && x.Cell == y.Cell }) {
				t.Errorf("%s is no cell of full", x.ID)
			}
		}
	})
}

// M-4: pairwise is about as small as it can be: no smaller than the product of the
// two longest axes, and not much larger. Known sizes of good covering arrays are the
// measure.
func TestPairwiseSize(t *testing.T) {
	m := machine()
	for i := range m.Pythons {
		m.Pythons[i].Static = true
	}
	for _, c := range []struct {
		text      string
		full, max int
	}{
		{"[axes]\nmpm = [\"event\", \"worker\", \"prefork\"]", 30, 15},
		{"[axes]\nlink = [\"shared\", \"static\"]\nbuilder = [\"direct\", \"apxs\"]", 120, 15},
		{"[axes]\nlink = [\"shared\", \"static\"]\nbuilder = [\"direct\", \"apxs\"]\nsuite = [\"load\", \"smoke\", \"wsgi\", \"soak\"]", 480, 21},
	} {
		cfg := configured(t, c.text)
		full, err := New(cfg, m, Request{Mode: Full})
		if err != nil {
			t.Fatal(err)
		}
		p, err := New(cfg, m, Request{Mode: Pairwise})
		if err != nil {
			t.Fatal(err)
		}
		if len(full.Cells) != c.full || len(p.Cells) > c.max {
			t.Errorf("%s\n%d cells of %d, want at most %d", c.text, len(p.Cells), len(full.Cells), c.max)
		}
		t.Logf("%d of %d", len(p.Cells), len(full.Cells))
	}
}

// M-4: a cell that is skipped or known to fail shows nothing of its other values, so
// their pairs are in one that runs; that it is there is still seen.
func TestPairwiseOfWhatRuns(t *testing.T) {
	m := machine()
	m.Pythons = append(m.Pythons, Runtime{Request: "3.15"})
	c := configured(t, "[axes]\nsuite = [\"smoke\", \"wsgi\"]\n[[xfail]]\npython = \"3.9\"\nmpm = \"event\"\nreason = \"r\"\nissue = \"i\"")
	full, err := New(c, m, Request{Mode: Full})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(c, m, Request{Mode: Pairwise})
	if err != nil {
		t.Fatal(err)
	}
	sound := func(list []Planned) []Planned {
		return slices.DeleteFunc(slices.Clone(list), func(c Planned) bool { return c.Skip != "" || c.Xfail != nil })
	}
	want, got := pairsOf(sound(full.Cells)), pairsOf(sound(p.Cells))
	if len(want) != len(got) {
		t.Errorf("sound cells have %d pairs, of %d", len(got), len(want))
	}
	if n := len(slices.DeleteFunc(slices.Clone(p.Cells), func(c Planned) bool { return c.Skip == "" })); n != 1 {
		t.Errorf("%d cells are skipped, want one that shows it", n)
	}
}

// M-4: smoke has one cell per Python and one per MPM, and no more; what else there
// is varies among them.
func TestSmoke(t *testing.T) {
	random(t, 100, func(c *Config, m Machine, full *Plan, _ *rand.Rand) {
		p, err := New(c, m, Request{Mode: Smoke})
		if err != nil {
			t.Error(err)
			return
		}
		for _, a := range []Axis{Python, MPM} {
			if got, want := valuesOf(p, a), valuesOf(full, a); !slices.Equal(got, want) {
				t.Errorf("smoke has %v, full %v", got, want)
			}
		}
		if most := len(valuesOf(full, Python)) + len(valuesOf(full, MPM)); len(p.Cells) > most {
			t.Errorf("%d cells for %d values", len(p.Cells), most)
		}
	})
	p := planOf(t, "", Smoke)
	if len(p.Cells) != 5 || len(valuesOf(p, Mode)) != 2 {
		t.Errorf("five Pythons, three MPMs and two modes: %q", ids(p))
	}
}

func valuesOf(p *Plan, a Axis) []string {
	var list []string
	for _, c := range p.Cells {
		list = append(list, c.Cell.Value(a))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// M-4: changed is smoke, unless C or build code changed.
func TestChanged(t *testing.T) {
	smoke, full := len(planOf(t, "", Smoke).Cells), len(planOf(t, "").Cells)
	for path, want := range map[string]int{
		"docs/options.md": smoke, "README.md": smoke, "csrc/src/wsgi_wire.h": full, "go.mod": full, "matrix.toml": full, "csrcs/x": smoke, "internal/verbs/csrc/x.go": smoke,
	} {
		p, err := New(&Config{}, machine(), Request{Mode: Changed, Changed: []string{"NOTICE", path}})
		if err != nil || len(p.Cells) != want {
			t.Errorf("%s: %v, %d cells, want %d", path, err, len(p.Cells), want)
		}
	}
	c := configured(t, `changed = ["app/**", "*.c"]`)
	for path, want := range map[string]int{"csrc/src/x.c": smoke, "app": full, "app/a/b.py": full, "x.c": full} {
		if p, err := New(c, machine(), Request{Mode: Changed, Changed: []string{path}}); err != nil || len(p.Cells) != want {
			t.Errorf("%s: %v, %d cells, want %d", path, err, len(p.Cells), want)
		}
	}
}

// M-4, M-12, M-13: the same input gives the same plan and shards, to the byte.
func TestDeterminism(t *testing.T) {
	random(t, 40, func(c *Config, m Machine, full *Plan, r *rand.Rand) {
		timings := someTimings(full, r)
		for _, mode := range []string{Full, Pairwise, Smoke} {
			var texts [2][]byte
			for i := range texts {
				p, err := New(c, m, Request{Mode: mode})
				if err == nil {
					p.Shards = p.Shard(timings, 3)
					texts[i], err = p.Write()
				}
				if err != nil {
					t.Error(err)
				}
			}
			if !bytes.Equal(texts[0], texts[1]) {
				t.Errorf("%s is another plan the second time", mode)
			}
		}
	})
}

// M-5: N Apaches and M Pythons are N + M builds of our sources, and N x M of the
// original's; each once.
func TestBuilds(t *testing.T) {
	m := machine()
	m.Apaches = append(m.Apaches, Server{Version: "2.4.58", Apxs: "/opt/ap/bin/apxs", MPMs: []string{"event"}})
	p, err := New(configured(t, "[axes]\nsource = [\"ours\", \"pypi:6.0.5\"]"), m, Request{Mode: Full})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, b := range p.Builds {
		count[b.kind()]++
	}
	if count["apache"] != 2 || count["python"] != 5 || count["module"] != 10 {
		t.Errorf("builds: %v", count)
	}
	for _, c := range p.Cells {
		if want := map[bool]int{true: 2, false: 1}[c.Cell.Source == ""]; len(c.Builds) != want {
			t.Errorf("%s needs %v", c.ID, c.Builds)
		}
	}
	if key := p.Cells[0].Builds; !slices.Equal(key, []string{"apache/ap2.4.62", "python/py3.11"}) {
		t.Errorf("the builds of %s are %q", p.Cells[0].ID, key)
	}
}

// M-3: what Pythons are called: the first of a version shortly, another release of it
// in full; the same release again is not there twice, but for another build.
func TestPythonNames(t *testing.T) {
	debug, thread := python("3.12.4", "/debug"), python("3.13.5t", "/tsan")
	debug.Debug, thread.Sanitizer = true, Thread
	var list []Runtime
	for _, r := range []Runtime{python("3.12.4", "/a"), python("3.12.9", "/b"), python("3.12.4", "/c"), debug, python("3.13.5t", "/d"), thread, {Request: "3.12"}, {Request: ">=3.15"}} {
		if strings.HasPrefix(r.Request, "/") {
			r.Request = ""
		}
		list = append(list, r)
	}
	var got []string
	for _, r := range (Machine{Pythons: list}).named().Pythons {
		got = append(got, r.Name+" "+r.Request+" "+r.Executable)
	}
	same(t, got, []string{"py3.12 3.12 /a", "py3.12.9 3.12.9 /b", "py3.12d 3.12d /debug", "py3.13t 3.13t /d", "py3.13t-tsan /tsan /tsan", "py-3.15 >=3.15 "})
}
