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

	"modwsgi/internal/run"
)

// BenchOptions says what is compared with what.
type BenchOptions struct {
	Target Target        // our module
	Peer   string        // mod_wsgi.so of another release, "" or absent: not run
	UWSGI  string        // the uwsgi program, "" or absent: not run
	Rounds int           // 4 when 0
	Each   time.Duration // of one run of wrk; 3 s when 0
	Log    io.Writer     // progress; nil: none
}

// Bench is the result: one line per contestant, and who could not take part.
type Bench struct {
	Lines  []BenchLine
	Absent map[string]string // contestant to the reason
}

// BenchLine holds the medians of one contestant.
type BenchLine struct {
	Name   string
	Rate   float64       // requests per second
	CPU    time.Duration // of all server processes, per request
	Latest time.Duration // latency at 99 %
}

// ticksPerSecond is what /proc counts in on every Linux there is.
const ticksPerSecond = 100

// contestant is one server that answers hello world.
type contestant struct {
	name  string
	start func(ctx context.Context) (*running, error)
}

// running is a started contestant: where to ask, whose processor time counts.
type running struct {
	url  string
	pids func() []Process
	stop func() error
}

// RunBench measures hello world over keep-alive connections, 16 clients, one
// process with five Python threads, in interleaved rounds so that a busy
// machine is busy for all.
func RunBench(ctx context.Context, r *run.Runner, o BenchOptions) (b Bench, err error) {
	rounds, each := o.Rounds, o.Each
	if rounds == 0 {
		rounds = 4
	}
	if each == 0 {
		each = 3 * time.Second
	}
	wrk, err := r.LookPath("wrk")
	if err != nil {
		return Bench{}, fmt.Errorf("looking for wrk: %w", err)
	}
	b.Absent = map[string]string{}
	var names []string
	var servers []*running
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, c := range contestants(r, o) {
		s, err := c.start(ctx)
		if err != nil {
			b.Absent[c.name] = err.Error()
			continue
		}
		names, servers = append(names, c.name), append(servers, s)
	}
	samples := make([][]BenchLine, len(servers))
	for round := range rounds {
		for i, s := range servers {
			line, err := measure(ctx, r, wrk, s, each)
			if err != nil {
				return b, fmt.Errorf("%s, round %d: %w", names[i], round+1, err)
			}
			samples[i] = append(samples[i], line)
			if o.Log != nil {
				fmt.Fprintf(o.Log, "round %d  %-28s %8.0f requests/s  %6.1f us\n", round+1, names[i], line.Rate, micro(line.CPU))
			}
		}
	}
	for i, lines := range samples {
		b.Lines = append(b.Lines, medians(names[i], lines))
	}
	return b, nil
}

// contestants are all that could take part.
func contestants(r *run.Runner, o BenchOptions) []contestant {
	peer := Target{Apache: o.Target.Apache, Python: o.Target.Python, Module: o.Peer, Foreign: true}
	var all []contestant
	for _, mode := range []Mode{Daemon, Embedded} {
		all = append(all, contestant{"ours " + string(mode), func(ctx context.Context) (*running, error) { return startHello(ctx, r, o.Target, mode) }})
	}
	for _, mode := range []Mode{Daemon, Embedded} {
		all = append(all, contestant{"peer " + string(mode), func(ctx context.Context) (*running, error) {
			if _, err := os.Stat(o.Peer); err != nil {
				return nil, err
			}
			return startHello(ctx, r, peer, mode)
		}})
	}
	return append(all,
		contestant{"mod_proxy_uwsgi", func(ctx context.Context) (*running, error) { return startUWSGI(ctx, r, o) }},
		contestant{"static file", func(ctx context.Context) (*running, error) { return startStatic(ctx, r, o.Target) }},
	)
}

// benchCase is hello world with five threads in one process.
func benchCase(mode Mode) Case {
	c := Case{Name: "hello"}
	if mode == Daemon {
		c.Daemon = "threads=5"
	}
	return c
}

