package csrc

import (
	"context"
	"sync"
)

// pool runs the steps of one phase of a build side by side. After a failure no
// further step starts; those that run are waited for.
type pool struct {
	jobs  int
	total int // of all phases
	done  int
	say   func(done, total int, what string)
	mu    sync.Mutex // of done, and of say
}

// aside tells of something that is no step.
func (p *pool) aside(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say(0, 0, what)
}

// run does steps 0 to n-1 and returns the failure of the first of them in
// order, of those that failed.
func (p *pool) run(ctx context.Context, n int, name func(int) string, step func(int) error) error {
	var (
		wg     sync.WaitGroup
		next   int
		failed = n // index of the first failure
		cause  error
	)
	take := func() (int, bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if next == n || cause != nil || ctx.Err() != nil {
			return 0, false
		}
		i := next
		next++
		p.say(p.done, p.total, name(i))
		return i, true
	}
	end := func(i int, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.done++
		if err != nil && i < failed {
			failed, cause = i, err
		}
	}
	for range min(p.jobs, n) {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				end(i, step(i))
			}
		})
	}
	wg.Wait()
	if cause == nil {
		return ctx.Err()
	}
	return cause
}
