package matrix

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"modwsgi/internal/run"
)

// BenchOptions says what is compared with what.
type BenchOptions struct {
	Target Target // our module
	Peers  Peers
	Plan   BenchPlan

	// Progress is told of each step as it begins; done and total count runs of the
	// load generator.
	Progress func(done, total int, what string)
}

// Bench is all that was measured. It is what bench.json holds; everything else
// is worked out of it.
type Bench struct {
	Plan        BenchPlan     `json:"plan"`
	Machine     Machine       `json:"machine"`
	Contestants []Contestant  `json:"contestants"`
	Memory      []Memory      `json:"memory,omitempty"`
	Runs        Runs          `json:"runs,omitempty"`
	Builds      []BuildTiming `json:"builds,omitempty"`
	Starts      []StartTiming `json:"starts,omitempty"`
	Missing     []string      `json:"missing,omitempty"` // why parts of it could not be measured
}

// Contestant is one who took part, or should have.
type Contestant struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Config  string `json:"config"`
	Version string `json:"version,omitempty"`
	Python  string `json:"python,omitempty"`
	NoGIL   bool   `json:"no_gil,omitempty"`
	Absent  string `json:"absent,omitempty"`
}

// RunBench measures what the plan says, in rounds that go through all
// contestants: a machine that is busy is busy for all of them. A contestant that
// does not start, or answers wrongly, is in the result with the reason; an error
// means that nothing could be measured at all.
func RunBench(ctx context.Context, r *run.Runner, o BenchOptions) (result Bench, err error) {
	load, err := newWrk(r)
	if err != nil {
		return Bench{}, err
	}
	defer func() { err = errors.Join(err, load.close()) }()
	if o.Progress == nil {
		o.Progress = func(int, int, string) {}
	}
	race := &race{bench: bench{r: r, o: o}, load: load, wrong: map[string]string{}}
	race.result = Bench{Plan: o.Plan, Machine: thisMachine()}
	race.total = o.Plan.Runs() * o.Plan.Rounds
	defer func() { err = errors.Join(err, race.stop()) }()

	for _, c := range race.contestants() {
		if slices.Contains(o.Plan.Contestants, c.id) {
			race.field = append(race.field, entry{contestant: c})
		}
	}
	for i := range race.field {
		race.weigh(ctx, &race.field[i])
	}
	race.startAll(ctx)
	for _, e := range race.field {
		race.result.Contestants = append(race.result.Contestants, race.describe(e))
	}
	race.warmAll(ctx)
	race.rounds(ctx)
	return race.result, ctx.Err()
}

// race is one run of RunBench.
type race struct {
	bench
	load   *wrk
	field  []entry
	result Bench
	wrong  map[string]string // workload and contestant to why it is not measured

	done, total int
}

// entry is one contestant of the race; server is nil while it does not run.
type entry struct {
	contestant
	server *running
	about  about
}

func (c *race) say(format string, args ...any) {
	c.o.Progress(c.done, c.total, fmt.Sprintf(format, args...))
}

// begin starts a contestant and asks it one request.
func (c *race) begin(ctx context.Context, e *entry) {
	if e.absent != "" || ctx.Err() != nil {
		return
	}
	server, err := e.start(ctx)
	if err != nil {
		e.absent = oneLine(err)
		return
	}
	server.meter.roots = server.roots
	e.server = server
	if e.id != StaticFile && e.id != Floor {
		if err := server.introduce(ctx); err != nil {
			e.absent = oneLine(err)
			c.end(e)
			return
		}
		e.about = server.about
	}
}

// end stops a contestant.
func (c *race) end(e *entry) {
	if e.server == nil {
		return
	}
	if err := e.server.stop(); err != nil {
		c.result.Missing = append(c.result.Missing, fmt.Sprintf("stopping %s: %s", e.name, oneLine(err)))
	}
	e.server = nil
}

func (c *race) stop() error {
	for i := range c.field {
		c.end(&c.field[i])
	}
	return nil
}

// weigh measures the memory of a contestant that runs alone: after one request,
// and after a second of load.
func (c *race) weigh(ctx context.Context, e *entry) {
	if !c.o.Plan.Memory {
		return
	}
	c.say("memory of %s", e.name)
	c.begin(ctx, e)
	if e.server == nil {
		return
	}
	defer c.end(e)
	m := Memory{Contestant: e.id}
	err := func() (err error) {
		hello := workloads()[0]
		if err := e.server.check(ctx, e.id, hello); err != nil {
			return err
		}
		e.server.meter.quiet()
		if m.Idle, m.Processes, err = weigh(e.server.roots); err != nil {
			return err
		}
		if e.about.PID != 0 {
			if m.AppIdle, err = pss(e.about.PID); err != nil {
				return err
			}
			kb, err := Process{PID: e.about.PID}.Resident()
			if err != nil {
				return err
			}
			m.AppRSS = float64(kb) / 1024
		}
		if _, err := c.load.run(ctx, hello, e.server.url, 16, c.o.Plan.Each); err != nil {
			return err
		}
		e.server.meter.quiet()
		m.After, _, err = weigh(e.server.roots)
		return err
	}()
	if err != nil {
		m.Failed = oneLine(err)
	}
	c.result.Memory = append(c.result.Memory, m)
}

