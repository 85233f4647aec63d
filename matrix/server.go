package matrix

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"modwsgi/internal/run"
)

const (
	startDeadline  = 20 * time.Second
	stopDeadline   = 20 * time.Second
	settleDeadline = 500 * time.Millisecond
	pollInterval   = 5 * time.Millisecond
	portAttempts   = 5
)

// Server is one running httpd with a root of its own.
type Server struct {
	Root string
	Port int
	PID  int // of the parent
	Conf Conf

	OneProcess bool // httpd -X

	runner *run.Runner
	ports  func() (int, error) // gives a port that is free: FreePort
	proc   *run.Process
	gone   chan struct{} // closed when the parent has ended
	result run.Result    // valid then
}

// ServerUser is the account that distributions give their Apache.
func ServerUser() (name, group string, err error) {
	for _, n := range []string{"www-data", "apache", "wwwrun", "http", "www", "_www", "nobody"} {
		u, err := user.Lookup(n)
		if err != nil {
			continue
		}
		g, err := user.LookupGroupId(u.Gid)
		if err != nil {
			return n, "#" + u.Gid, nil
		}
		return n, g.Name, nil
	}
	return "", "", errors.New("started by root, and none of the usual users of Apache exists (www-data, apache, …)")
}

// NewServer makes a server root for the target: the folders, the facts about
// httpd, the user. The caller fills Conf.Global and Conf.Sites, then calls
// Start; Close removes the root.
func NewServer(ctx context.Context, r *run.Runner, t Target, mpm string) (*Server, error) {
	compiled, err := r.Output(ctx, "", t.Apache.Httpd, "-l")
	if err != nil {
		return nil, fmt.Errorf("asking httpd for its modules: %w", err)
	}
	conf := Conf{MPM: mpm, Target: t, Static: parseCompiledIn(compiled), Have: map[string]bool{}}
	entries, err := os.ReadDir(t.Apache.ModulesDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listing Apache's modules: %w", err)
	}
	for _, e := range entries {
		conf.Have[e.Name()] = true
	}
	if !conf.Static[mpm+".c"] && !conf.Have["mod_mpm_"+mpm+".so"] {
		return nil, fmt.Errorf("the MPM %s cannot be loaded: no mod_mpm_%s.so in %s", mpm, mpm, t.Apache.ModulesDir)
	}
	if os.Geteuid() == 0 {
		if conf.User, conf.Group, err = ServerUser(); err != nil {
			return nil, err
		}
	}
	if conf.Root, err = os.MkdirTemp("", "modwsgi matrix "); err != nil {
		return nil, err
	}
	s := &Server{Root: conf.Root, Conf: conf, runner: r, ports: FreePort}
	// Readable by the server's user: a temporary folder is 0700.
	if err := os.Chmod(s.Root, 0o755); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for _, dir := range []string{"run", "logs", "apps", "home"} {
		if err := os.Mkdir(filepath.Join(s.Root, dir), 0o755); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close removes the server root. Stop first.
func (s *Server) Close() error { return os.RemoveAll(s.Root) }

// FreePort asks the kernel for a port that nobody listens on now.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// ConfPath is the configuration file in the root.
func (s *Server) ConfPath() string { return filepath.Join(s.Root, "httpd.conf") }

// WriteConf writes the configuration of the server as it is now.
func (s *Server) WriteConf() error {
	return os.WriteFile(s.ConfPath(), []byte(s.Conf.Text()), 0o644)
}

// Check runs `httpd -t` on the configuration. Text is what it said, err is not
// nil when it refused.
func (s *Server) Check(ctx context.Context) (string, error) {
	if s.Conf.Port == 0 {
		port, err := FreePort()
		if err != nil {
			return "", err
		}
		s.Conf.Port = port
	}
	if err := s.WriteConf(); err != nil {
		return "", err
	}
	res, err := s.runner.Run(ctx, run.Cmd{Path: s.Conf.Target.Apache.Httpd, Args: []string{"-t", "-f", s.ConfPath()}, Env: s.Conf.Target.Env, Timeout: startDeadline})
	return res.Stdout + res.Stderr, err
}

// Start starts httpd and returns when it answers on its port and has written
// its pid file. A port that somebody took meanwhile is tried again with
// another. Ctx bounds the life of the server.
func (s *Server) Start(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		port, err := s.ports()
		if err != nil {
			return err
		}
		s.Port, s.Conf.Port = port, port
		if err := s.WriteConf(); err != nil {
			return err
		}
		err = s.launch(ctx)
		if err == nil || attempt == portAttempts || !strings.Contains(err.Error(), "AH00072") {
			return err
		}
		if err := os.RemoveAll(filepath.Join(s.Root, "logs", "error.log")); err != nil { // it is of the attempt
			return err
		}
	}
}

func (s *Server) launch(ctx context.Context) error {
	args := []string{"-f", s.ConfPath(), "-D", "FOREGROUND"}
	if s.OneProcess {
		args = []string{"-f", s.ConfPath(), "-X"}
	}
	if err := s.spawn(ctx, run.Cmd{
		Path: s.Conf.Target.Apache.Httpd,
		Args: args,
		// What the shell says to its own Pythons would pass for WSGIDontWriteBytecode.
		Env:  append([]string{"PYTHONDONTWRITEBYTECODE="}, s.Conf.Target.Env...),
		Tied: true, // killed, this process cannot stop it any more
	}); err != nil {
		return err
	}
	err := s.await(ctx, startDeadline, "httpd to answer", func() bool {
		text, err := os.ReadFile(filepath.Join(s.Root, "run", "httpd.pid"))
		if err != nil {
			return false
		}
		s.PID, err = strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return false
		}
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)))
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	if err != nil {
		said := s.LogText("error.log")
		return errors.Join(fmt.Errorf("starting httpd: %w\n%s%s", err, s.result.Stderr, tailOf(said)), s.kill())
	}
	return nil
}

