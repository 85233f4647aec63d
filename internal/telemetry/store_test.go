package telemetry

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
)

// clock is one that a test turns.
type clock struct{ t time.Duration }

func (c *clock) now() time.Duration      { return c.t }
func (c *clock) add(d time.Duration)     { c.t += d }
func (c *clock) seconds(seconds float64) { c.t += time.Duration(seconds * float64(time.Second)) }

// word is a datagram in the making.
type word struct {
	kind          Kind
	pid, sequence uint32
	records       []byte
}

func (w *word) number(id uint16, n uint64) *word {
	w.records = binary.LittleEndian.AppendUint64(append(w.records, record(id, wireU64, "")...), n)
	return w
}

func (w *word) float(id uint16, x float64) *word {
	w.records = binary.LittleEndian.AppendUint64(append(w.records, record(id, wireF64, "")...), math.Float64bits(x))
	return w
}

func (w *word) text(id uint16, text string) *word {
	w.records = binary.LittleEndian.AppendUint16(append(w.records, record(id, wireBytes, "")...), uint16(len(text)))
	w.records = append(w.records, text...)
	return w
}

func (w *word) counts(id uint16, counts map[int]int32, n int) *word {
	w.records = binary.LittleEndian.AppendUint16(append(w.records, record(id, wireI32s, "")...), uint16(n))
	for i := range n {
		w.records = binary.LittleEndian.AppendUint32(w.records, uint32(counts[i]))
	}
	return w
}

func (w *word) bytes() []byte {
	p := append([]byte("WSGI\x01"), byte(w.kind), 0, 0)
	p = binary.LittleEndian.AppendUint32(p, w.pid)
	p = binary.LittleEndian.AppendUint32(p, w.sequence)
	p = binary.LittleEndian.AppendUint64(p, math.Float64bits(1.7e9))
	return append(p, w.records...)
}

// sender is a process that tells of itself.
type sender struct {
	pid, sequence uint32
	group         string
}

func (s *sender) word(kind Kind) *word {
	s.sequence++
	w := &word{kind: kind, pid: s.pid, sequence: s.sequence}
	if kind != KindSlow {
		w.text(5, "host").text(6, s.group)
	}
	return w
}

// sample tells of requests in a window, all as long as the middle of bucket.
func (s *sender) sample(window float64, requests, bucket int) *word {
	low, high := bounds(bucket)
	return s.word(KindSample).float(10, window).float(11, 1).number(20, uint64(requests)).float(21, min(float64(requests)/window, mostSeconds)).
		float(22, 0.5).float(32, 0.25).number(40, 1<<20).number(50, 10).float(65, 0.01).float(84, high).float(74, low).
		counts(94, map[int]int32{bucket: int32(requests)}, buckets).number(121, uint64(requests))
}

func (s *sender) slow(state int, start, duration float64, path string) *word {
	w := s.word(KindSlow).number(200, uint64(state)).float(201, start).float(202, duration).number(203, 1).text(204, "id").
		text(210, "GET").text(211, "http").text(212, "h").text(213, "/app").text(214, path)
	if state == 1 {
		w.number(240, 200).float(250, 0.5).float(251, 0.25)
	}
	return w
}

func samples() [][]byte {
	s := &sender{pid: 7, group: "site"}
	return [][]byte{
		s.word(KindStarted).text(1, "6").text(2, "3.13").text(3, "Apache/2.4").text(4, "event").number(7, 1).bytes(),
		s.sample(1, 10, 5).bytes(), s.slow(0, 1, 2, "/x").bytes(), s.slow(1, 1, 2, "/x").bytes(),
		s.word(KindStopping).text(130, "graceful_signal").float(131, 5).number(132, 10).number(133, 0).bytes(),
		s.word(KindStopped).text(130, "graceful_signal").float(131, 5).number(132, 10).number(133, 0).number(134, 0).number(135, 1).bytes(),
	}
}

// place is a store with a clock.
type place struct {
	*Store
	*clock
	t *testing.T
}

func newPlace(t *testing.T) *place {
	c := &clock{}
	return &place{newStore(c.now), c, t}
}

func (p *place) take(w *word) {
	p.t.Helper()
	d, err := Decode(w.bytes())
	if err != nil {
		p.t.Fatal(err)
	}
	p.Take(d)
}

// sum is that of a column over all points.
func sum(s Snapshot, column int) float64 {
	total := 0.0
	for _, row := range s.Points {
		if x := float64(row[column]); !math.IsNaN(x) {
			total += x
		}
	}
	return total
}

