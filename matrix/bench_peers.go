package matrix

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"modwsgi/internal/run"
)

// benchApp is the application that all contestants serve.
//
//go:embed testdata/bench/app.py
var benchApp []byte

// Contestants by id, as BENCH_ONLY names them.
const (
	OursDaemon       = "ours-daemon"
	OursEmbedded     = "ours-embedded"
	DebianDaemon     = "4.9.4-daemon"
	DebianEmbedded   = "4.9.4-embedded"
	OriginalDaemon   = "6.0.5-daemon"
	OriginalEmbedded = "6.0.5-embedded"
	ProxyUWSGI       = "proxy-uwsgi"
	ProxyGunicorn    = "proxy-gunicorn"
	GunicornAlone    = "gunicorn"
	StaticFile       = "static"
	Floor            = "floor"
)

func contestantIDs() []string {
	return []string{OursDaemon, OursEmbedded, DebianDaemon, DebianEmbedded, OriginalDaemon, OriginalEmbedded,
		ProxyUWSGI, ProxyGunicorn, GunicornAlone, StaticFile, Floor}
}

// benchThreads are the threads of httpd's one child: more than the clients
// there are, or the event MPM closes kept connections to make room. appThreads
// are those that run the application, wherever it has threads of its own.
const (
	benchThreads = 80
	appThreads   = 5
)

// Peer is something to compare with: how to call it, or why it is not here.
type Peer struct {
	Command []string `json:"command,omitempty"` // a program with its first arguments, or the one file of a module
	Version string   `json:"version,omitempty"`
	Absent  string   `json:"absent,omitempty"`
}

// Peers are all that may take part besides ours and Apache itself.
type Peers struct {
	Debian   Peer // mod_wsgi.so of the distribution
	Original Peer // mod_wsgi.so of the newest release of the original
	UWSGI    Peer
	Gunicorn Peer
}

// contestant is one server that answers the workloads.
type contestant struct {
	id, name string
	config   string // what is special of it, for the report
	absent   string // why it cannot take part
	start    func(ctx context.Context) (*running, error)
}

// running is a started contestant: where to ask, whose processor time counts.
type running struct {
	url   string
	roots []int
	meter meter
	about about // of the application; empty where there is none
	stop  func() error
}

// about is what the application says of its process.
type about struct {
	PID    int    `json:"pid"`
	Python string `json:"python"`
	GIL    bool   `json:"gil"`
	Group  string `json:"group"`
}

// bench holds what starting contestants takes.
type bench struct {
	r *run.Runner
	o BenchOptions
}

// contestants are all that could take part, in the order of the report.
func (b *bench) contestants() []contestant {
	module := func(t Target, mode Mode) func(context.Context) (*running, error) {
		return func(ctx context.Context) (*running, error) { return b.startModule(ctx, t, mode) }
	}
	foreign := func(p Peer) Target {
		t := Target{Apache: b.o.Target.Apache, Python: b.o.Target.Python, Foreign: true}
		if len(p.Command) > 0 {
			t.Module = p.Command[0]
		}
		return t
	}
	debian, original := foreign(b.o.Peers.Debian), foreign(b.o.Peers.Original)
	// The release is built for the same Python as ours, and needs the same line to
	// find it.
	original.Lines = b.o.Target.Lines
	daemon := fmt.Sprintf("WSGIDaemonProcess threads=%d", appThreads)
	const embedded = "in httpd's child"
	return []contestant{
		{OursDaemon, "ours, daemon", daemon, "", module(b.o.Target, Daemon)},
		{OursEmbedded, "ours, embedded", embedded, "", module(b.o.Target, Embedded)},
		{DebianDaemon, "mod_wsgi 4.9.4, daemon", daemon, b.o.Peers.Debian.Absent, module(debian, Daemon)},
		{DebianEmbedded, "mod_wsgi 4.9.4, embedded", embedded, b.o.Peers.Debian.Absent, module(debian, Embedded)},
		{OriginalDaemon, "mod_wsgi 6.0.5, daemon", daemon, b.o.Peers.Original.Absent, module(original, Daemon)},
		{OriginalEmbedded, "mod_wsgi 6.0.5, embedded", embedded, b.o.Peers.Original.Absent, module(original, Embedded)},
		{ProxyUWSGI, "mod_proxy_uwsgi + uWSGI", fmt.Sprintf("Unix socket; --master --processes 1 --threads %d", appThreads), b.o.Peers.UWSGI.Absent, b.startUWSGI},
		{ProxyGunicorn, "mod_proxy_http + gunicorn", fmt.Sprintf("Unix socket, kept connections; gthread, 1 worker, %d threads", appThreads), b.o.Peers.Gunicorn.Absent, b.startProxiedGunicorn},
		{GunicornAlone, "gunicorn alone", fmt.Sprintf("gthread, 1 worker, %d threads; no Apache", appThreads), b.o.Peers.Gunicorn.Absent, b.startGunicornAlone},
		{StaticFile, "Apache, a static file", "no Python", "", b.startStatic},
		{Floor, "Apache, the floor", "mod_alias answers 12 bytes: no file, no Python", "", b.startFloor},
	}
}

