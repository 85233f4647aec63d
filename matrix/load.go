package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Load is clients that ask for the same path again and again, each request on
// a connection of its own, while something happens to the server.
type Load struct {
	t    *T
	host string
	stop atomic.Bool
	all  sync.WaitGroup

	mu     sync.Mutex
	done   int             // answered or lost
	took   []time.Duration // those that were answered well
	bodies map[string]int  // answers with status 200
	lost   map[string]int  // what came instead

	known map[int]bool // processes that answered; see [Load.pids]
}

// Load starts clients; end it.
func (t *T) Load(clients int, path string) *Load { return t.loadOn(t.Host, clients, path) }

// loadOn starts clients that ask a virtual host.
func (t *T) loadOn(host string, clients int, path string) *Load {
	l := &Load{t: t, host: host, bodies: map[string]int{}, lost: map[string]int{}, known: map[int]bool{}}
	for range clients {
		l.all.Go(func() {
			for !l.stop.Load() {
				l.one(path)
			}
		})
	}
	return l
}

func (l *Load) one(path string) {
	began := time.Now()
	body, lost := l.ask(path)
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done++
	if lost != "" {
		l.lost[lost]++
		return
	}
	l.took = append(l.took, took)
	l.bodies[body]++
}

// ask gives the body, or what is wrong.
func (l *Load) ask(path string) (body, lost string) {
	c, err := dial(l.t.Context, l.t.Server.Port)
	if err != nil {
		time.Sleep(pollInterval)
		return "", "connecting: " + err.Error()
	}
	defer c.Close()
	q := Request{Path: path}
	if err := c.Request(q.bytes(fmt.Sprintf("%s:%d", l.host, l.t.Server.Port), true)); err != nil {
		return "", "sending: " + err.Error()
	}
	r, err := c.Read("GET")
	switch {
	case err != nil:
		return "", "reading: " + err.Error()
	case r.Status != 200:
		return "", fmt.Sprintf("status %d", r.Status)
	case r.End != EndFramed && r.End != EndDelimited:
		return "", fmt.Sprintf("ended %s", r.End)
	}
	return string(r.Body), ""
}

// served is how many requests have been answered, well or not.
func (l *Load) served() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

// answers are the bodies that came since the last call, sorted.
func (l *Load) answers() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := slices.Sorted(maps.Keys(l.bodies))
	clear(l.bodies)
	return list
}

// more waits for n more answers.
func (l *Load) more(n int) {
	at := l.served()
	l.t.Wait(fmt.Sprintf("%d answers under load", n), func() bool { return l.served() >= at+n })
}

// lap is what was answered well in some time.
type lap struct {
	requests          int
	p50, p99, longest time.Duration
	slow              int // took more than half a second
}

func (l lap) String() string {
	if l.requests == 0 {
		return "no requests"
	}
	return fmt.Sprintf("%d requests, p50 %v, p99 %v, longest %v", l.requests, l.p50, l.p99, l.longest)
}

// lap gives what was served since the last call.
func (l *Load) lap() lap {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := l.took
	l.took = nil
	if len(took) == 0 {
		return lap{}
	}
	slices.Sort(took)
	at := func(q float64) time.Duration { return took[int(q*float64(len(took)-1))].Round(100 * time.Microsecond) }
	within, _ := slices.BinarySearch(took, time.Second/2)
	return lap{requests: len(took), p50: at(0.5), p99: at(0.99), longest: at(1), slow: len(took) - within}
}

// End stops the clients; what was lost is told, with how often.
func (l *Load) End() (lost int, what string) {
	l.stop.Store(true)
	l.all.Wait()
	var list []string
	for _, k := range slices.Sorted(maps.Keys(l.lost)) {
		lost += l.lost[k]
		list = append(list, fmt.Sprintf("%d times %s", l.lost[k], k))
	}
	return lost, strings.Join(list, ", ")
}
