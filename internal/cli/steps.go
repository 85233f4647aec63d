package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Steps shows what is being done, how long it took and how it ended: on a
// terminal one line a step that moves while it works, elsewhere one plain line
// when it ends. Steps follow one another; the methods may be called from
// several goroutines.
type Steps struct {
	w      io.Writer
	live   bool             // a terminal: the line may be written again
	colour bool             // it shows colours
	now    func() time.Time // a test's clock

	mu     sync.Mutex
	text   string // of the running step; "" when none runs
	note   string // how far it is
	began  time.Time
	stop   chan struct{} // closed to end the spinner
	ended  chan struct{} // closed by the spinner
	frame  int
	totals []Timing
}

// Timing is one ended step.
type Timing struct {
	Text   string
	Took   time.Duration
	Failed bool
}

// NewSteps writes progress to w, with colours if [Colour] permits them.
func NewSteps(w io.Writer, colour bool) *Steps {
	return &Steps{w: w, live: Live(w), colour: colour, now: time.Now}
}

// Terminal tells whether w is a character device, so that a person may be
// looking.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0
}

// Start begins a step. One that still runs is done.
func (s *Steps) Start(text string) {
	s.end("", false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.note, s.began, s.frame = text, "", s.now(), 0
	if s.live {
		s.stop, s.ended = make(chan struct{}), make(chan struct{})
		go s.spin(s.stop, s.ended)
	}
}

// Note says how far the running step is: "12/29 wsgi_relay.c". Only a terminal
// shows it.
func (s *Steps) Note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = text
}

// Say writes a line of its own where nobody sees notes: of a step that takes
// minutes, a log shall show that it goes on.
func (s *Steps) Say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live {
		fmt.Fprintf(s.w, "     %s\n", text)
	}
}

// Done ends the running step well. detail says what came of it and may be "".
func (s *Steps) Done(detail string) { s.end(detail, false) }

// Fail ends the running step, if one runs, as failed. The error itself is for
// [Main].
func (s *Steps) Fail() { s.end("", true) }

// Timings are the steps ended so far, in order.
func (s *Steps) Timings() []Timing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Timing(nil), s.totals...)
}

func (s *Steps) end(detail string, failed bool) {
	s.mu.Lock()
	stop, ended := s.stop, s.ended
	s.stop, s.ended = nil, nil
	s.mu.Unlock()
	if stop != nil {
		close(stop)
		<-ended // it takes the lock, so not while we hold it
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text == "" {
		return
	}
	t := Timing{Text: s.text, Took: s.now().Sub(s.began), Failed: failed}
	s.totals = append(s.totals, t)
	mark := Ok(s.colour)
	if failed {
		mark = Fail(s.colour)
	}
	line := fmt.Sprintf("%s %6.2fs  %s", mark, t.Took.Seconds(), t.Text)
	if detail != "" {
		line += ": " + detail
	}
	if s.live {
		line = "\r\x1b[K" + line
	}
	fmt.Fprintln(s.w, line)
	s.text = ""
}

// spinEvery is often enough to look alive and seldom enough for a slow line.
const spinEvery = 120 * time.Millisecond

func (s *Steps) spin(stop, ended chan struct{}) {
	defer close(ended)
	tick := time.NewTicker(spinEvery)
	defer tick.Stop()
	for {
		s.draw()
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

func (s *Steps) draw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := fmt.Sprintf("%-4s %6.2fs  %s", string(`-\|/`[s.frame%4]), s.now().Sub(s.began).Seconds(), s.text)
	if s.note != "" {
		line += "  " + s.note
	}
	s.frame++
	fmt.Fprint(s.w, "\r\x1b[K"+fit(line))
}
