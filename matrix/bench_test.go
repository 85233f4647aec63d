package matrix

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"modwsgi/apxs"
	"modwsgi/internal/run"
)

func TestParseWrk(t *testing.T) {
	const good = `Running 1s test @ http://127.0.0.1:8000/hello
  2 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   469.70us    1.42ms  27.59ms   96.70%
    Req/Sec    26.96k     9.52k   54.32k    78.05%
  Latency Distribution
     50%  271.00us
     75%  375.00us
     90%  496.00us
     99%    5.50ms
  30123 requests in 1.00s, 6.72MB read
Requests/sec:  30011.20
Transfer/sec:      8.24MB
`
	r, err := parseWrk(good)
	want := wrkResult{rate: 30011.2, requests: 30123, p50: 271 * time.Microsecond, p99: 5500 * time.Microsecond}
	if err != nil || r != want {
		t.Errorf("%+v, %v", r, err)
	}
	slow := strings.NewReplacer("271.00us", "1.20s", "5.50ms", "1.05m").Replace(good)
	if r, err := parseWrk(slow); err != nil || r.p50 != 1200*time.Millisecond || r.p99 != 63*time.Second {
		t.Errorf("%+v, %v", r, err)
	}
	for _, c := range []struct{ name, text, says string }{
		{"nothing", "", "nothing of use"},
		{"no requests", strings.Replace(good, "30123", "0", 1), "nothing of use"},
		{"no latency", strings.Replace(good, "99%    5.50ms", "", 1), "nothing of use"},
		{"wrong answers", good + "  Non-2xx or 3xx responses: 5\n", "of 30123 requests: Non-2xx or 3xx responses: 5"},
		{"broken connections", good + "  Socket errors: connect 0, read 3, write 0, timeout 0\n", "Socket errors: connect 0, read 3"},
		{"both", good + "  Socket errors: connect 1, read 0, write 0, timeout 0\n  Non-2xx or 3xx responses: 5\n", "timeout 0; Non-2xx"},
	} {
		if _, err := parseWrk(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		list []float64
		want Spread
	}{
		{nil, Spread{}},
		{[]float64{7}, Spread{7, 7, 7, 1}},
		{[]float64{4, 1, 3, 2}, Spread{2.5, 1, 4, 4}},
		{[]float64{9, 1, 2}, Spread{2, 1, 9, 3}},
	} {
		before := slices.Clone(c.list)
		if got := spreadOf(c.list); got != c.want {
			t.Errorf("%v: %+v", c.list, got)
		}
		if !slices.Equal(before, c.list) {
			t.Errorf("%v was sorted", before)
		}
	}
}

// A ratio is worked out in each round: a round in which the machine was slow is
// as good as another, and one in which a contestant failed does not count.
func TestRatio(t *testing.T) {
	all := Runs{
		{Round: 1, Workload: "hello", Clients: 16, Contestant: "a", CPU: 10, Rate: 100},
		{Round: 1, Workload: "hello", Clients: 16, Contestant: "b", CPU: 20, Rate: 50},
		{Round: 2, Workload: "hello", Clients: 16, Contestant: "a", CPU: 30, Rate: 30}, // a slow round
		{Round: 2, Workload: "hello", Clients: 16, Contestant: "b", CPU: 60, Rate: 15},
		{Round: 3, Workload: "hello", Clients: 16, Contestant: "a", CPU: 12, Rate: 90},
		{Round: 3, Workload: "hello", Clients: 16, Contestant: "b", Failed: "no"},
		{Round: 1, Workload: "hello", Clients: 1, Contestant: "b", CPU: 1, Rate: 1},
		{Round: 1, Workload: "cpu", Clients: 16, Contestant: "b", CPU: 1, Rate: 1},
	}
	if got := all.Ratio("hello", 16, "a", "b", CPU); got != (Spread{0.5, 0.5, 0.5, 2}) {
		t.Errorf("%+v", got)
	}
	if got := all.Ratio("hello", 16, "a", "b", Rate); got != (Spread{2, 2, 2, 2}) {
		t.Errorf("%+v", got)
	}
	if got := all.Ratio("hello", 64, "a", "b", CPU); got.N != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	if got := all.Spread("hello", 16, "b", CPU); got.N != 2 || got.Max != 60 {
		t.Errorf("%+v", got)
	}
	if got := all.failures("hello", 16, "b"); len(got) != 1 {
		t.Errorf("failures %q", got)
	}
}

func TestBenchPlan(t *testing.T) {
	names := func(p BenchPlan) string {
		var list []string
		for _, w := range p.Workloads {
			list = append(list, w.Name)
		}
		return strings.Join(list, " ")
	}
	full, err := NewBenchPlan(false, "")
	if err != nil || names(full) != "hello 10k 1M upload cpu upload100 download100" || !full.Memory || !full.Builds || len(full.Contestants) != len(contestantIDs()) {
		t.Errorf("full: %+v, %v", full, err)
	}
	if d := full.Duration(); d > 25*time.Minute {
		t.Errorf("the full benchmark takes %s", d)
	}
	quick, err := NewBenchPlan(true, "")
	if err != nil || names(quick) != "hello 10k 1M upload cpu" || quick.Builds || !slices.Equal(quick.Workloads[0].Clients, []int{16}) {
		t.Errorf("quick: %+v, %v", quick, err)
	}
	if d := quick.Duration(); d > 6*time.Minute {
		t.Errorf("the quick benchmark takes %s", d)
	}
	for _, c := range []struct {
		only, workloads, contestants string
		clients                      []int
		memory, builds               bool
	}{
		{"hello,c16", "hello", "", []int{16}, false, false},
		{"cpu c1 c2 ours-embedded", "cpu", OursEmbedded, []int{1, 2}, false, false},
		{"memory", "", "", nil, true, false},
		{"builds", "", "", nil, false, true},
		{"ours-daemon,static", "hello 10k 1M upload cpu upload100 download100", OursDaemon + " " + StaticFile, []int{1, 16, 64}, true, true},
		{"download100,c64", "download100", "", []int{1}, false, false},
	} {
		p, err := NewBenchPlan(false, c.only)
		if err != nil || names(p) != c.workloads || p.Memory != c.memory || p.Builds != c.builds {
			t.Errorf("%q: %+v, %v", c.only, p, err)
			continue
		}
		if len(p.Workloads) > 0 && !slices.Equal(p.Workloads[0].Clients, c.clients) {
			t.Errorf("%q: clients %v", c.only, p.Workloads[0].Clients)
		}
		if c.contestants != "" && strings.Join(p.Contestants, " ") != c.contestants {
			t.Errorf("%q: contestants %q", c.only, p.Contestants)
		}
	}
	for _, only := range []string{"helo", "c0", "c81", "cx", "hello,nobody"} {
		if _, err := NewBenchPlan(false, only); err == nil || !strings.Contains(err.Error(), "known are") {
			t.Errorf("%q: %v", only, err)
		}
	}
}

// Files are no match for a POST, and what writes twelve bytes only for hello.
func TestTakes(t *testing.T) {
	for _, w := range workloads() {
		for id, want := range map[string]bool{
			OursDaemon:   true,
			OursEmbedded: w.Few == nil,
			StaticFile:   w.Few == nil && w.Upload == 0 && w.Name != "cpu",
			Floor:        w.Name == "hello",
		} {
			if got := w.takes(id); got != want {
				t.Errorf("%s takes part in %s: %v", id, w.Name, got)
			}
		}
	}
}

// Time is neither lost when a process ends nor counted twice when its parent
// waited for it.
func TestProcessorTime(t *testing.T) {
	root := Process{PID: 10, Parent: 1, Start: 1, Ticks: 5}
	child := Process{PID: 11, Parent: 10, Start: 2, Ticks: 100}
	grandchild := Process{PID: 12, Parent: 11, Start: 3, Ticks: 30}
	see := func(b *cpuBook, want int, what string, now ...Process) {
		t.Helper()
		b.see(now)
		if got := b.total(); got != want {
			t.Errorf("%s: %d ticks, want %d", what, got, want)
		}
	}
	var b cpuBook
	see(&b, 135, "all run", root, child, grandchild)

	grandchild.Ticks, grandchild.State = 40, 'Z'
	see(&b, 145, "one ended and was not waited for", root, child, grandchild)
	child.Waited = 40
	see(&b, 145, "now it was", root, child)
	root.Waited = 145
	child.Ticks += 5
	root.Ticks++
	see(&b, 151, "its parent too", root)

	// A number that is given again is another process.
	see(&b, 158, "the same number", root, Process{PID: 11, Parent: 10, Start: 99, Ticks: 7})

	// One whose parent is not of the tree counts as it was last seen.
	var o cpuBook
	orphan := Process{PID: 20, Parent: 1, Group: 10, Start: 5, Ticks: 50}
	see(&o, 55, "an orphan", Process{PID: 10, Parent: 1, Ticks: 5}, orphan)
	see(&o, 55, "it ended", Process{PID: 10, Parent: 1, Ticks: 5})
}

// The same for processes that are real: a shell with children that end while it
// runs and are waited for.
func TestProcessorTimeOfEnded(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
	m := meter{roots: []int{os.Getpid()}}
	before := m.now()
	p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"}, &os.ProcAttr{})
	if err != nil {
		t.Skip("no shell: ", err)
	}
	m.now() // it was seen, or was not: both are well
	if state, err := p.Wait(); err != nil || !state.Success() {
		t.Fatal(state, err)
	} else if used := int(state.UserTime()+state.SystemTime()) * ticksPerSecond / int(time.Second); m.now()-before < used-1 {
		t.Errorf("%d ticks are known of a child that used %d", m.now()-before, used)
	}
}

func TestKin(t *testing.T) {
	all := []Process{
		{PID: 10, Parent: 1, Group: 10}, {PID: 11, Parent: 10, Group: 10}, {PID: 12, Parent: 11, Group: 12, State: 'Z'},
		{PID: 13, Parent: 1, Group: 20}, {PID: 20, Parent: 1, Group: 20}, {PID: 30, Parent: 1, Group: 30},
	}
	var got []int
	for _, p := range kin(all, []int{10, 20}) {
		got = append(got, p.PID)
	}
	if !slices.Equal(got, []int{10, 11, 12, 13, 20}) {
		t.Errorf("kin %v", got)
	}
}

func TestPSS(t *testing.T) {
	if mb, err := pssOf("5500-7ffd ---p 0 00:00 0 [rollup]\nRss:      4096 kB\nPss:      2048 kB\nPss_Anon: 1 kB\n"); err != nil || mb != 2 {
		t.Errorf("%g, %v", mb, err)
	}
	for _, text := range []string{"", "Rss: 1 kB\n", "Pss: x kB\n"} {
		if _, err := pssOf(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestBudgetLines(t *testing.T) {
	for _, c := range []struct {
		b    Budget
		want Ruling
		line string
	}{
		{Budget{What: "x", Limit: 0.85, Measured: Spread{0.7, 0.65, 0.8, 3}}, Met, "x: at most 0.85; met with 0.70 (0.65 to 0.80)"},
		{Budget{What: "x", Limit: 0.5, Measured: Spread{0.6, 0.6, 0.6, 1}}, Missed, "x: at most 0.50; MISSED by 20 %: 0.60 is above it (0.60 to 0.60)"},
		{Budget{What: "x", AtLeast: true, Limit: 4, Measured: Spread{3, 3, 3, 1}}, Missed, "x: at least 4.00; MISSED by 25 %: 3.00 is below it (3.00 to 3.00)"},
		{Budget{What: "x", AtLeast: true, Limit: 3.5, Measured: Spread{3.5, 3, 4, 2}}, Met, "x: at least 3.50; met with 3.50 (3.00 to 4.00)"},
		{Budget{What: "x", Limit: 0.1, Unit: " s", Measured: Spread{0.02, 0.02, 0.02, 1}}, Met, "x: at most 0.10 s; met with 0.02 s (0.02 to 0.02)"},
		{Budget{What: "x", Limit: 1, Why: "no peer"}, Unmeasured, "x: at most 1.00; not measured: no peer"},
	} {
		if got := c.b.Ruling(); got != c.want || c.b.Line() != c.line {
			t.Errorf("%+v: %s, %q", c.b, got, c.b.Line())
		}
	}
}

// sample is a benchmark that nobody ran: every kind of line is in it.
func sample() Bench {
	plan, err := NewBenchPlan(true, "hello,upload,c16")
	if err != nil {
		panic(err)
	}
	plan.Memory = true
	b := Bench{Plan: plan, Machine: Machine{CPU: "Example <CPU> & more", Count: 2, Kernel: "6.1.0", Load: "0.10"}}
	for i, id := range contestantIDs() {
		c := Contestant{ID: id, Name: "contestant " + id, Config: "as it is", Python: "3.11.2", Version: "1"}
		switch id {
		case GunicornAlone:
			c.Absent = "it | is <not> here"
		case StaticFile, Floor:
			c.Python = ""
		}
		b.Contestants = append(b.Contestants, c)
		for round := range plan.Rounds {
			for _, w := range plan.Workloads {
				if c.Absent != "" || !w.takes(id) {
					continue
				}
				r := Run{Round: round + 1, Workload: w.Name, Clients: 16, Contestant: id}
				if id == ProxyGunicorn && w.Name == "upload" {
					r.Failed = "of 10 requests: Non-2xx or 3xx responses: 5"
				} else {
					f := float64(i + 1 + round)
					r.Requests, r.Rate, r.CPU, r.P50, r.P99 = 1000, 40000/f, 30*f, 100*f, 900*f
				}
				b.Runs = append(b.Runs, r)
			}
		}
		b.Memory = append(b.Memory, Memory{Contestant: id, Processes: 3, Idle: 10 + float64(i), After: 12 + float64(i), AppIdle: 5, AppRSS: 9 + float64(i)})
	}
	b.Builds = []BuildTiming{{1, 3, 8, 0.02, 0.9}}
	b.Missing = []string{"starts: not today"}
	return b
}

// The report, the picture, and the raw figures.
func TestBenchReport(t *testing.T) {
	b := sample()
	dir := filepath.Join(t.TempDir(), "a report")
	if err := b.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bench.md", "bench.svg"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", "bench", name+".golden")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not as %s (go test -update writes it): %v", name, golden, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "bench.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Bench
		Schema  int
		Budgets []Budget
	}
	if err := json.Unmarshal(data, &back); err != nil || back.Schema != 1 || len(back.Runs) != len(b.Runs) || len(back.Budgets) != len(b.budgets()) {
		t.Errorf("bench.json: schema %d, %d runs, %v", back.Schema, len(back.Runs), err)
	}
	if back.Markdown() != b.Markdown() {
		t.Error("the raw figures do not give the same report")
	}
	if err := b.Err(); err != nil {
		t.Error(err)
	}
	b.Runs[0].Failed = "broken"
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("ours failed: %v", err)
	}
}

// The picture is XML; nothing in it lies on something else or leaves it.
func TestPlot(t *testing.T) {
	p := sample().plot()
	if len(p.panels) != 2 {
		t.Fatalf("%d panels", len(p.panels))
	}
	for d := xml.NewDecoder(strings.NewReader(p.SVG())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, figures := range []struct{ cpu, rate float64 }{{1, 1}, {12_345_678, 987_654}, {99_999, 12}} {
		wide := sample()
		for i := range wide.Runs {
			wide.Runs[i].CPU, wide.Runs[i].Rate = figures.cpu*float64(i+1), figures.rate/float64(i+1)
		}
		for i, c := range []string{"ours, daemon", "ours, embedded", "mod_wsgi 4.9.4, embedded", "mod_proxy_http + gunicorn", "mod_proxy_uwsgi + uWSGI"} {
			wide.Contestants[i].Name = c
		}
		shapes, height := wide.plot().shapes()
		for i, s := range shapes {
			if s.x < 0 || s.y < 0 || s.x+s.w > plotWidth || s.y+s.h > height {
				t.Errorf("%+v leaves the picture of %g x %g", s, plotWidth, height)
			}
			for _, o := range shapes[:i] {
				if (s.text != "" || o.text != "") && s.x < o.x+o.w && o.x < s.x+s.w && s.y < o.y+o.h && o.y < s.y+s.h {
					t.Errorf("%+v lies on %+v", s, o)
				}
			}
		}
	}
}

// A race that is run: Apache by itself, and one who is not here.
func TestBenchRuns(t *testing.T) {
	r := &run.Runner{}
	apache, err := apxs.Find(t.Context(), r, "")
	if err != nil {
		t.Skip("no Apache: ", err)
	}
	if _, err := r.LookPath("wrk"); err != nil {
		t.Skip("no wrk")
	}
	plan, err := NewBenchPlan(true, "hello,c2,memory,static,floor,proxy-uwsgi")
	if err != nil {
		t.Fatal(err)
	}
	plan.Rounds = 1
	steps := 0
	b, err := RunBench(t.Context(), r, BenchOptions{
		Target: Target{Apache: apache}, Plan: plan,
		Peers:    Peers{UWSGI: Peer{Absent: "not today"}},
		Progress: func(int, int, string) { steps++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Runs) != 2 || len(b.Memory) != 2 || len(b.Contestants) != 3 || steps == 0 || len(b.Missing) > 0 {
		t.Fatalf("%+v", b)
	}
	for _, one := range b.Runs {
		if one.Failed != "" || one.Requests == 0 || one.Rate <= 0 || one.CPU <= 0 || one.P50 <= 0 || one.P99 < one.P50 {
			t.Errorf("%+v", one)
		}
	}
	for _, m := range b.Memory {
		if m.Failed != "" || m.Processes != 2 || m.Idle <= 0 || m.After <= 0 {
			t.Errorf("%+v", m)
		}
	}
	if !strings.Contains(b.Markdown(), "**absent**: not today") {
		t.Error("who is absent is not in the report")
	}
}
