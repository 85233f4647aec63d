package matrix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// Calls are system calls, by name, a request.
type Calls map[string]float64

// Sum is all of them but futexes: how often threads of httpd wait for each
// other depends on which of them happens to be quicker.
func (c Calls) Sum() float64 {
	sum := 0.0
	for name, n := range c {
		if name != "futex" {
			sum += n
		}
	}
	return sum
}

// Cost is what one kind of process did for a request.
type Cost struct {
	Name string
	Calls
}

// errUntraced: this machine does not let us trace what we started.
var errUntraced = errors.New("strace may not attach here")

const (
	tracedFew  = 200
	tracedMany = 1200
)

// tracer counts what processes of a server do.
type tracer struct {
	runner *run.Runner
	strace string
	server *Server
}

// perRequest is the cost of a request in each of the kinds of processes, which
// are given by their ids. Ask makes that many requests. Two counts are made, and
// it is their difference that is told: what is done once falls out.
func (t *tracer) perRequest(ctx context.Context, pids []int, ask func(n int) error) ([]Calls, error) {
	if err := ask(tracedFew); err != nil { // every thread has been in it
		return nil, err
	}
	few, err := t.count(ctx, pids, func() error { return ask(tracedFew) })
	if err != nil {
		return nil, err
	}
	many, err := t.count(ctx, pids, func() error { return ask(tracedMany) })
	if err != nil {
		return nil, err
	}
	all := make([]Calls, len(pids))
	for i := range all {
		all[i] = eachOf(few[i], many[i], tracedMany-tracedFew)
	}
	return all, nil
}

// eachOf is what MANY has over FEW, of each of N requests. What is done now
// and then, by the clock or as memory grows, is less than one in a hundred.
func eachOf(few, many map[string]int, n int) Calls {
	c := Calls{}
	for name := range many {
		if d := float64(many[name]-few[name]) / float64(n); d >= 0.01 {
			c[name] = d
		}
	}
	return c
}

// count runs work under strace: one for each process.
func (t *tracer) count(ctx context.Context, pids []int, work func() error) (counts []map[string]int, err error) {
	dir, err := os.MkdirTemp("", "modwsgi-strace-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var ends []func() error
	defer func() {
		for _, end := range ends {
			err = errors.Join(err, end())
		}
	}()
	file := func(pid int) string { return filepath.Join(dir, strconv.Itoa(pid)) }
	for _, pid := range pids {
		end, err := t.attach(ctx, pid, file(pid))
		if err != nil {
			return nil, err
		}
		ends = append(ends, end)
	}
	if err := work(); err != nil {
		return nil, err
	}
	for len(ends) > 0 {
		end := ends[0]
		ends = ends[1:]
		if err := end(); err != nil {
			return nil, err
		}
	}
	for _, pid := range pids {
		text, err := os.ReadFile(file(pid))
		if err != nil {
			return nil, fmt.Errorf("reading what strace counted: %w", err)
		}
		counted, err := parseStrace(string(text))
		if err != nil {
			return nil, err
		}
		counts = append(counts, counted)
	}
	return counts, nil
}

// attach starts to trace a process. End ends that.
func (t *tracer) attach(ctx context.Context, pid int, file string) (end func() error, err error) {
	proc, err := t.runner.Start(ctx, run.Cmd{
		Path: t.strace, Args: []string{"-f", "-c", "-q", "-o", file, "-p", strconv.Itoa(pid)}, Timeout: 2 * time.Minute,
	})
	if err != nil {
		return nil, err
	}
	gone := make(chan struct{})
	var result run.Result
	go func() {
		result, _ = proc.Wait() // it ends by our signal, and tells so
		close(gone)
	}()
	end = func() error {
		err := proc.Signal(syscall.SIGINT)
		<-gone
		if errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("strace ended by itself: %s", result.Stderr)
		}
		return err
	}
	for deadline := time.After(startDeadline); !traced(pid); {
		select {
		case <-gone:
			if strings.Contains(result.Stderr, "not permitted") {
				return nil, fmt.Errorf("%w: %s", errUntraced, strings.TrimSpace(result.Stderr))
			}
			return nil, fmt.Errorf("strace of process %d: %s", pid, result.Stderr)
		case <-deadline:
			return nil, errors.Join(fmt.Errorf("strace did not attach to process %d within %s", pid, startDeadline), end())
		case <-time.After(pollInterval):
		}
	}
	return end, nil
}

// traced tells whether every thread of the process has a tracer.
func traced(pid int) bool {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		return false
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err == nil && strings.Contains(string(text), "\nTracerPid:\t0\n") {
			return false
		}
	}
	return true
}

