package matrix

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"modwsgi/internal/run"
)

// The applications travel with the program, so that a module can be proved
// where there is no checkout.
//
//go:embed testdata/apps
var apps embed.FS

// sharedGroup is the daemon group of all cases that need no options.
const sharedGroup = "matrix"

// Cell is one combination that is tested.
type Cell struct {
	Target Target
	MPM    string
	Mode   Mode
	GIL    GIL
}

// GIL is what holds the threads of an application apart.
type GIL string

// The default is one GIL in each process, also of builds that can do without.
const (
	SharedGIL GIL = ""
	OwnGIL    GIL = "per-interpreter" // each interpreter its own, 3.12 and later
	NoGIL     GIL = "free"            // of free-threaded builds
)

// Name names the cell: "py3.11/event/daemon", "py3.13t/event/daemon/free".
func (c Cell) Name() string {
	name := strings.Join([]string{c.Target.python(), c.MPM, string(c.Mode)}, "/")
	if c.GIL != SharedGIL {
		name += "/" + string(c.GIL)
	}
	return name
}

// gilLines are the directives that the GIL of the cell takes.
func (c Cell) gilLines() []string {
	switch c.GIL {
	case OwnGIL:
		return []string{"WSGIPerInterpreterGIL On"}
	case NoGIL:
		return []string{"WSGIFreeThreading On"}
	}
	return nil
}

// failures collects complaints of one case, from any goroutine.
type failures struct {
	mu   sync.Mutex
	list []string
}

func (f *failures) add(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, text)
}

func (f *failures) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.list...)
}

func (f *failures) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.list)
}

// Session is a running server that holds the applications of many cases.
type Session struct {
	Cell   Cell
	Server *Server
	Keep   bool // leave the root behind when something failed

	failed bool
	own    bool // for one case, whose log begins with the server's
	atStop Announce
	first  int // length of the server's log when the first case began, -1 before
}

// Open starts a server for the cases. Close it.
func (cell Cell) Open(ctx context.Context, r *run.Runner, cases []Case) (*Session, error) {
	server, err := NewServer(ctx, r, cell.Target, cell.MPM)
	if err != nil {
		return nil, err
	}
	s := &Session{Cell: cell, Server: server, first: -1}
	if err := s.prepare(cases); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	if err := server.Start(ctx); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return s, nil
}

// prepare puts applications and configuration in place.
func (s *Session) prepare(cases []Case) error {
	conf := &s.Server.Conf
	conf.Global = append(conf.Global, s.Cell.gilLines()...)
	if s.Cell.Mode == Daemon {
		conf.Global = append(conf.Global, fmt.Sprintf(
			"WSGIDaemonProcess %s threads=5 display-name=%%{GROUP} home=%s", sharedGroup, quote(filepath.Join(s.Server.Root, "home"))))
	}
	for _, c := range cases {
		dir := filepath.Join(s.Server.Root, "apps", c.Name)
		if err := copyApp(c.app(), dir); err != nil {
			return err
		}
		if c.Prepare != nil {
			if err := c.Prepare(dir); err != nil {
				return fmt.Errorf("preparing %s: %w", c.Name, err)
			}
		}
		if c.Jail != nil {
			if err := c.Jail(dir, conf.Target.Python); err != nil {
				return fmt.Errorf("preparing the jail of %s: %w", c.Name, err)
			}
		}
		site := Site{
			Host: hostOf(c), Script: filepath.Join(dir, c.script()), Mount: c.Mount,
			Mode: s.Cell.Mode, Group: sharedGroup, Interpreter: c.Interpreter,
		}
		if s.Cell.GIL == OwnGIL && site.Interpreter == "" { // the main interpreter has the first one
			site.Interpreter = sharedGroup
		}
		if c.Daemon != "" && s.Cell.Mode == Daemon {
			site.Group = "g-" + c.Name
			conf.Global = append(conf.Global, fmt.Sprintf("WSGIDaemonProcess %s %s", site.Group, s.expand(c.Daemon, site)))
		}
		for _, l := range c.Conf {
			site.Lines = append(site.Lines, s.expand(l, site))
		}
		for _, l := range c.Global {
			conf.Global = append(conf.Global, s.expand(l, site))
		}
		conf.Sites = append(conf.Sites, site)
		for _, extra := range c.Extra {
			extra.Script = filepath.Join(dir, orElse(extra.Script, c.script()))
			extra.Group = s.expand(extra.Group, site)
			for i, l := range extra.Lines {
				extra.Lines[i] = s.expand(l, extra)
			}
			conf.Sites = append(conf.Sites, extra)
		}
	}
	return nil
}

