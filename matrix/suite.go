package matrix

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// SuiteOptions say how a suite is run.
type SuiteOptions struct {
	Parallel int                    // how many servers at once, for cases that want their own; 1 when 0
	Keep     bool                   // leave server roots of what failed behind
	Program  string                 // a mod_wsgi-express, for the suite express
	Only     func(name string) bool // which cases; nil: all
}

// SuiteReport is what came of a suite in a cell.
type SuiteReport struct {
	Report
	Facts map[string]string // found at run time, by "python", "gil", "mpm", …; empty if nothing answered
	Log   string            // the end of the error log of the last server that failed
}

// A suite is a choice of cases. The first of each is the case facts, which
// compares what runs with what the cell promises (rule M-11).
type suite struct {
	name string
	long bool            // its cases take the time that they promise
	has  func(Case) bool // nil: it is no choice of cases
}

var suites = []suite{
	{"load", false, nil},
	{"smoke", false, func(c Case) bool { return slices.Contains(smokeCases, c.Name) }},
	{"wsgi", false, func(Case) bool { return true }},
	{"soak", true, func(c Case) bool {
		return strings.HasSuffix(c.Name, "-load") || strings.HasPrefix(c.Name, "hammer") || slices.Contains(soakCases, c.Name)
	}},
	{"express", false, nil},
}

// smokeCases show that all of the way is there: bodies in and out, streams, files,
// errors, the log, interpreters, a changed script, a process that is replaced.
var smokeCases = []string{
	"hello", "environ", "body", "body-chunked", "upload", "response", "output", "streaming", "filewrap", "failing", "logging", "reload", "graceful",
}

// soakCases are about what adds up, beside those under load.
var soakCases = []string{"graceful-many", "graceful-embedded", "interpreters-many", "interpreters-many-own", "replaced", "graceful-slow", "download-slow"}

// Suites lists the names of the suites.
func Suites() (names []string) {
	for _, s := range suites {
		names = append(names, s.name)
	}
	return names
}

// RunSuite runs a suite in the cell. The error is for one that is not known; all
// else is in the report.
func (cell Cell) RunSuite(ctx context.Context, r *run.Runner, name string, o SuiteOptions) (SuiteReport, error) {
	i := slices.IndexFunc(suites, func(s suite) bool { return s.name == name })
	if i < 0 {
		return SuiteReport{}, fmt.Errorf("suite %q is not known; there are %s", name, strings.Join(Suites(), ", "))
	}
	s := suiteRun{cell: cell, r: r, o: o, report: SuiteReport{Facts: map[string]string{}}}
	s.cell.Target.Long = cell.Target.Long || suites[i].long
	switch {
	case name == "load":
		s.load(ctx)
	case name == "express":
		s.express(ctx)
	default:
		s.cases(ctx, suites[i].has)
		if name == "wsgi" && cell.Mode == Daemon && !cell.Target.Foreign {
			s.refusals(ctx)
		}
		if name == "wsgi" && cell.Mode == Daemon && cell.MPM == "event" && cell.GIL == SharedGIL && s.wants("budget") && Unbudgeted(ctx, r, cell.Target) == "" {
			s.add(RunBudget(ctx, r, s.cell.Target)) // last: nothing else is to run meanwhile
		}
	}
	return s.report, nil
}

// suiteRun is a suite that is being run.
type suiteRun struct {
	cell   Cell
	r      *run.Runner
	o      SuiteOptions
	mu     sync.Mutex
	report SuiteReport
}

func (s *suiteRun) add(o Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Status == Fail && o.Root != "" {
		s.report.Log = Tail(filepath.Join(o.Root, "logs", "error.log"))
	}
	s.report.Add(o)
}

func (s *suiteRun) wants(name string) bool { return s.o.Only == nil || s.o.Only(name) }

// cases runs the facts and the chosen cases: those that share a server on one, and
// the others beside it.
func (s *suiteRun) cases(ctx context.Context, has func(Case) bool) {
	shared, own := s.cell.Select(Cases(), true)
	drop := func(c Case) bool { return !has(c) || !s.wants(c.Name) }
	shared = append([]Case{s.facts()}, slices.DeleteFunc(shared, drop)...)
	own = slices.DeleteFunc(own, drop)
	places := make(chan struct{}, max(1, s.o.Parallel))
	var wait sync.WaitGroup
	start := func(f func()) {
		places <- struct{}{}
		wait.Go(func() { defer func() { <-places }(); f() })
	}
	start(func() { s.together(ctx, shared) })
	for _, c := range own {
		if ctx.Err() != nil {
			break
		}
		start(func() { s.add(s.cell.RunOwn(ctx, s.r, c, s.o.Keep)) })
	}
	wait.Wait()
}

