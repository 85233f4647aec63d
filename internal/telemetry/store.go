package telemetry

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Limits of what is kept, whatever is sent: with all of them reached some 25
// MiB.
const (
	mostGroups    = 16
	mostProcesses = 64
	mostSlow      = 100
	mostEnds      = 50
	otherGroups   = "(other groups)"
)

// Store is what is known by the datagrams of the last minutes. Its clock is this
// process's own, which never jumps: that of a sender is not believed.
type Store struct {
	now   func() time.Duration
	epoch string

	mu        sync.Mutex
	all       *total
	groups    map[string]*total
	processes map[identity]*process
	slow      []*slowRequest // in the order they were first heard of
	ends      []ending       // in the order they came
	intake    Intake
	heard     float64 // when the last good datagram came
}

// total is a series with what has been counted since the start.
type total struct {
	series
	requests, slow, starts, ends float64
	status                       [5]float64
}

// identity tells processes apart. Numbers alone do not: containers may share a
// socket.
type identity struct {
	host, group string
	pid         uint32
}

// process is one that has been heard of.
type process struct {
	total
	identity
	sequence        uint32
	born, heard     float64
	since           float64 // it runs, by what it says: may be before this program did
	interval        float64
	last            Datagram // sample; no fields: none yet
	about           about
	stopping, ended bool
}

// about is what a process says when it starts.
type about struct {
	Module string `json:"module,omitempty"`
	Python string `json:"python,omitempty"`
	Apache string `json:"apache,omitempty"`
	MPM    string `json:"mpm,omitempty"`
}

// Intake counts what came.
type Intake struct {
	Datagrams uint64  `json:"datagrams"`
	Refused   uint64  `json:"refused"`       // no datagrams of telemetry
	Lost      uint64  `json:"lost"`          // by gaps in the numbers of senders
	Why       string  `json:"why,omitempty"` // the last was refused
	Silent    float64 `json:"silent"`        // seconds since the last one; -1: there was none
	Unlisted  uint64  `json:"unlisted"`      // samples of processes beyond the most that are listed
}

// ending is the end of a process.
type ending struct {
	identity
	at                       float64
	reason                   string
	uptime, requests, active float64
	drained, silent          bool
}

// NewStore makes an empty one.
func NewStore() *Store {
	began := time.Now()
	s := newStore(func() time.Duration { return time.Since(began) })
	s.epoch = strconv.FormatInt(began.UnixNano(), 36)
	return s
}

func newStore(now func() time.Duration) *Store {
	return &Store{now: now, all: &total{}, groups: map[string]*total{}, processes: map[identity]*process{}}
}

// Refuse counts what was no datagram.
func (s *Store) Refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intake.Refused++
	s.intake.Why = clean(err.Error())
}

// Take takes in a datagram.
func (s *Store) Take(d Datagram) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().Seconds()
	s.intake.Datagrams++
	s.heard = now
	s.sweep(now)
	switch d.Kind {
	case KindSample:
		s.sample(d, now)
	case KindStarted, KindStopping, KindStopped:
		s.life(d, now)
	default: // these say who they are of by a number alone
		p := s.byPID(d.PID)
		if p != nil {
			s.count(p, d)
		}
		switch d.Kind {
		case KindSlow:
			s.slowRequest(d, p, now)
		case KindGCEvent:
			s.pause(d, p, now)
		}
	}
}

// count notes what was lost on the way, by the numbers of a sender: two threads
// send, so that one may come late.
func (s *Store) count(p *process, d Datagram) {
	gap := int64(d.Sequence) - int64(p.sequence)
	switch {
	case gap > 0 && gap < 1<<20:
		s.intake.Lost += uint64(gap - 1)
	case gap < 0 && s.intake.Lost > 0:
		s.intake.Lost--
	}
	p.sequence = max(p.sequence, d.Sequence)
}

// group finds or makes a group.
func (s *Store) group(name string) *total {
	g := s.groups[name]
	if g == nil && len(s.groups) >= mostGroups {
		name = otherGroups
		g = s.groups[name]
	}
	if g == nil {
		g = &total{}
		s.groups[name] = g
	}
	return g
}

// anew is by how much the numbers of a sender go back when it is another one;
// those of one may come out of order.
const anew = 64

// process finds or makes the sender of d. It is nil if there are too many
// already.
func (s *Store) process(d Datagram, now float64) *process {
	id := identity{clean(d.Text(5)), clean(d.Text(6)), d.PID}
	p := s.processes[id]
	if p != nil && (d.Kind == KindStarted && d.Sequence <= 1 || int64(d.Sequence) <= int64(p.sequence)-anew) {
		delete(s.processes, id) // its number has been given to another
		p = nil
	}
	if p == nil {
		if len(s.processes) >= mostProcesses && !s.makeRoom() {
			s.intake.Unlisted++
			return nil
		}
		p = &process{identity: id, born: now, since: now, sequence: d.Sequence}
		s.processes[id] = p
	}
	if p.ended {
		s.returns(p)
	}
	s.count(p, d)
	p.heard = now
	return p
}