// startAll starts everybody for the rounds.
func (c *race) startAll(ctx context.Context) {
	if len(c.o.Plan.Workloads) == 0 {
		return
	}
	for i := range c.field {
		c.say("starting %s", c.field[i].name)
		c.begin(ctx, &c.field[i])
	}
}

func (c *race) describe(e entry) Contestant {
	one := Contestant{ID: e.id, Name: e.name, Config: e.config, Absent: e.absent, Python: e.about.Python, NoGIL: e.about.Python != "" && !e.about.GIL}
	switch e.id {
	case DebianDaemon, DebianEmbedded:
		one.Version = c.o.Peers.Debian.Version
	case OriginalDaemon, OriginalEmbedded:
		one.Version = c.o.Peers.Original.Version
	case ProxyUWSGI:
		one.Version = c.o.Peers.UWSGI.Version
	case ProxyGunicorn, GunicornAlone:
		one.Version = c.o.Peers.Gunicorn.Version
	}
	return one
}

// each calls f for each contestant that runs and takes part in w. Every round
// begins with another one, so that nobody always follows the same neighbour.
func (c *race) each(ctx context.Context, w Workload, round int, f func(e *entry)) {
	for i := range c.field {
		e := &c.field[(i+round)%len(c.field)]
		if e.server != nil && w.takes(e.id) && ctx.Err() == nil {
			f(e)
		}
	}
}

// warmAll asks each contestant for each workload, looks at the answer, and lets
// it run for a second: code is loaded, threads are made, memory is had.
func (c *race) warmAll(ctx context.Context) {
	for _, w := range c.o.Plan.Workloads {
		c.each(ctx, w, 0, func(e *entry) {
			c.say("warming up: %s, %s", w.Name, e.name)
			err := e.server.check(ctx, e.id, w)
			if err == nil {
				_, err = c.load.run(ctx, w, e.server.url, slices.Max(w.Clients), c.o.Plan.warm())
			}
			if err != nil {
				c.wrong[w.Name+" "+e.id] = oneLine(err)
			}
			e.server.meter.quiet()
		})
	}
}

// rounds measures.
func (c *race) rounds(ctx context.Context) {
	for round := range c.o.Plan.Rounds {
		for _, w := range c.o.Plan.Workloads {
			for _, clients := range w.Clients {
				c.each(ctx, w, round, func(e *entry) {
					c.say("round %d of %d: %s, %d clients, %s", round+1, c.o.Plan.Rounds, w.Name, clients, e.name)
					one := Run{Round: round + 1, Workload: w.Name, Clients: clients, Contestant: e.id}
					one.Failed = c.wrong[w.Name+" "+e.id]
					if one.Failed == "" {
						c.measure(ctx, e.server, w, &one)
					}
					c.done++
					if ctx.Err() == nil {
						c.result.Runs = append(c.result.Runs, one)
					}
				})
			}
		}
	}
}

// lookEvery is how often processes are looked at under load, for the time of
// those that end.
const lookEvery = 200 * time.Millisecond

// measure runs the load once and reads the processor time before and after.
func (c *race) measure(ctx context.Context, s *running, w Workload, one *Run) {
	before := s.meter.now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				s.meter.now()
			}
		}
	}()
	got, err := c.load.run(ctx, w, s.url, one.Clients, c.o.Plan.each(w))
	close(stop)
	<-stopped
	spent := s.meter.now() - before
	s.meter.quiet()
	if err != nil {
		one.Failed = oneLine(err)
		return
	}
	one.Requests, one.Rate = got.requests, got.rate
	one.CPU = float64(spent) * 1e6 / ticksPerSecond / float64(got.requests)
	one.P50, one.P99 = microseconds(got.p50), microseconds(got.p99)
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// oneLine is an error for a table.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// listens says whether somebody accepts connections at address.
func listens(network, address string) bool {
	c, err := net.Dial(network, address)
	return err == nil && c.Close() == nil
}

// Err is an error if one of ours did not start, or failed a run: the report of
// such a benchmark is written, but it is none to go by.
func (b Bench) Err() error {
	var bad []string
	for _, c := range b.Contestants {
		if (c.ID == OursDaemon || c.ID == OursEmbedded) && c.Absent != "" {
			bad = append(bad, fmt.Sprintf("%s: %s", c.Name, c.Absent))
		}
	}
	for _, r := range b.Runs {
		if (r.Contestant == OursDaemon || r.Contestant == OursEmbedded) && r.Failed != "" {
			bad = append(bad, fmt.Sprintf("%s, %s with %d clients, round %d: %s", r.Contestant, r.Workload, r.Clients, r.Round, r.Failed))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("our own module failed: %s", strings.Join(bad, "; "))
}