func near(a, b float64) bool { return math.Abs(a-b) < 0.001*max(1, math.Abs(b)) }

// What is shown is what was said: the sums, whatever the phase of a sender and
// however long its window.
func TestSums(t *testing.T) {
	for _, window := range []float64{0.5, 1, 1.37, 10, 20} {
		p := newPlace(t)
		a, b := &sender{pid: 1, group: "site"}, &sender{pid: 2, group: ""}
		requests := 0
		p.seconds(0.3)
		for range 20 {
			p.seconds(window)
			p.take(a.sample(window, 30, 10))
			p.take(b.sample(window, 11, 20))
			requests += 41
		}
		p.seconds(window + 3)
		s := p.Snapshot("all", 0)
		if !near(sum(s, 1), float64(requests)) || s.Series.Requests != float64(requests) || s.Series.Status[1] != float64(requests) {
			t.Errorf("window %v: %v requests in the points, %v counted, want %d", window, sum(s, 1), s.Series.Requests, requests)
		}
		// Ten threads, half of them busy, in both processes, in the seconds that
		// both cover.
		middle := s.Points[len(s.Points)/2]
		if !near(float64(middle[6]), 10) || !near(float64(middle[7]), 20) || !near(float64(middle[10]), 2<<20) || !near(float64(middle[8]), 0.01) {
			t.Errorf("window %v: %v", window, middle)
		}
		one := p.Snapshot("process:host/site/1", 0)
		if one.Series.Requests != 600 || !near(sum(one, 1), 600) || one.Series.Label != "site, process 1" {
			t.Errorf("window %v: %v of one process", window, one.Series)
		}
		if group := p.Snapshot("group:", 0); group.Series.Requests != 220 || group.Series.Label != "Apache's children" {
			t.Errorf("window %v: %v of embedded mode", window, group.Series)
		}
	}
}

// TestSumsFromTheStart: what was counted in a window that began before the
// service did is in the seconds since then.
func TestSumsFromTheStart(t *testing.T) {
	p := newPlace(t)
	a := &sender{pid: 1, group: "site"}
	p.seconds(0.4)
	p.take(a.sample(1, 30, 10))
	p.seconds(4)
	if s := p.Snapshot("all", 0); !near(sum(s, 1), 30) || s.Series.Requests != 30 {
		t.Errorf("%v in the points, %v counted, want 30", sum(s, 1), s.Series.Requests)
	}
}

func TestQuantiles(t *testing.T) {
	p := newPlace(t)
	a := &sender{pid: 1, group: "site"}
	p.seconds(1)
	w := a.sample(1, 100, 10)
	p.take(w)
	p.seconds(4)
	s := p.Snapshot("all", 0)
	low, high := bounds(10)
	for column, q := range map[int]float64{3: 0.5, 4: 0.95, 5: 0.99} {
		if got := float64(s.Points[0][column]); !near(got, low+q*(high-low)) {
			t.Errorf("%v: %v, want between %v and %v", q, got, low, high)
		}
	}
	for i := range buckets - 1 { // 13.3: from a millisecond each doubling has four equal steps
		_, high := bounds(i)
		if next, _ := bounds(i + 1); high != next {
			t.Errorf("bucket %d ends at %v, the next begins at %v", i, high, next)
		}
	}
	if low, _ := bounds(64); low != 65.536 {
		t.Errorf("the last bucket begins at %v", low)
	}
}