// makeRoom forgets the process that ended first, if one has.
func (s *Store) makeRoom() bool {
	var oldest *process
	for _, p := range s.processes {
		if p.ended && (oldest == nil || p.heard < oldest.heard) {
			oldest = p
		}
	}
	if oldest != nil {
		delete(s.processes, oldest.identity)
	}
	return oldest != nil
}

// each calls f for everything that a process is counted in; p may be nil.
func (s *Store) each(group string, p *process, f func(*total)) {
	f(s.all)
	f(s.group(group))
	if p != nil {
		f(&p.total)
	}
}

func (s *Store) sample(d Datagram, now float64) {
	if d.Float(10) <= 0 {
		return // it says nothing of any time
	}
	p := s.process(d, now)
	if p != nil {
		p.interval, p.last = d.Float(11), d
		p.born = min(p.born, max(now-d.Float(10), 0))
		p.since = min(p.since, now-d.Float(10))
	}
	s.each(clean(d.Text(6)), p, func(t *total) {
		t.add(d, now)
		t.requests += float64(d.Number(20))
		for i := range t.status {
			t.status[i] += float64(d.Number(uint16(120 + i)))
		}
	})
}

// life takes in the start of a process, the decision that it ends, and its end.
func (s *Store) life(d Datagram, now float64) {
	p := s.process(d, now)
	group := clean(d.Text(6))
	switch d.Kind {
	case KindStarted:
		if p != nil {
			p.about = about{clean(d.Text(1)), clean(d.Text(2)), clean(d.Text(3)), clean(d.Text(4))}
			p.since = min(p.since, now-d.Float(9))
		}
		if d.Sequence > 1 {
			return // it runs already: it tells us since we have not been there
		}
		s.each(group, p, func(t *total) {
			t.starts++
			if at := t.at(second(now)); at != nil {
				at.starts++
			}
		})
	case KindStopping:
		if p != nil {
			p.stopping = true
		}
	case KindStopped:
		s.end(p, ending{
			identity: identity{clean(d.Text(5)), group, d.PID}, at: now, reason: clean(d.Text(130)), uptime: d.Float(131),
			requests: float64(d.Number(132)), active: float64(d.Number(134)), drained: d.Number(135) == 1,
		})
	}
}

// end notes the end of a process.
func (s *Store) end(p *process, e ending) {
	if p != nil {
		p.ended = true
	}
	s.each(e.group, p, func(t *total) {
		t.ends++
		if at := t.at(second(e.at)); at != nil {
			at.ends++
		}
	})
	s.ends = append(s.ends, e)
	if len(s.ends) > mostEnds {
		s.ends = slices.Delete(s.ends, 0, len(s.ends)-mostEnds)
	}
}

// returns takes back the end of a process that was silent and speaks again: it
// was stopped, or the machine was.
func (s *Store) returns(p *process) {
	i := slices.IndexFunc(s.ends, func(e ending) bool { return e.identity == p.identity && e.silent })
	if i < 0 {
		return
	}
	p.ended = false
	at := second(s.ends[i].at)
	s.ends = slices.Delete(s.ends, i, i+1)
	s.each(p.group, p, func(t *total) {
		t.ends--
		if slot := t.at(at); slot != nil && slot.ends > 0 {
			slot.ends--
		}
	})
}

// patience is for how long a process may say nothing before it is taken for
// dead: one that is killed has no last word.
func (p *process) patience() float64 { return max(5, 3*min(p.interval, 60)+2) }

// sweep notes who has not been heard of for too long, and forgets who ended when
// its seconds have all gone.
func (s *Store) sweep(now float64) {
	for id, p := range s.processes {
		switch {
		case p.ended && now-p.heard > kept:
			delete(s.processes, id)
		case !p.ended && now-p.heard > p.patience():
			s.end(p, ending{identity: id, at: now, reason: "no word", uptime: now - p.since, requests: p.requests, silent: true})
		}
	}
}

// behind is how many seconds are not complete yet: a sample tells of the time
// before it.
func (s *Store) behind() int64 {
	most := 1.0
	for _, p := range s.processes {
		if !p.ended {
			most = max(most, min(p.interval, 60))
		}
	}
	return int64(math.Ceil(most)) + 1
}

// pause counts a pass of the collector in p, if that is known.
func (s *Store) pause(d Datagram, p *process, now float64) {
	if p == nil {
		return
	}
	s.each(p.group, p, func(t *total) {
		if at := t.at(second(now)); at != nil {
			at.pause += d.Float(321)
		}
	})
}

// byPID is the process with a number that was heard of last.
func (s *Store) byPID(pid uint32) *process {
	var found *process
	for id, p := range s.processes {
		if id.pid == pid && (found == nil || p.heard > found.heard) {
			found = p
		}
	}
	return found
}

// clean is a text that is safe to show: UTF-8 without control characters.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '�'
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}

// sorted are the processes, those that run first, by group and number.
func (s *Store) sorted() []*process {
	return slices.SortedFunc(maps.Values(s.processes), func(a, b *process) int {
		if a.ended != b.ended {
			return map[bool]int{false: -1, true: 1}[a.ended]
		}
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.host, b.host), cmp.Compare(a.pid, b.pid))
	})
}