// startBenchServer starts httpd with 25 threads in one child, no access log.
func startBenchServer(ctx context.Context, r *run.Runner, t Target, mode Mode, c Case) (*Session, error) {
	s, err := NewServer(ctx, r, t, "event")
	if err != nil {
		return nil, err
	}
	session := &Session{Cell: Cell{Target: t, MPM: "event", Mode: mode}, Server: s, first: -1}
	s.Conf.Threads, s.Conf.Quiet = 25, true
	// As every distribution has it: else each folder is searched for .htaccess.
	s.Conf.Global = append(s.Conf.Global, "<Directory />\n    AllowOverride None\n</Directory>")
	if err := session.prepare([]Case{c}); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return session, nil
}

func startHello(ctx context.Context, r *run.Runner, t Target, mode Mode) (*running, error) {
	s, err := startBenchServer(ctx, r, t, mode, benchCase(mode))
	if err != nil {
		return nil, err
	}
	return s.running("/"), nil
}

func (s *Session) running(path string) *running {
	return &running{
		url:  "http://127.0.0.1:" + strconv.Itoa(s.Server.Port) + path,
		pids: s.Server.Processes,
		stop: func() error { return errors.Join(s.Server.Stop(), s.Server.Close()) },
	}
}

func startStatic(ctx context.Context, r *run.Runner, t Target) (*running, error) {
	c := Case{Name: "hello", Mount: "-", Conf: []string{`Alias /file "@APP@/file.txt"`}}
	s, err := startBenchServer(ctx, r, t, Embedded, c)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.Server.Root, "apps", "hello", "file.txt")
	if err := os.WriteFile(file, []byte("Hello World!"), 0o644); err != nil {
		return nil, errors.Join(err, s.running("").stop())
	}
	return s.running("/file"), nil
}

// startUWSGI starts uwsgi with one process of five threads, and httpd with
// mod_proxy_uwsgi before it.
func startUWSGI(ctx context.Context, r *run.Runner, o BenchOptions) (*running, error) {
	if _, err := r.LookPath(o.UWSGI); o.UWSGI == "" || err != nil {
		return nil, errors.New("no uwsgi program")
	}
	modules := o.Target.Apache.ModulesDir
	for _, m := range []string{"mod_proxy.so", "mod_proxy_uwsgi.so"} {
		if _, err := os.Stat(filepath.Join(modules, m)); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "modwsgi-uwsgi-") // a socket's path is short
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "socket")
	c := Case{Name: "hello", Mount: "-",
		Conf: []string{fmt.Sprintf("ProxyPass / unix:%s|uwsgi://localhost/", socket)},
		Global: []string{
			"LoadModule proxy_module " + quote(filepath.Join(modules, "mod_proxy.so")),
			"LoadModule proxy_uwsgi_module " + quote(filepath.Join(modules, "mod_proxy_uwsgi.so")),
		}}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s, err := startBenchServer(ctx, r, o.Target, Embedded, c)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	front := s.running("/")
	proc, err := r.Start(ctx, run.Cmd{Path: o.UWSGI, Args: []string{
		"--plugin", "python3", "--uwsgi-socket", socket, "--chmod-socket=666", "--master", "--processes", "1", "--threads", "5",
		"--wsgi-file", filepath.Join(s.Server.Root, "apps", "hello", "app.wsgi"), "--disable-logging", "--need-app", "--die-on-term",
	}})
	if err != nil {
		return nil, errors.Join(err, front.stop(), os.RemoveAll(dir))
	}
	gone := make(chan struct{})
	go func() {
		_, _ = proc.Wait() // ended by a signal of ours
		close(gone)
	}()
	pid := proc.PID()
	if err := s.Server.await(ctx, startDeadline, "uwsgi to listen", func() bool { return exists(socket) }); err != nil {
		_ = proc.Signal(syscall.SIGKILL)
		<-gone
		return nil, errors.Join(err, front.stop(), os.RemoveAll(dir))
	}
	return &running{
		url:  front.url,
		pids: func() []Process { return append(front.pids(), family(processTable(), pid)...) },
		stop: func() error {
			_ = proc.Signal(syscall.SIGKILL) // its process group; nothing to save
			<-gone
			return errors.Join(front.stop(), os.RemoveAll(dir))
		},
	}, nil
}