// apache starts httpd with the application's folder, which conf may refer to,
// and more directives. Its configuration is the same for all but for those.
func (b *bench) apache(ctx context.Context, t Target, conf func(dir string) []string, files map[string]int) (*running, error) {
	s, err := NewServer(ctx, b.r, t, "event")
	if err != nil {
		return nil, err
	}
	s.Conf.Threads, s.Conf.Quiet = benchThreads, true
	dir := filepath.Join(s.Root, "apps", "bench")
	err = func() error {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "app.py"), benchApp, 0o644); err != nil {
			return err
		}
		for name, size := range files {
			file := filepath.Join(dir, name)
			if err := errors.Join(os.WriteFile(file, nil, 0o644), os.Truncate(file, int64(size))); err != nil {
				return err
			}
		}
		// As every distribution has it: else each folder is searched for .htaccess.
		s.Conf.Global = append([]string{"DocumentRoot " + quote(dir), "<Directory />\n    AllowOverride None\n</Directory>"}, conf(dir)...)
		return s.Start(ctx)
	}()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &running{
		url:   "http://127.0.0.1:" + strconv.Itoa(s.Port),
		roots: []int{s.PID},
		stop:  func() error { return errors.Join(s.Stop(), s.Close()) },
	}, nil
}

// startModule starts a mod_wsgi, ours or another.
func (b *bench) startModule(ctx context.Context, t Target, mode Mode) (*running, error) {
	var files map[string]int
	if mode == Daemon { // for those that are asked for it
		files = map[string]int{"100M": hundredMB}
	}
	return b.apache(ctx, t, func(dir string) []string {
		var lines []string
		if t.Python.ABI.Free { // its builds start with the GIL on unless asked; 4.9.4 cannot be
			lines = append(lines, "<IfDirective WSGIFreeThreading>\n    WSGIFreeThreading On\n</IfDirective>")
		}
		lines = append(lines, "WSGIScriptAlias / "+quote(filepath.Join(dir, "app.py")), "WSGIApplicationGroup %{GLOBAL}")
		if mode == Daemon {
			lines = append(lines, fmt.Sprintf("WSGIDaemonProcess bench threads=%d home=%s", appThreads, quote(dir)), "WSGIProcessGroup bench")
		}
		return lines
	}, files)
}

func (b *bench) plain() Target {
	return Target{Apache: b.o.Target.Apache, Python: b.o.Target.Python}
}

func (b *bench) startStatic(ctx context.Context) (*running, error) {
	r, err := b.apache(ctx, b.plain(), func(string) []string { return []string{"FileETag None"} }, map[string]int{"hello": len(greeting), "10k": tenKB, "1M": megabyte})
	return r, err
}

func (b *bench) startFloor(ctx context.Context) (*running, error) {
	return b.apache(ctx, b.plain(), func(string) []string {
		return []string{`ErrorDocument 200 "` + greeting + `"`, "Redirect 200 /hello"}
	}, nil)
}

// proxied starts httpd with a proxy module and, behind it on a Unix socket, what
// backend says.
func (b *bench) proxied(ctx context.Context, module, line string, backend func(dir, socket string) run.Cmd) (*running, error) {
	modules := b.o.Target.Apache.ModulesDir
	var load []string
	for _, name := range []string{"proxy", module} {
		file := filepath.Join(modules, "mod_"+name+".so")
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("mod_%s of this Apache: %w", name, err)
		}
		load = append(load, fmt.Sprintf("LoadModule %s_module %s", name, quote(file)))
	}
	sockets, err := os.MkdirTemp("", "modwsgi-bench-") // a socket's path is short
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(sockets, 0o755); err != nil {
		return nil, errors.Join(err, os.RemoveAll(sockets))
	}
	socket := filepath.Join(sockets, "socket")
	var dir string
	front, err := b.apache(ctx, b.plain(), func(at string) []string {
		dir = at
		return append(load, fmt.Sprintf(line, socket))
	}, nil)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(sockets))
	}
	back, err := b.program(ctx, backend(dir, socket), func() bool { return listens("unix", socket) })
	if err != nil {
		return nil, errors.Join(err, front.stop(), os.RemoveAll(sockets))
	}
	front.roots = append(front.roots, back.roots...)
	stop := front.stop
	front.stop = func() error { return errors.Join(stop(), back.stop(), os.RemoveAll(sockets)) }
	return front, nil
}