// straceLine is a line of its table: share, seconds, microseconds a call,
// calls, perhaps errors, name.
var straceLine = pattern.New(`^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$`)

// parseStrace reads the table of strace -c.
func parseStrace(text string) (map[string]int, error) {
	counts := map[string]int{}
	for line := range strings.SplitSeq(text, "\n") {
		if m := straceLine.FindStringSubmatch(line); m != nil && m[2] != "total" {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, fmt.Errorf("reading what strace counted: %w", err)
			}
			counts[m[2]] = n
		}
	}
	if len(counts) == 0 {
		return nil, fmt.Errorf("strace counted nothing: %s", tailOf(text))
	}
	return counts, nil
}

// plainAnswer is an answer of Apache alone, for which it looks at no file.
const plainAnswer = "Apache, a redirect"

// CountCosts counts the system calls of one request over a kept connection:
// Apache's own answers, and hello world in both modes. The script is mounted
// at / and asked for by a path below, as sites do.
func CountCosts(ctx context.Context, r *run.Runner, target Target) (costs []Cost, err error) {
	strace, err := r.LookPath("strace")
	if err != nil {
		return nil, fmt.Errorf("looking for strace: %w", err)
	}
	const off = "<Location /still>\n    WSGIScriptReloading Off\n    </Location>"
	c := Case{Name: "hello", Conf: []string{"Redirect /redirect http://matrix.test/", `Alias /file "@APP@/app.wsgi"`, off}}
	for _, mode := range []Mode{Embedded, Daemon} {
		of, err := countMode(ctx, r, target, mode, c, strace)
		if err != nil {
			return nil, fmt.Errorf("%s mode: %w", mode, err)
		}
		costs = append(costs, of...)
	}
	return costs, nil
}

func countMode(ctx context.Context, r *run.Runner, target Target, mode Mode, c Case, strace string) (costs []Cost, err error) {
	s, err := startBenchServer(ctx, r, target, mode, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	t := &tracer{runner: r, strace: strace, server: s.Server}
	child, err := s.only(ctx, s.Server.ConfPath())
	if err != nil {
		return nil, err
	}
	one := func(name, path string, status int) error {
		calls, err := t.perRequest(ctx, []int{child.PID}, asker(ctx, s.Server, hostOf(c), path, status))
		if err == nil {
			costs = append(costs, Cost{name, calls[0]})
		}
		return err
	}
	if mode == Embedded {
		err := errors.Join(
			one(plainAnswer, "/redirect", 302), one("Apache, a file", "/file", 200),
			one("embedded", "/page", 200), one("embedded, WSGIScriptReloading Off", "/still", 200))
		return costs, err
	}
	host, err := s.only(ctx, "(wsgi:")
	if err != nil {
		return nil, err
	}
	calls, err := t.perRequest(ctx, []int{child.PID, host.PID}, asker(ctx, s.Server, hostOf(c), "/page", 200))
	if err != nil {
		return nil, err
	}
	return []Cost{{"daemon, child", calls[0]}, {"daemon, host", calls[1]}}, nil
}

// asker asks again and again over one connection.
func asker(ctx context.Context, s *Server, host, path string, status int) func(int) error {
	request := Request{Path: path}.bytes(host, false)
	return func(n int) error {
		c, err := dial(ctx, s.Port)
		if err != nil {
			return err
		}
		defer c.Close()
		for range n {
			if err := c.Request(request); err != nil {
				return err
			}
			got, err := c.Read("GET")
			if err != nil {
				return err
			}
			if got.Status != status || got.End != EndFramed {
				return fmt.Errorf("GET %s: status %d, the response ended %s", path, got.Status, got.End)
			}
		}
		return nil
	}
}

// PrintCosts writes the table, call by call.
func PrintCosts(w io.Writer, costs []Cost) error {
	names := map[string]bool{}
	for _, c := range costs {
		for name := range c.Calls {
			names[name] = true
		}
	}
	delete(names, "futex")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(label string, value func(Cost) float64) {
		fmt.Fprintf(t, "%s\t", label)
		for _, c := range costs {
			if v := value(c); v != 0 {
				fmt.Fprintf(t, "%.2f\t", v)
			} else {
				fmt.Fprint(t, "-\t")
			}
		}
		fmt.Fprintln(t)
	}
	fmt.Fprint(t, "calls a request\t")
	for _, c := range costs {
		fmt.Fprintf(t, "%s\t", c.Name)
	}
	fmt.Fprintln(t)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		row(name, func(c Cost) float64 { return c.Calls[name] })
	}
	row("sum", func(c Cost) float64 { return c.Sum() })
	row("futex, apart", func(c Cost) float64 { return c.Calls["futex"] })
	return t.Flush()
}