// Restarts, a process that is killed, one that speaks again, and a number that
// is given to another.
func TestLives(t *testing.T) {
	p := newPlace(t)
	a := &sender{pid: 1, group: "site"}
	tell := func(w *word) { p.seconds(1); p.take(w) }
	count := func(what string, starts, ends float64, states string) {
		t.Helper()
		s := p.Snapshot("group:site", 0)
		var got []string
		for _, row := range s.Processes {
			got = append(got, row.State)
		}
		if s.Series.Starts != starts || s.Series.Ends != ends || strings.Join(got, " ") != states || float64(len(s.Ends)) != ends {
			t.Errorf("%s: %v starts, %v ends, %v, %v", what, s.Series.Starts, s.Series.Ends, got, s.Ends)
		}
	}
	started := func(s *sender) *word {
		return s.word(KindStarted).text(1, "6").text(2, "3.13").text(3, "A").text(4, "event").number(7, 1)
	}
	tell(started(a))
	tell(a.sample(1, 10, 5))
	count("it serves", 1, 0, "serving")
	tell(a.word(KindStopping).text(130, "maximum_requests"))
	count("it is to end", 1, 0, "stopping")
	tell(a.word(KindStopped).text(130, "maximum_requests").float(131, 9).number(132, 10).number(135, 1))
	count("it has ended", 1, 1, "ended")
	if e := p.Snapshot("all", 0).Ends[0]; e.Reason != "maximum_requests" || !e.Drained || e.Uptime != 9 {
		t.Errorf("%v", e)
	}

	b := &sender{pid: 2, group: "site"}
	tell(started(b))
	tell(b.sample(1, 1, 5))
	p.seconds(6)
	count("killed, it has no last word", 2, 2, "ended ended")
	if e := p.Snapshot("all", 0).Ends[0]; e.Reason != "no word" || e.PID != 2 {
		t.Errorf("%v", e)
	}
	tell(b.sample(1, 1, 5))
	count("it was only stopped", 2, 1, "serving ended")

	again := &sender{pid: 2, group: "site"}
	tell(started(again))
	tell(again.sample(1, 3, 5))
	count("its number is another's", 3, 1, "serving ended")
	if s := p.Snapshot("process:host/site/2", 0); s.Series.Requests != 3 {
		t.Errorf("what the first of that number did is counted for the second: %v", s.Series)
	}
	p.seconds(kept + 10)
	count("all have been silent", 3, 2, "ended") // who ended first is forgotten
	p.seconds(kept + 10)
	count("nothing arrives", 3, 2, "")
}

// Who listens later than a process runs is told of it: of what it is, and since
// when, without a start being counted. So is who listens on.
func TestStoreIntroduced(t *testing.T) {
	p := newPlace(t)
	a := &sender{pid: 1, group: "site", sequence: 40}
	for _, wait := range []float64{1, 100} {
		p.seconds(wait)
		p.take(a.sample(1, 10, 5))
		p.take(a.word(KindStarted).text(1, "6").text(2, "3.13").text(3, "A").text(4, "event").number(7, 1).float(9, 1000+wait))
		s := p.Snapshot("group:site", 0)
		if len(s.Processes) != 1 || s.Processes[0].Python != "3.13" || s.Processes[0].Age < 1000+wait || s.Series.Starts != 0 || s.Series.Ends != 0 {
			t.Errorf("%+v, %v starts, %v ends", s.Processes, s.Series.Starts, s.Series.Ends)
		}
	}
	if s := p.Snapshot("group:site", 0); s.Processes[0].Requests != 20 {
		t.Errorf("its requests begin anew: %v", s.Processes[0].Requests)
	}
}

// Levels are those of whole processes, though windows and arrivals differ.
func TestLevels(t *testing.T) {
	p := newPlace(t)
	a := &sender{pid: 1}
	for range 20 {
		p.seconds(1.03)
		p.take(a.sample(1, 1, 5))
	}
	for _, row := range p.Snapshot("all", 3).Points {
		if !near(float64(row[7]), 10) || !near(float64(row[6]), 5) {
			t.Errorf("%v busy of %v threads", row[6], row[7])
		}
	}
}

// A datagram that was lost is counted.
func TestLost(t *testing.T) {
	p := newPlace(t)
	a := &sender{pid: 1}
	p.take(a.sample(1, 1, 5))
	p.take(a.slow(1, 1, 1, "/"))
	a.sequence += 3
	p.take(a.sample(1, 1, 5))
	early, late := a.sample(1, 1, 5), a.sample(1, 1, 5) // out of order
	p.take(late)
	p.take(early)
	p.take(a.sample(1, 1, 5))
	if s := p.Snapshot("process:host//1", 0); s.Series.Requests != 5 || len(s.Processes) != 1 {
		t.Errorf("%v requests of %d processes", s.Series.Requests, len(s.Processes))
	}
	if n := p.Snapshot("all", 0).Intake.Lost; n != 3 {
		t.Errorf("%d lost, want 3", n)
	}
}

