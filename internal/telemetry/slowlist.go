package telemetry

import "slices"

// slowRequest is one that took long, or does.
type slowRequest struct {
	key     slowKey
	at      float64 // when it was last heard of
	d       Datagram
	process identity // known by its group
	born    float64  // of that process; -1: it has not been heard of
}

// slowKey finds again what was told of while it ran.
type slowKey struct {
	pid    uint32
	thread uint64
	start  float64
}

func (s *Store) slowRequest(d Datagram, p *process, now float64) {
	key := slowKey{d.PID, d.Number(203), d.Float(201)}
	i := slices.IndexFunc(s.slow, func(r *slowRequest) bool { return r.key == key })
	if i >= 0 {
		s.slow[i].d, s.slow[i].at = d, now
		return
	}
	r := &slowRequest{key: key, at: now, d: d, born: -1}
	if p != nil {
		r.process, r.born = p.identity, p.born
		s.each(p.group, p, func(t *total) { t.slow++ })
	} else {
		s.all.slow++
	}
	if len(s.slow) >= mostSlow {
		s.slow = slices.Delete(s.slow, 0, 1)
	}
	s.slow = append(s.slow, r)
}

// SlowRequest is a row of the table of slow requests. Times are in seconds; -1
// is not known. The query string was never told.
type SlowRequest struct {
	State     string  `json:"state"` // running, done, or lost: its end was not told
	Ago       float64 `json:"ago"`   // since the word about it
	Duration  float64 `json:"duration"`
	Method    string  `json:"method"`
	URL       string  `json:"url"`
	Status    uint64  `json:"status"`
	Client    string  `json:"client"`
	Agent     string  `json:"agent,omitempty"`
	LogID     string  `json:"log_id"`
	Group     string  `json:"group"`
	PID       uint32  `json:"pid"`
	Thread    uint64  `json:"thread"`
	Queue     float64 `json:"queue"`
	App       float64 `json:"application"`
	GIL       float64 `json:"gil"`
	CPU       float64 `json:"cpu"`
	BytesIn   uint64  `json:"bytes_in"`
	BytesOut  uint64  `json:"bytes_out"`
	Alongside uint64  `json:"alongside"` // requests under way when it began
}

// slowTable is what is known of slow requests: the last first, those that run
// before the others.
func (s *Store) slowTable(now float64) []SlowRequest {
	out := []SlowRequest{}
	for _, r := range slices.Backward(s.slow) {
		p := s.processes[r.process]
		if p != nil && p.born != r.born {
			p = nil
		}
		out = append(out, r.row(p, now))
	}
	slices.SortStableFunc(out, func(a, b SlowRequest) int {
		first := map[string]int{"running": 0, "done": 1, "lost": 1}
		return first[a.State] - first[b.State]
	})
	return out
}

// row is r as it is shown; p is its process unless that is not known any more.
func (r *slowRequest) row(p *process, now float64) SlowRequest {
	d := r.d
	row := SlowRequest{
		State: "done", Ago: now - r.at, Duration: d.Float(202), Method: clean(d.Text(210)),
		URL:    clean(d.Text(211) + "://" + d.Text(212) + d.Text(213) + d.Text(214)),
		Status: d.Number(240), Client: clean(d.Text(216)), Agent: clean(d.Text(217)), LogID: clean(d.Text(204)),
		Group: r.process.group, PID: d.PID, Thread: d.Number(203), Queue: d.Float(221), App: d.Float(223), GIL: d.Float(224), CPU: -1,
		BytesIn: d.Number(230), BytesOut: d.Number(232), Alongside: d.Number(260),
	}
	if d.Fields[250] != nil {
		row.CPU = d.Float(250) + d.Float(251)
	}
	if d.Number(200) == 0 {
		row.State = "running"
		switch {
		case p != nil && (p.ended || row.Ago > p.patience()), p == nil && (r.born >= 0 || row.Ago > 60):
			row.State = "lost"
		}
	}
	return row
}