// program starts a server that is not Apache and waits until it listens.
func (b *bench) program(ctx context.Context, c run.Cmd, ready func() bool) (*running, error) {
	proc, err := b.r.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	gone := make(chan struct{})
	var said run.Result
	go func() {
		said, _ = proc.Wait() // ended by a signal of ours
		close(gone)
	}()
	stop := func() error {
		_ = proc.Signal(syscall.SIGKILL) // its process group; nothing to save
		<-gone
		return nil
	}
	limit := time.After(startDeadline)
	for !ready() {
		select {
		case <-gone:
			return nil, fmt.Errorf("%s ended with status %d: %s", c.Path, said.Code, tailOf(said.Stderr))
		case <-limit:
			return nil, errors.Join(fmt.Errorf("%s does not listen after %s", c.Path, startDeadline), stop())
		case <-time.After(pollInterval):
		}
	}
	return &running{roots: []int{proc.PID()}, stop: stop}, nil
}

func (b *bench) startUWSGI(ctx context.Context) (*running, error) {
	return b.proxied(ctx, "proxy_uwsgi", "ProxyPass / unix:%s|uwsgi://localhost/ retry=0", func(dir, socket string) run.Cmd {
		command := b.o.Peers.UWSGI.Command
		return run.Cmd{Path: command[0], Args: append(command[1:len(command):len(command)],
			"--uwsgi-socket", socket, "--chmod-socket=666", "--master", "--processes", "1", "--threads", strconv.Itoa(appThreads),
			"--wsgi-file", filepath.Join(dir, "app.py"), "--disable-logging", "--need-app", "--die-on-term")}
	})
}

// gunicorn is its command line.
func (b *bench) gunicorn(dir, bind string) run.Cmd {
	command := b.o.Peers.Gunicorn.Command
	return run.Cmd{Path: command[0], Args: append(command[1:len(command):len(command)],
		"--worker-class", "gthread", "--workers", "1", "--threads", strconv.Itoa(appThreads), "--keep-alive", "75", "--umask", "0",
		"--log-level", "warning", "--no-control-socket", "--chdir", dir, "--bind", bind, "app:application")}
}

func (b *bench) startProxiedGunicorn(ctx context.Context) (*running, error) {
	// Connections are given up by Apache before gunicorn closes them.
	return b.proxied(ctx, "proxy_http", "ProxyPass / unix:%s|http://localhost/ ttl=20 retry=0", func(dir, socket string) run.Cmd {
		return b.gunicorn(dir, "unix:"+socket)
	})
}

func (b *bench) startGunicornAlone(ctx context.Context) (*running, error) {
	dir, err := os.MkdirTemp("", "modwsgi-bench-")
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*running, error) { return nil, errors.Join(err, os.RemoveAll(dir)) }
	if err := os.WriteFile(filepath.Join(dir, "app.py"), benchApp, 0o644); err != nil {
		return fail(err)
	}
	port, err := FreePort()
	if err != nil {
		return fail(err)
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	back, err := b.program(ctx, b.gunicorn(dir, address), func() bool { return listens("tcp", address) })
	if err != nil {
		return fail(err)
	}
	stop := back.stop
	back.url = "http://" + address
	back.stop = func() error { return errors.Join(stop(), os.RemoveAll(dir)) }
	return back, nil
}

// ask makes one request as the load generator does, and returns the body.
func (s *running) ask(ctx context.Context, w Workload) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	method, body := http.MethodGet, io.Reader(nil)
	if w.Upload > 0 {
		method, body = http.MethodPost, strings.NewReader(strings.Repeat("x", w.Upload))
	}
	request, err := http.NewRequestWithContext(ctx, method, s.url+"/"+w.Name, body)
	if err != nil {
		return "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answered %s", response.Status)
	}
	return string(text), err
}

// check asks for a workload once and looks at what comes: the load generator
// does not.
func (s *running) check(ctx context.Context, id string, w Workload) error {
	body, err := s.ask(ctx, w)
	length := w.Length
	if id == StaticFile && w.Answer != "" {
		w.Answer, length = "", len(w.Answer)
	}
	switch {
	case err != nil:
		return err
	case w.Answer != "" && body != w.Answer:
		return fmt.Errorf("it answered %.40q instead of %.40q", body, w.Answer)
	case w.Answer == "" && len(body) != length:
		return fmt.Errorf("it answered %d bytes instead of %d", len(body), length)
	}
	return nil
}

// introduce asks a contestant that runs Python which one, and in which process.
func (s *running) introduce(ctx context.Context) error {
	text, err := s.ask(ctx, Workload{Name: "about"})
	if err != nil {
		return fmt.Errorf("asking the application for its process: %w", err)
	}
	return json.Unmarshal([]byte(text), &s.about)
}