// expand fills in what a case cannot know when it is written.
func (s *Session) expand(text string, site Site) string {
	return strings.NewReplacer(
		"@ROOT@", s.Server.Root, "@MODULES@", s.Server.Conf.Target.Apache.ModulesDir, "@APP@", filepath.Dir(site.Script), "@HOST@", site.Host, "@GROUP@", site.Group,
		"@MODULES@", s.Server.Conf.Target.Apache.ModulesDir,
	).Replace(text)
}

// hostOf is the virtual host of a case: the same in both modes, since it
// appears in responses.
func hostOf(c Case) string { return c.Name + ".test" }

// copyApp writes an embedded application to dir.
func copyApp(name, dir string) error {
	from, err := fs.Sub(apps, "testdata/apps/"+name)
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, from); err != nil {
		return fmt.Errorf("application %s: %w", name, err)
	}
	return nil
}

// Run runs one of the cases that the session was opened for.
func (s *Session) Run(ctx context.Context, c Case) Outcome {
	began := time.Now()
	if !s.Cell.Target.Foreign { // of which nothing is judged where something is announced
		c.Announced = slices.Concat(c.Announced, s.Cell.remarks())
	}
	t := &T{
		Context: ctx, Server: s.Server, Mode: s.Cell.Mode, GIL: s.Cell.GIL, Case: c, Host: hostOf(c),
		Dir: filepath.Join(s.Server.Root, "apps", c.Name), start: map[string]int{},
	}
	if !s.own {
		for _, name := range []string{"error.log", "access.log", t.ownLog()} {
			t.start[name] = len(s.Server.LogText(name))
		}
	}
	if s.first < 0 {
		s.first = t.start["error.log"]
	}
	guard(t.run)
	t.settle()
	if t.skip == "" {
		t.judge()
	}
	o := Outcome{Name: s.Cell.Name() + "/" + c.Name, Status: Pass, Why: t.fails.all(), Notes: t.told, Took: time.Since(began)}
	switch {
	case len(o.Why) > 0:
		o.Status, s.failed = Fail, true
	case t.skip != "":
		o.Status, o.Why = Skip, []string{t.skip}
	}
	return o
}

// guard runs f up to a Fatalf or Skipf.
func guard(f func()) {
	defer func() {
		if v := recover(); v != nil && v != any(stopCase{}) {
			panic(v)
		}
	}()
	f()
}

// stopRace is what httpd itself may log when SIGTERM meets a connection that
// it is about to let linger, or to keep: the event MPM closes the sockets of its
// workers to wake them, and the worker then finds its descriptor gone.
var stopRace = Announce{`?AH03092: process_lingering_close: apr_pollset_add failure`, `?AH03093: process_socket: apr_pollset_add failure for keep alive`}

// stopCrash is how a child of the event MPM may end when it is stopped while requests
// are under way, also where it serves nothing but files: it closes a socket that a
// thread is about to free. Where the child has Python in it, a crash is not taken for
// that.
var stopCrash = Announce{`?AH0005[12]: child pid \d+ exit signal Segmentation fault`}

// Close stops the server; what is left over, or was logged at start and stop,
// comes back as the outcome "stop".
func (s *Session) Close() Outcome {
	began := time.Now()
	o := Outcome{Name: s.Cell.Name() + "/stop", Status: Pass}
	at := len(s.Server.LogText("error.log"))
	if s.Cell.MPM == "event" {
		s.Server.settle()
	}
	if err := s.Server.Stop(); err != nil {
		o.Why = append(o.Why, err.Error())
	}
	if log := s.Server.LogText("error.log"); at <= len(log) {
		log = log[:max(s.first, 0)] + log[at:]
		for _, site := range s.Server.Conf.Sites {
			if s.atStop != nil { // the log of the one case
				log += s.Server.LogText(site.Host + ".log")
			}
		}
		announced := slices.Concat(stopRace, s.atStop, s.Cell.remarks())
		if s.Cell.Mode == Daemon {
			announced = append(announced, stopCrash...)
		}
		if v, err := Judge(ParseLog(log), announced); err != nil {
			o.Why = append(o.Why, err.Error())
		} else {
			o.Why = append(o.Why, v.Complaints()...)
		}
	}
	if len(o.Why) > 0 {
		o.Status, s.failed = Fail, true
	}
	if s.Keep && s.failed {
		o.Root, o.Again = s.Server.Root, reproduce(s.Server.Conf.Target.Apache.Httpd, s.Server.Root)
	} else if err := s.Server.Close(); err != nil {
		o.Status, o.Why = Fail, append(o.Why, err.Error())
	}
	o.Took = time.Since(began)
	return o
}

