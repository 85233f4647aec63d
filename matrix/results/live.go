package results

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"modwsgi/internal/cli"
	"modwsgi/matrix/plan"
)

// View shows a run while it goes on (rule M-8): on a terminal which cells run, for
// how long, and when the end is to be expected; elsewhere a line for each cell
// that ended. What a bad cell has to say is printed whole, its id before every
// line. Its methods may be called from several goroutines.
type View struct {
	w    io.Writer
	o    ViewOptions
	mu   sync.Mutex
	err  error // of writing; the first
	left map[string]bool
	runs []*running
	made *running // the build that is made; one at a time
	rep  Report   // of what has ended
	b    cli.Block
	stop chan struct{}
	done chan struct{}
}

// ViewOptions are what a view is made with.
type ViewOptions struct {
	Live    bool             // lines may be written over
	Colour  bool             // there are colours
	Jobs    int              // cells that run at once
	Plan    *plan.Plan       // what is run
	Timings plan.Timings     // how long cells took
	Now     func() time.Time // a test's clock; nil: the real one
}

// running is a cell that has begun.
type running struct {
	id, note string
	began    time.Time
}

// redrawn is how often times are written over.
const redrawn = 500 * time.Millisecond

// NewView shows the run of a plan on w. It has to be closed.
func NewView(w io.Writer, o ViewOptions) *View {
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &View{w: w, o: o, left: map[string]bool{}, rep: Report{Plan: o.Plan}}
	for _, c := range o.Plan.Cells {
		v.left[c.ID] = true
	}
	if o.Live {
		v.stop, v.done = make(chan struct{}), make(chan struct{})
		go v.keep()
	}
	return v
}

// keep draws the block until the view is closed.
func (v *View) keep() {
	defer close(v.done)
	tick := time.NewTicker(redrawn)
	defer tick.Stop()
	for {
		select {
		case <-v.stop:
			return
		case <-tick.C:
			v.mu.Lock()
			v.draw("")
			v.mu.Unlock()
		}
	}
}

// Started says that a cell runs now.
func (v *View) Started(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.runs = append(v.runs, &running{id: id, began: v.o.Now()})
	v.draw("")
}

// Building says what is built now, for whichever cell waits for it: until Built,
// the next one, or the end of a cell.
func (v *View) Building(what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.made = &running{id: what, began: v.o.Now()}
	v.draw("")
}

// Built says that it is there.
func (v *View) Built() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.made == nil {
		return
	}
	text := fmt.Sprintf("%s %7.2fs  building %s\n", cli.Ok(v.o.Colour), v.o.Now().Sub(v.made.began).Seconds(), oneLine(clean(v.made.id)))
	v.made = nil
	v.draw(text)
}

// Note says how far it is: "run: upload-slow". Only a terminal shows it.
func (v *View) Note(id, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range v.runs {
		if r.id == id {
			r.note = oneLine(clean(text))
		}
	}
	v.draw("")
}

// Say prints a text that everybody is to see, with the id before each line.
func (v *View) Say(id, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.draw(prefixed(id, text))
}

// Ended says what came of a cell.
func (v *View) Ended(r Result) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.runs = slices.DeleteFunc(v.runs, func(x *running) bool { return x.id == r.ID })
	delete(v.left, r.ID)
	v.made = nil
	v.rep.Results = append(v.rep.Results, r)
	v.draw(v.ended(r))
}

// ended is what is printed of a cell.
func (v *View) ended(r Result) string {
	mark := cli.Ok(v.o.Colour)
	switch {
	case r.Status.Bad():
		mark = cli.Fail(v.o.Colour)
	case r.Status == Skip, r.Status == XFail:
		mark = "-   "
	}
	text := fmt.Sprintf("%s %7.2fs  %s", mark, r.Seconds(), r.ID)
	if r.Status != Pass || r.Flaky {
		text += ": " + r.Word()
	}
	if !r.Status.Bad() && r.Why != "" {
		text += ": " + oneLine(clean(r.Complaint()))
	}
	if !v.o.Live {
		text += fmt.Sprintf(" (%d/%d)", len(v.rep.Results), len(v.o.Plan.Cells))
	}
	text += "\n"
	if r.Status.Bad() {
		text += prefixed(r.ID, r.story())
	}
	if advice := r.advice(); advice != "" {
		text += prefixed(r.ID, advice)
	}
	return text
}

// Close takes the block away and tells whether all could be written.
func (v *View) Close() error {
	if v.stop != nil {
		close(v.stop)
		<-v.done
		v.stop = nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.o.Live, v.err = false, v.keepErr(v.b.Draw(v.w, ""))
	return v.err
}

// draw writes text, to stay, and the block below it.
func (v *View) draw(text string) {
	switch {
	case v.o.Live:
		v.err = v.keepErr(v.b.Draw(v.w, text, v.lines()...))
	case text != "":
		_, err := io.WriteString(v.w, text)
		v.err = v.keepErr(err)
	}
}

func (v *View) keepErr(err error) error {
	if v.err != nil {
		return v.err
	}
	return err
}

// shown is how many of the running cells a terminal shows.
const shown = 8

// lines are the block: those that run, the longest first, then how far it is.
func (v *View) lines() []string {
	var list []string
	now := v.o.Now()
	if v.made != nil {
		list = append(list, fmt.Sprintf("     %7.0fs  building %s", now.Sub(v.made.began).Seconds(), oneLine(clean(v.made.id))))
	}
	for i, r := range v.runs {
		if i == shown {
			list = append(list, fmt.Sprintf("              and %d more", len(v.runs)-shown))
			break
		}
		list = append(list, strings.TrimRight(fmt.Sprintf("     %7.0fs  %s  %s", now.Sub(r.began).Seconds(), r.id, r.note), " "))
	}
	line := fmt.Sprintf("%d of %d", len(v.rep.Results), len(v.o.Plan.Cells))
	if len(v.rep.Results) > 0 {
		line += ": " + v.rep.Counts()
	}
	if left := v.remaining(now); left > 0 {
		line += ", about " + about(left) + " to go"
	}
	return append(list, line)
}

// remaining is how long it goes on, by what cells took before.
func (v *View) remaining(now time.Time) time.Duration {
	sum, most := 0.0, 0.0
	waiting := map[string]bool{}
	for id := range v.left {
		waiting[id] = true
	}
	add := func(seconds float64) { sum, most = sum+max(seconds, 0), max(most, seconds) }
	for _, r := range v.runs {
		if waiting[r.id] {
			delete(waiting, r.id)
			add(v.expected(r.id) - now.Sub(r.began).Seconds())
		}
	}
	for id := range waiting {
		add(v.expected(id))
	}
	// It ends no earlier than the longest of them.
	return time.Duration(max(sum/float64(max(v.o.Jobs, 1)), most) * float64(time.Second))
}

// expected is how long a cell takes: as before, or else as those that have ended.
func (v *View) expected(id string) float64 {
	if seconds, there := v.o.Timings[id]; there {
		return seconds
	}
	sum, n := 0.0, 0
	for _, r := range v.rep.Results {
		if timed(r) {
			sum, n = sum+r.Seconds(), n+1
		}
	}
	if n == 0 {
		return 30
	}
	return sum / float64(n)
}

// about is a time as people say it.
func about(d time.Duration) string {
	if d < 90*time.Second {
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
}

// prefixed is text with the id before each line.
func prefixed(id, text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(clean(text), "\n")) {
		fmt.Fprintf(&b, "%s | %s\n", id, strings.TrimSuffix(line, "\n"))
	}
	return b.String()
}
