package results

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/matrix/plan"
)

// whole reads every file of a folder as whoever needs it does.
func whole(t *testing.T, dir string) Part {
	t.Helper()
	part, err := ReadPart(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if err := junitErrors([]byte(text("junit.xml"))); err != nil {
		t.Error(err)
	}
	if err := pageErrors(text("report.html")); err != nil {
		t.Error(err)
	}
	if s := text("summary.txt"); !strings.HasSuffix(s, " skipped\n") {
		t.Errorf("summary.txt ends in %q", s[max(0, len(s)-100):])
	}
	if s := text("summary.md"); !strings.HasPrefix(s, "## Matrix: ") || strings.Count(s, "<details>") != strings.Count(s, "`\n\n</details>\n") {
		t.Errorf("summary.md has parts that are not closed")
	}
	return part
}

// M-10: the records are there when Add returns, the reports when the book is
// closed; times are an average; what was known of others stays.
func TestBook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `a "b" c's`, "matrix")
	p, list := sample(66)
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, TimingsFile), []byte(`{"`+list[0].ID+`": 100, "python/py3.13": 7, "gone": 3}`), 0o644)); err != nil {
		t.Fatal(err)
	}
	b, err := Start(dir, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	whole(t, dir)
	b.Built("python/py3.13", 17*time.Second)
	for i, r := range list {
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
		if back, err := ReadFile(filepath.Join(dir, File)); err != nil || len(back) != i+1 || back[i].ID != r.ID {
			t.Fatalf("%d results of %d, %v", len(back), i+1, err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	part := whole(t, dir)
	for name, want := range map[string]float64{list[0].ID: milli(100 + 0.3*(list[0].Seconds()-100)), list[1].ID: milli(list[1].Seconds()), "python/py3.13": 10, "gone": 3} {
		if part.Timings[name] != want {
			t.Errorf("%s takes %v, want %v", name, part.Timings[name], want)
		}
	}
	for _, r := range list {
		if _, there := part.Timings[r.ID]; there != (r.Status == Pass || r.Status == XPass || r.Status == XFail) {
			t.Errorf("%s is %s: there is a time: %v", r.ID, r.Status, there)
		}
	}
	if got := b.Report(); got.Line() != NewReport(p, list).Line() || len(got.Pending) != 0 {
		t.Errorf("it says %s, %d pending", got.Line(), len(got.Pending))
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*.tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	// A second run begins anew.
	if b, err = Start(dir, p, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if part := whole(t, dir); len(part.Results) != 0 || part.Timings["gone"] != 3 {
		t.Errorf("%d results of the run before, times %v", len(part.Results), part.Timings)
	}
}

// M-15: what failed is run again in the same folder, by names and keys; what comes
// then counts. Half a line is cut off first.
func TestContinue(t *testing.T) {
	dir := t.TempDir()
	p, list := sample(66)
	runIn(t, dir, p, `{"`+list[0].ID+`": 100}`, list)
	path := filepath.Join(dir, File)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, `{"schema":1,"id":"py3.`...), 0o644); err != nil {
		t.Fatal(err)
	}
	before := whole(t, dir).Timings
	again, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	failed := Failed(again)
	if len(failed) != len(NewReport(p, list).Bad()) || len(failed) < 5 {
		t.Fatalf("%d failed", len(failed))
	}
	b, err := Continue(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Cells {
		if failed[c.ID] != "" {
			if err := b.Add(Result{ID: c.ID, Axes: c.Cell, Status: Pass, Attempts: 1, Began: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	part := whole(t, dir)
	if len(part.Results) != len(list)+len(failed) || len(Failed(part.Results)) != 0 {
		t.Errorf("%d results, failed still %v", len(part.Results), Failed(part.Results))
	}
	m, err := Merge(nil, []Part{part})
	if err != nil || m.Err() != nil {
		t.Errorf("%v, %v", err, m.Err())
	}
	for name, seconds := range before {
		if part.Timings[name] != seconds {
			t.Errorf("%s took %v, and takes %v though it was not run", name, seconds, part.Timings[name])
		}
	}
	other, _ := sample(10)
	if b, err := Continue(dir, other); err == nil || !strings.Contains(err.Error(), "it is of the plan "+p.Hash) {
		t.Errorf("it goes on with another plan: %v, %v", b, err)
	}
}

// Two runs never write into one folder: they would cut off each other's records.
func TestTwoRuns(t *testing.T) {
	dir := t.TempDir()
	p, list := sample(10)
	if _, err := Continue(dir, nil); err == nil || !strings.Contains(err.Error(), "reading a plan") {
		t.Errorf("of nothing: %v", err)
	}
	first, err := Start(dir, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Add(list[0]); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("the process %d writes results into %s", os.Getpid(), dir)
	for name, open := range map[string]func() (*Book, error){
		"another run": func() (*Book, error) { return Start(dir, p, nil) },
		"going on":    func() (*Book, error) { return Continue(dir, nil) },
	} {
		if _, err := open(); err == nil || err.Error() != want || hint.Of(err) == "" {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	m, err := Merge(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(dir); err == nil || err.Error() != want {
		t.Errorf("a merge: %v, want %s", err, want)
	}
	if err := errors.Join(first.Add(list[1]), first.Close()); err != nil {
		t.Fatal(err)
	}
	second, err := Continue(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(second.Report().Results); got != 2 {
		t.Errorf("%d results", got)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// A record that the disk has no room for is an error, and leaves no half line in
// the way of the next.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	p, list := sample(10)
	b, err := Start(dir, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(list[0]); err != nil {
		t.Fatal(err)
	}
	// As a write that came to an end half way leaves it.
	if err := b.log.Add([]byte(`{"schema":1,`)); err != nil {
		t.Fatal(err)
	}
	if err := b.log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Add(list[1]); err == nil {
		t.Fatal("it was written to a file that is closed")
	}
	if err := errors.Join(b.Add(list[2]), b.Close()); err != nil {
		t.Fatal(err)
	}
	back, err := ReadFile(filepath.Join(dir, File))
	if err != nil || len(back) != 2 || back[1].ID != list[2].ID {
		t.Errorf("%d results, %v", len(back), err)
	}
}

// Making reports takes no more than a twentieth of the time.
func TestSeldom(t *testing.T) {
	dir := t.TempDir()
	p, list := sample(66)
	b, err := Start(dir, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	at, step := time.Unix(0, 0), time.Second // what each look at the clock takes
	b.now = func() time.Time { at = at.Add(step); return at }
	written := 0
	for _, r := range list {
		if err := os.Remove(filepath.Join(dir, "summary.txt")); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "summary.txt")); err == nil {
			written++
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if want := len(list) / 20; written < want || written > want+1 { // a report takes a second, and each Add one more
		t.Errorf("%d reports for %d results", written, len(list))
	}
	whole(t, dir)
}

// asChild, in the environment, has the test program write results until it is
// killed.
const asChild = "MODWSGI_TEST_RESULTS_DIR"

// M-10: at whatever moment a run is killed, all that is there can be read, and all
// results that were told of are there.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(asChild); dir != "" {
		writeForEver(t, dir)
	}
	rounds := 40
	if testing.Short() {
		rounds = 5
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range rounds {
		c := exec.Command(self, "-test.run=^TestKilled$")
		c.Env = append(os.Environ(), asChild+"="+dir)
		said, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		told, some := make(chan int), 1+rand.IntN(5)
		go func() { // one byte for each result
			n, buffer := 0, make([]byte, 1)
			for {
				if _, err := said.Read(buffer); err != nil {
					told <- n
					return
				}
				if n++; n == some {
					told <- n
				}
			}
		}()
		select {
		case <-told:
		case <-time.After(time.Minute):
			t.Errorf("no %d results within a minute", some)
		}
		time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond) // nothing is waited for: any moment is as good
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		n := <-told
		_ = c.Wait() // it was killed
		part := whole(t, dir)
		if len(part.Results) < n || len(part.Results) > n+1 {
			t.Errorf("%d results are there, and %d were told of", len(part.Results), n)
		}
		if _, err := Merge(nil, []Part{part}); err != nil {
			t.Error(err)
		}
		b, err := Continue(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if back := whole(t, dir); len(back.Results) != len(part.Results) {
			t.Errorf("%d results, and %d after it was opened again", len(part.Results), len(back.Results))
		}
	}
}

// writeForEver starts one run after the other in dir: a byte for each result of
// the last one.
func writeForEver(t *testing.T, dir string) {
	p, list := sample(66)
	b, err := Start(dir, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.now = func() time.Time { return time.Time{} } // reports each time: they are what is tried
	for n := 0; ; n++ {
		r := list[n%len(list)]
		r.Began = r.Began.Add(time.Duration(n) * time.Hour)
		if err := b.Add(r); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stdout.Write([]byte{'.'}); err != nil {
			os.Exit(1)
		}
	}
}

// Y-4: whatever times a file has, what is made of them can be read again.
func FuzzTimings(f *testing.F) {
	f.Add([]byte(`{"a":1.5}`), 3.0)
	f.Add([]byte(`{"a":1e308,"b":0}`), 1e7)
	f.Add([]byte(`null`), 0.0)
	f.Add([]byte(`{"":1,"":0}`), 10000089.0) // found: too long for who reads it
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, seconds float64) {
		path := filepath.Join(dir, TimingsFile)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		known, err := ReadTimings(path)
		if err != nil || !isTime(seconds) {
			return
		}
		p := &plan.Plan{Cells: []plan.Planned{{ID: "a"}}}
		list := []Result{{ID: "a", Status: Pass, Durations: map[string]float64{"run": seconds}}}
		made := average(known, list)
		if err := NewReport(p, list).write(dir, made, false); err != nil {
			t.Fatal(err)
		}
		back, err := ReadTimings(path)
		if err != nil || len(back) != len(made) || back["a"] != made["a"] {
			t.Fatalf("%v came back as %v, %v", made, back, err)
		}
	})
}