// spawn starts httpd and has it waited for, by one thread that is there as long as
// httpd is: what is tied ends with the thread that started it.
func (s *Server) spawn(ctx context.Context, c run.Cmd) error {
	started := make(chan error, 1)
	s.gone = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		proc, err := s.runner.Start(ctx, c)
		s.proc = proc
		started <- err
		if err == nil {
			s.result, _ = proc.Wait() // what it said is in the result
			close(s.gone)
		}
	}()
	return <-started
}

// await waits until state holds. It gives up when the deadline passes, the
// context ends, or httpd does.
func (s *Server) await(ctx context.Context, deadline time.Duration, what string, state func() bool) error {
	limit := time.After(deadline)
	for {
		if state() {
			return nil
		}
		select {
		case <-s.gone:
			return fmt.Errorf("waiting for %s: httpd ended with status %d", what, s.result.Code)
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-limit:
			return fmt.Errorf("waiting for %s: not within %s", what, deadline)
		case <-time.After(pollInterval):
		}
	}
}

// Processes are httpd, its children, and everything they started.
func (s *Server) Processes() []Process { return family(processTable(), s.PID) }

// Children are the processes of which command (as in ps) has want in it, or
// does not have it when want starts with "!".
func (s *Server) Children(want string) []Process {
	want, not := strings.CutPrefix(want, "!")
	var found []Process
	for _, p := range s.Processes() {
		if p.PID != s.PID && strings.Contains(p.Command(), want) != not {
			found = append(found, p)
		}
	}
	return found
}

// Graceful restarts httpd gracefully and returns when the new generation runs.
func (s *Server) Graceful(ctx context.Context) error {
	const mark = "resuming normal operations"
	before := strings.Count(s.LogText("error.log"), mark)
	if err := syscall.Kill(s.PID, syscall.SIGUSR1); err != nil {
		return fmt.Errorf("restarting httpd gracefully: %w", err)
	}
	return s.await(ctx, startDeadline, "the graceful restart", func() bool {
		return strings.Count(s.LogText("error.log"), mark) > before
	})
}

// settle waits, not for ever, until the children of httpd rest: the event MPM may crash
// when it is stopped while one of its threads is ending a connection.
func (s *Server) settle() {
	limit := time.After(settleDeadline)
	for rested := 0; rested < 2; { // one look may fall between two steps
		children := slices.DeleteFunc(s.Processes(), func(p Process) bool { return p.Parent != s.PID })
		if slices.ContainsFunc(children, func(p Process) bool { return !p.Resting() }) {
			rested = 0
		} else {
			rested++
		}
		select {
		case <-limit:
			return
		case <-time.After(pollInterval):
		}
	}
}

// Stop ends the server and waits until every process of it is gone. Those that
// are not in time are named in the error, and killed.
func (s *Server) Stop() error {
	if s.proc == nil {
		return nil
	}
	select {
	case <-s.gone:
		return errors.Join(fmt.Errorf("httpd had ended by itself with status %d\n%s", s.result.Code, s.result.Stderr), s.kill())
	default:
	}
	known := s.Processes()
	if err := syscall.Kill(s.PID, syscall.SIGTERM); err != nil {
		return errors.Join(fmt.Errorf("stopping httpd: %w", err), s.kill())
	}
	deadline := time.After(stopDeadline)
	for {
		left := alive(known)
		if len(left) == 0 {
			left = family(processTable(), s.PID) // started while it stopped
		}
		if len(left) == 0 {
			<-s.gone
			s.proc = nil
			return nil
		}
		select {
		case <-deadline:
			var names []string
			for _, p := range left {
				names = append(names, p.String())
				_ = syscall.Kill(p.PID, syscall.SIGKILL) // ours: below the parent that we started
			}
			return errors.Join(fmt.Errorf("processes left %s after stop: %s", stopDeadline, strings.Join(names, ", ")), s.kill())
		case <-time.After(pollInterval):
		}
	}
}

// kill ends the process group of the server, whatever is left of it.
func (s *Server) kill() error {
	err := s.proc.Signal(syscall.SIGKILL)
	<-s.gone
	s.proc = nil
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// LogText is a file of the logs folder as it is now; "" if there is none yet.
func (s *Server) LogText(name string) string {
	text, err := os.ReadFile(filepath.Join(s.Root, "logs", name))
	if err != nil {
		return ""
	}
	return string(text)
}

// tailOf is the end of a log for an error message.
func tailOf(text string) string {
	const most = 4 << 10
	if len(text) > most {
		text = "…" + text[len(text)-most:]
	}
	return text
}