// measure runs wrk once and reads the processor time before and after.
func measure(ctx context.Context, r *run.Runner, wrk string, s *running, each time.Duration) (BenchLine, error) {
	if err := warm(ctx, r, wrk, s); err != nil {
		return BenchLine{}, err
	}
	before := ticks(s.pids())
	args := []string{"-t2", "-c16", "--latency", fmt.Sprintf("-d%ds", int(each.Seconds())), s.url}
	res, err := r.Run(ctx, run.Cmd{Path: wrk, Args: args, Timeout: each + time.Minute})
	if err != nil {
		return BenchLine{}, err
	}
	after := ticks(s.pids())
	got, err := parseWrk(res.Stdout)
	if err != nil {
		return BenchLine{}, err
	}
	spent := time.Duration(after-before) * time.Second / ticksPerSecond
	return BenchLine{Rate: got.rate, CPU: spent / time.Duration(got.requests), Latest: got.p99}, nil
}

// warm loads the application and makes the threads, for a second.
func warm(ctx context.Context, r *run.Runner, wrk string, s *running) error {
	res, err := r.Run(ctx, run.Cmd{Path: wrk, Args: []string{"-t2", "-c16", "-d1s", s.url}, Timeout: time.Minute})
	if err != nil {
		return err
	}
	_, err = parseWrk(res.Stdout)
	return err
}

func ticks(all []Process) int {
	sum := 0
	for _, p := range all {
		sum += p.Ticks
	}
	return sum
}

// wrkResult is what wrk printed.
type wrkResult struct {
	rate     float64
	requests int
	p99      time.Duration
}

// parseWrk reads wrk's report. Responses other than 2xx and broken connections
// are an error: a fast wrong answer is no result.
func parseWrk(out string) (wrkResult, error) {
	var r wrkResult
	for line := range strings.SplitSeq(out, "\n") {
		fields := strings.Fields(line)
		switch {
		case strings.Contains(line, "Non-2xx"), strings.Contains(line, "Socket errors"):
			return r, fmt.Errorf("wrk: %s", strings.TrimSpace(line))
		case len(fields) > 2 && fields[1] == "requests" && fields[2] == "in":
			r.requests, _ = strconv.Atoi(fields[0])
		case len(fields) == 2 && fields[0] == "Requests/sec:":
			r.rate, _ = strconv.ParseFloat(fields[1], 64)
		case len(fields) == 2 && fields[0] == "99%":
			r.p99, _ = time.ParseDuration(fields[1])
		}
	}
	if r.requests == 0 || r.rate == 0 {
		return r, fmt.Errorf("wrk said nothing of use: %s", out)
	}
	return r, nil
}

func medians(name string, lines []BenchLine) BenchLine {
	rates, cpus, latest := []float64{}, []time.Duration{}, []time.Duration{}
	for _, l := range lines {
		rates, cpus, latest = append(rates, l.Rate), append(cpus, l.CPU), append(latest, l.Latest)
	}
	return BenchLine{Name: name, Rate: median(rates), CPU: median(cpus), Latest: median(latest)}
}

// median is the middle value; of an even number the mean of the two.
func median[N float64 | time.Duration](list []N) N {
	slices.Sort(list)
	n := len(list)
	if n%2 == 1 {
		return list[n/2]
	}
	return (list[n/2-1] + list[n/2]) / 2
}

func micro(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// Print writes the table, each contestant also as a ratio to the first.
func (b Bench) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "contestant\tCPU/request\tratio\trequests/s\tratio\t99 %\t")
	for _, l := range b.Lines {
		first := b.Lines[0]
		fmt.Fprintf(t, "%s\t%.1f us\t%.2f\t%.0f\t%.2f\t%s\t\n",
			l.Name, micro(l.CPU), float64(l.CPU)/float64(first.CPU), l.Rate, l.Rate/first.Rate, l.Latest)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Absent)) {
		fmt.Fprintf(t, "%s\tabsent\t\t\t\t\t%s\n", name, b.Absent[name])
	}
	return t.Flush()
}