// RunOwn runs a case on a server of its own, stop included.
func (cell Cell) RunOwn(ctx context.Context, r *run.Runner, c Case, keep bool) Outcome {
	s, err := cell.Open(ctx, r, []Case{c})
	if err != nil {
		return Outcome{Name: cell.Name() + "/" + c.Name, Status: Fail, Why: []string{err.Error()}}
	}
	s.Keep, s.own, s.atStop = keep, true, c.AtStop
	o := s.Run(ctx, c)
	end := s.Close()
	o.Took += end.Took
	o.Root, o.Again = end.Root, end.Again
	if end.Status == Fail && o.Status != Skip { // what cannot run here may say so in the log
		o.Status = Fail
		o.Why = append(o.Why, end.Why...)
	}
	return o
}

// remarks are what Apache and the module say of such a cell, whatever is asked of it:
// the room of the servers is small on purpose.
func (cell Cell) remarks() Announce {
	a := map[string]Announce{"worker": {`?AH00286: `, `?AH00287: `, `?AH00288: `}, "prefork": {`?AH00161: `}}[cell.MPM]
	if cell.GIL == NoGIL {
		a = append(slices.Clone(a), `?WSGIM0633: `, `?WSGIM0622: `)
	}
	return a
}

// takesGIL are the cases that load a module for which Python takes its GIL into use
// again: in a cell without one they leave the others' server alone.
var takesGIL = []string{"gilstate"}

// aboutGIL are the cases in which a thread keeps others from their GIL.
var aboutGIL = []string{"own-gil", "own-gil-deadlock", "deadlock"}

// oneProcess are the cases that, embedded, count on reaching the same process with
// each request. With prefork every request of theirs may reach another child.
var oneProcess = []string{
	"environ", "api-events", "api-events-sub", "api-replace", "api-exception", "api-metrics", "interpreters-apart-embedded", "thread-local", "import-embedded", "preload-embedded",
	"script-slow", "px11-host-name", "input-kept", "contexts-embedded", "auth-environ", "auth-cache", "system-exit", "close-once", "kept", "reload", "reload-interpreter", "reload-off",
	"reload-required", "gilstate", "download-left", "download-slow", "werkzeug", "djangosite", "locate-same", "request-rec",
}

// Skips gives a reason why the case is not run in the cell, or "".
func (cell Cell) Skips(c Case) string {
	if cell.MPM == "prefork" && cell.Mode == Embedded && slices.Contains(oneProcess, c.Name) {
		return "it takes one process, and prefork has several"
	}
	if cell.Mode == Daemon && cell.Target.sanitized() && slices.Contains(unsanitized, c.Name) {
		return "not with a sanitizer"
	}
	if cell.GIL == NoGIL && slices.Contains(aboutGIL, c.Name) {
		return "it is about a GIL, and there is none"
	}
	if c.Ours && cell.Target.Foreign {
		return "a promise of our module only"
	}
	return ""
}

// Select splits the cases of a cell into those that share one server and those
// with their own. FIRST is whether the cell's MPM is the first of its run: the
// others get only the cases that depend on the MPM.
func (cell Cell) Select(all []Case, first bool) (shared, own []Case) {
	for _, c := range all {
		switch {
		case !c.in(cell.Mode) || !first && !c.MPMs || cell.Skips(c) != "":
		case c.Own || cell.GIL == NoGIL && slices.Contains(takesGIL, c.Name):
			own = append(own, c)
		default:
			shared = append(shared, c)
		}
	}
	return shared, own
}