// together runs cases on one server.
func (s *suiteRun) together(ctx context.Context, cases []Case) {
	began := time.Now()
	session, err := s.cell.Open(ctx, s.r, cases)
	if err != nil {
		s.add(Outcome{Name: s.cell.Name() + "/start", Status: Fail, Why: []string{err.Error()}, Took: time.Since(began)})
		return
	}
	session.Keep = s.o.Keep
	for _, c := range cases {
		if ctx.Err() != nil {
			break
		}
		s.add(session.Run(ctx, c))
	}
	s.add(session.Close())
}

// refusals asks httpd about the configurations that it must refuse.
func (s *suiteRun) refusals(ctx context.Context) {
	for _, c := range Refusals() {
		if ctx.Err() != nil {
			return
		}
		if s.wants("config/" + c.Name) {
			s.add(RunRefusal(ctx, s.r, s.cell.Target, s.cell.MPM, c))
		}
	}
}

// load wants httpd to take the configuration, to start, and to stop, and nothing
// grave to be in its log. No Python has to start.
func (s *suiteRun) load(ctx context.Context) {
	began := time.Now()
	session, err := s.cell.Open(ctx, s.r, nil)
	o := Outcome{Name: s.cell.Name() + "/start", Status: Pass, Took: time.Since(began)}
	if err != nil {
		o.Status, o.Why = Fail, []string{err.Error()}
		s.add(o)
		return
	}
	s.add(o)
	session.Keep = s.o.Keep
	s.server(session.Server)
	session.first = 0
	s.add(session.Close())
}

// facts is the case that comes first: it keeps what was found.
func (s *suiteRun) facts() Case {
	return Case{Name: "facts", Do: func(t *T) {
		target := s.cell.Target
		group := ""
		if s.cell.Mode == Daemon {
			group = sharedGroup
		}
		got := proveFacts(t, s.r, ProveOptions{Apache: target.Apache, Python: target.Python, Classic: target.Foreign, OwnGIL: s.cell.GIL == OwnGIL}, group)
		wantGIL := s.cell.GIL != NoGIL
		if !target.Foreign { // another implementation may leave it to Python
			Same(t, "the GIL", got.GIL, wantGIL)
		}
		if s.cell.Mode == Daemon && !target.Foreign {
			proveNoPython(t)
		}
		if s.cell.GIL == OwnGIL {
			t.WaitLog(`interpreter created for application group '` + sharedGroup + `' \(.*, own GIL\)`)
		}
		s.server(t.Server)
		found := map[string]string{
			"python": got.Version, "hexversion": fmt.Sprintf("%#x", got.HexVersion), "abiflags": got.ABIFlags, "gil": onOff(got.GIL),
			"prefix": got.Prefix, "libpython": strings.Join(got.LibPython, " "),
		}
		if s.cell.GIL == OwnGIL {
			found["interpreters"] = "a GIL each"
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for name, value := range found {
			s.report.Facts[name] = value
		}
		if mpm := s.report.Facts["mpm"]; mpm != s.cell.MPM {
			t.Errorf("the MPM is %q, want %q", mpm, s.cell.MPM)
		}
	}}
}

func onOff(is bool) string {
	if is {
		return "on"
	}
	return "off"
}

// resuming is httpd's first word: who it is, from the module that is its MPM.
var resuming = pattern.New(`\[mpm_(\w+):notice\].*?: Apache/(\S+).* configured -- resuming normal operations`)

// server keeps what httpd says of itself.
func (s *suiteRun) server(server *Server) {
	apache := server.Conf.Target.Apache
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Facts["mmn"] = fmt.Sprintf("%d:%d", apache.MMN.Major, apache.MMN.Minor)
	if m := resuming.FindStringSubmatch(server.LogText("error.log")); m != nil {
		s.report.Facts["mpm"], s.report.Facts["apache"] = m[1], m[2]
	}
}

// Tail is the end of a log: 64 KiB (rule M-6).
func Tail(path string) string {
	const most = 64 << 10
	text := readFile(path)
	if len(text) > most {
		text = text[len(text)-most:]
		text = "…" + text[strings.IndexByte(text, '\n')+1:]
	}
	return text
}