// A slow request is one row, from its first word to its end.
func TestSlowRequests(t *testing.T) {
	p := newPlace(t)
	a := &sender{pid: 1, group: "site"}
	p.take(a.sample(1, 1, 5))
	p.take(a.slow(0, 100, 1.5, "/a"))
	p.seconds(1)
	p.take(a.slow(0, 100, 2.5, "/a"))
	p.take(a.slow(0, 200, 1, "/b"))
	p.take(a.slow(1, 100, 3, "/a"))
	s := p.Snapshot("group:site", 0)
	if len(s.Slow) != 2 || s.Series.Slow != 2 {
		t.Fatalf("%v, %v counted", s.Slow, s.Series.Slow)
	}
	if r := s.Slow[0]; r.State != "running" || r.URL != "http://h/app/b" || r.CPU != -1 || r.Group != "site" {
		t.Errorf("what runs comes first: %+v", r)
	}
	if r := s.Slow[1]; r.State != "done" || r.Duration != 3 || r.Status != 200 || r.CPU != 0.75 {
		t.Errorf("%+v", r)
	}
	p.seconds(7)
	if r := p.Snapshot("all", 0).Slow[0]; r.State != "lost" {
		t.Errorf("its process is gone: %+v", r)
	}
}

// A client that follows gets the seconds that it has not got.
func TestSince(t *testing.T) {
	p := newPlace(t)
	a := &sender{pid: 1}
	for range 8 {
		p.seconds(1)
		p.take(a.sample(1, 1, 5))
	}
	s := p.Snapshot("all", 4)
	if s.Slot != 9 || s.Behind != 2 || len(s.Points) != 3 || s.Points[0][0] != 5 || s.Points[2][0] != 7 {
		t.Errorf("%d, %d, %v", s.Slot, s.Behind, s.Points)
	}
	if s := p.Snapshot("no such", -9); len(s.Points) != 7 || s.Series.Key != "all" {
		t.Errorf("%v", s)
	}
	for range 3 * kept { // the ring goes round
		p.seconds(1)
		p.take(a.sample(1, 1, 5))
	}
	if s := p.Snapshot("all", 0); len(s.Points) != kept-2 || !near(sum(s, 1), kept-2) {
		t.Errorf("%d points, %v requests", len(s.Points), sum(s, 1))
	}
}

// Whoever sends what he likes, and as much as he likes, makes this process
// neither grow nor fall.
func TestHostileSender(t *testing.T) {
	p := newPlace(t)
	random := rand.New(rand.NewPCG(1, 2))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 30_000 {
		s := &sender{pid: random.Uint32N(5000) + 1, sequence: random.Uint32(), group: fmt.Sprint("group", random.IntN(2000))}
		text := strings.Repeat("x\x00\u202e<", random.IntN(40))
		switch i % 5 {
		case 0:
			p.take(s.sample(math.Pow(10, float64(random.IntN(20)-8)), random.IntN(math.MaxInt32), random.IntN(buckets)))
		case 1:
			p.take(s.slow(i%2, random.Float64(), mostSeconds, text))
		case 2:
			p.take(s.word(KindStarted).text(2, text[:min(len(text), 200)]))
		case 3:
			p.take(s.word(KindStopped).text(130, text[:min(len(text), 60)]).float(131, mostSeconds).number(132, mostNumber))
		case 4:
			p.take((&word{kind: KindGCEvent, pid: s.pid, sequence: 1}).float(321, mostSeconds))
		}
		p.clock.add(time.Duration(random.IntN(int(20 * time.Millisecond))))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	s := p.Snapshot("all", 0)
	text, err := json.Marshal(s)
	if grown > 32<<20 || err != nil || len(text) > 1<<20 {
		t.Errorf("%d bytes are held, the picture has %d, %v", grown, len(text), err)
	}
	if len(s.List) > 1+mostGroups+1+mostProcesses || len(s.Slow) > mostSlow || len(s.Ends) > mostEnds {
		t.Errorf("%d series, %d slow requests, %d ends", len(s.List), len(s.Slow), len(s.Ends))
	}
	if bad := "\x00\u202e"; strings.ContainsAny(s.Slow[0].URL, bad) || strings.ContainsAny(string(text), bad) {
		t.Error("control characters come through")
	}
	t.Logf("note: telemetry: %d MiB held at most, a picture of %d kB", grown>>20, len(text)>>10)
}

// A window that is nothing, or for ever, is one of a liar.
func TestOddWindows(t *testing.T) {
	p := newPlace(t)
	a := &sender{pid: 1}
	p.seconds(1000)
	p.take(a.sample(0, 5, 5))
	p.take(a.sample(1e-9, 5, 5))
	p.take(a.sample(1e12, 5, 5))
	p.seconds(10)
	s := p.Snapshot("all", 0)
	if _, err := json.Marshal(s); err != nil || s.Series.Requests != 10 || sum(s, 1) > 10.01 {
		t.Errorf("%v, %v in the points, %v", s.Series.Requests, sum(s, 1), err)
	}
}
