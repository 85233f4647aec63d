package telemetry

import (
	"fmt"
	"maps"
	"slices"
)

// Snapshot is what is known at one moment: of one series its points, of
// everything else the tables. Times are in seconds, and ages rather than dates,
// so that no clock has to agree with another.
type Snapshot struct {
	Epoch     string        `json:"epoch"`  // of this process: numbers of seconds are of one epoch
	Slot      int64         `json:"slot"`   // the second that is now
	Behind    int64         `json:"behind"` // the last so many are not complete
	Series    Series        `json:"series"`
	Columns   []string      `json:"columns"`
	Points    [][]figure    `json:"points"`
	List      []Series      `json:"list"`
	Processes []Process     `json:"processes"`
	Slow      []SlowRequest `json:"slow"`
	Ends      []End         `json:"ends"`
	Intake    Intake        `json:"intake"`
}

// Series is one that can be shown, with what has been counted in it.
type Series struct {
	Key      string     `json:"key"` // all, group:NAME or process:HOST/GROUP/PID
	Label    string     `json:"label"`
	Requests float64    `json:"requests"`
	Status   [5]float64 `json:"status"`
	Slow     float64    `json:"slow"`
	Starts   float64    `json:"starts"`
	Ends     float64    `json:"ends"`
}

// Process is a row of the table of processes.
type Process struct {
	PID      uint32  `json:"pid"`
	Group    string  `json:"group"`
	Host     string  `json:"host"`
	State    string  `json:"state"` // serving, stopping or ended
	Age      float64 `json:"age"`   // that is known of
	Requests float64 `json:"requests"`
	Rate     figure  `json:"rate"`
	P95      figure  `json:"p95"`
	Busy     float64 `json:"busy"`
	Threads  float64 `json:"threads"`
	Memory   float64 `json:"memory"`
	CPU      float64 `json:"cpu"`
	about
}

// End is a row of the table of processes that ended.
type End struct {
	PID      uint32  `json:"pid"`
	Group    string  `json:"group"`
	Ago      float64 `json:"ago"`
	Reason   string  `json:"reason"`
	Uptime   float64 `json:"uptime"`
	Requests float64 `json:"requests"`
	Active   float64 `json:"active"` // requests that were under way at the end
	Drained  bool    `json:"drained"`
}

// Snapshot is what is known now; of the series with a key (an unknown one is
// everything) the seconds after the one numbered since. A second counts as
// complete when no sample can add to it, and only those are there.
func (s *Store) Snapshot(key string, since int64) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().Seconds()
	s.sweep(now)
	out := Snapshot{
		Epoch: s.epoch, Slot: second(now), Behind: s.behind(), Columns: columns(), Series: s.all.series0("all", "Everything"),
		Processes: []Process{}, Slow: s.slowTable(now), Ends: []End{}, Intake: s.intake,
	}
	shown := s.all
	offer := func(t *total, key0, label string) {
		entry := t.series0(key0, label)
		out.List = append(out.List, entry)
		if key0 == key {
			shown, out.Series = t, entry
		}
	}
	offer(s.all, "all", "Everything")
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		offer(s.groups[name], "group:"+name, groupLabel(name))
	}
	for _, p := range s.sorted() {
		offer(&p.total, fmt.Sprintf("process:%s/%s/%d", p.host, p.group, p.pid), fmt.Sprintf("%s, process %d", groupLabel(p.group), p.pid))
		out.Processes = append(out.Processes, p.row(now))
	}
	for _, e := range slices.Backward(s.ends) {
		out.Ends = append(out.Ends, End{e.pid, e.group, now - e.at, e.reason, e.uptime, e.requests, e.active, e.drained})
	}
	out.Points = shown.points(since, out.Slot, out.Behind)
	out.Intake.Silent = -1
	if s.intake.Datagrams > 0 {
		out.Intake.Silent = now - s.heard
	}
	return out
}

// groupLabel is how a group is shown. Children of Apache are in none.
func groupLabel(name string) string {
	if name == "" {
		return "Apache's children"
	}
	return name
}

func (t *total) series0(key, label string) Series {
	return Series{key, label, t.requests, t.status, t.slow, t.starts, t.ends}
}

func (p *process) row(now float64) Process {
	row := Process{
		PID: p.pid, Group: p.group, Host: p.host, State: "serving", Age: now - p.since, Requests: p.requests,
		Rate: figure(p.last.Float(21)), Threads: float64(p.last.Number(50)), Memory: float64(p.last.Number(40)),
		CPU: p.last.Float(32), about: p.about,
	}
	row.Busy = min(p.last.Float(22), 1) * row.Threads
	times := make([]float32, buckets)
	for i, n := range p.last.Counts(94) {
		times[i] = float32(n)
	}
	row.P95 = quantile(times, 0.95, p.last.Float(84))
	switch {
	case p.ended:
		row.State, row.Age = "ended", p.heard-p.since
	case p.stopping:
		row.State = "stopping"
	}
	return row
}
