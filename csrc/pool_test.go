package csrc

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// C-8: as many steps at once as there are jobs, the next when one ends; each is
// told before it starts, with numbers that only go up.
func TestPoolSideBySide(t *testing.T) {
	meet := make(chan bool) // without a buffer: both sides have to be there
	var told []string
	last := 0
	p := &pool{jobs: 2, total: 4, say: func(done, total int, what string) {
		if done < last || total != 4 {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
		told = append(told, what)
	}}
	err := p.run(t.Context(), 4, func(i int) string { return fmt.Sprint("step ", i) }, func(i int) error {
		if i%2 == 0 {
			meet <- true
		} else {
			<-meet
		}
		return nil
	})
	if want := []string{"step 0", "step 1", "step 2", "step 3"}; err != nil || !slices.Equal(told, want) || p.done != 4 {
		t.Errorf("%v, told %q, %d done", err, told, p.done)
	}
}

// C-8: after a failure nothing starts, what runs is waited for, and the first in
// order of those that failed is told.
func TestPoolFails(t *testing.T) {
	for _, quick := range []int{0, 1} {
		t.Run(fmt.Sprint("first to fail is ", quick), func(t *testing.T) { failTwo(t, quick) })
	}
}

// failTwo lets steps 0 and 1 fail, quick before the other one.
func failTwo(t *testing.T, quick int) {
	started := make(chan bool)
	ended := 0
	p := &pool{jobs: 2, say: func(int, int, string) {}}
	err := p.run(t.Context(), 5, func(int) string { return "" }, func(i int) error {
		switch i {
		case quick:
			<-started
		case 1 - quick:
			close(started)
			for over := false; !over; runtime.Gosched() { // until the other's failure is known
				p.mu.Lock()
				over = p.done > 0
				p.mu.Unlock()
			}
			ended++
		default:
			t.Errorf("step %d was started", i)
		}
		return fmt.Errorf("of step %d", i)
	})
	if err == nil || !strings.Contains(err.Error(), "of step 0") || ended != 1 {
		t.Errorf("%v, %d ended", err, ended)
	}
}
