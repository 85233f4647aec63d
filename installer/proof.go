package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Further levels of a proof (rule V-1).
const (
	Config  Level = "config" // the real server's configuration with the lines that load the module
	Running Level = "run"    // a server of its own answers requests in both modes
)

// Status is what became of a level.
type Status string

const (
	Passed Status = "passed"
	Failed Status = "failed"
	NotRun Status = "not run" // with a reason; never the same as passed
)

// LevelReport is one level of a proof.
type LevelReport struct {
	Level    Level    `json:"level"`
	Status   Status   `json:"status"`
	Reason   string   `json:"reason,omitempty"` // why it was not run
	Looked   []string `json:"looked,omitempty"` // what was looked at
	Wrong    []string `json:"wrong,omitempty"`  // a sentence each
	Warnings []string `json:"warnings,omitempty"`
	Advice   []string `json:"advice,omitempty"` // what to do about what is wrong, a line each
	Took     float64  `json:"seconds"`
}

// Proof is what is known of a built or installed module: as JSON, or printed.
type Proof struct {
	Schema  int           `json:"schema"`
	Module  string        `json:"module"`
	Tree    string        `json:"tree"`    // "ours", or "classic" of the original
	Version string        `json:"version"` // of the sources
	Apache  string        `json:"apache"`
	Python  string        `json:"python"`
	Levels  []LevelReport `json:"levels"`
}

// Subject is a module to be proved.
type Subject struct {
	Module  string
	Layout  *Layout // nil: a release of the original, which is the one file
	Version string
	Apache  apxs.Info
	Python  pybuild.Info // that must answer
	Lines   []string     // that Apache is to be told: LoadModule and what belongs to it
	InPlace bool         // Apache's own configuration has the lines already
	// LoadFile is the libpython that one of the lines loads first; "" if none does
	// (rule R-7).
	LoadFile string

	// Run starts a server of its own for the subject, makes requests and says what
	// it looked at; the error is what was disproved. Nil: that level is not run, for
	// NoRun.
	Run   func(ctx context.Context, s Subject) (looked []string, err error)
	NoRun string
}

// Prove takes a module through all levels (rule V-1). That a configuration loads
// proves little: Python starts only in the processes that serve, so level run is
// not left out for its price (rule V-9).
func Prove(ctx context.Context, r *run.Runner, s Subject) Proof {
	p := Proof{Schema: 1, Module: s.Module, Tree: "ours", Version: s.Version, Apache: s.Apache.Version, Python: s.Python.Version}
	if s.Layout == nil {
		p.Tree = "classic"
	}
	v := &prover{ctx: ctx, r: r, s: s}
	p.Levels = []LevelReport{v.level(Static, v.static), v.level(Load, v.load)}
	switch loaded := p.Levels[1]; loaded.Status {
	case Passed:
		p.Levels = append(p.Levels, v.level(Config, v.config), v.level(Running, v.run))
	case NotRun:
		p.Levels = append(p.Levels, notRun(Config, loaded.Reason), notRun(Running, loaded.Reason))
	default:
		const reason = "Apache does not load it"
		p.Levels = append(p.Levels, notRun(Config, reason), notRun(Running, reason))
	}
	return p
}

func notRun(l Level, reason string) LevelReport {
	return LevelReport{Level: l, Status: NotRun, Reason: reason}
}

// prover is one run of Prove. Each of its levels fills the report that it is
// given.
type prover struct {
	ctx context.Context
	r   *run.Runner
	s   Subject
}

func (v *prover) level(l Level, f func(*LevelReport)) LevelReport {
	began := time.Now()
	report := LevelReport{Level: l, Status: Passed}
	f(&report)
	switch {
	case report.Reason != "":
		report.Status = NotRun
	case len(report.Wrong) > 0:
		report.Status = Failed
	}
	report.Took = float64(time.Since(began).Milliseconds()) / 1000
	return report
}

// wrong notes err, one line for each that it joins.
func (l *LevelReport) wrong(what string, err error) {
	if err == nil {
		return
	}
	if what != "" {
		err = fmt.Errorf("%s: %w", what, err)
	}
	l.Wrong = append(l.Wrong, err.Error())
}

// static is rules V-2 and V-3.
func (v *prover) static(l *LevelReport) {
	var parts []part
	if v.s.Layout != nil {
		for _, c := range VerifyStatic(*v.s.Layout, &v.s.Apache) {
			l.wrong(c.Path, c.Err)
		}
		parts = partsOf(*v.s.Layout)
	} else {
		l.wrong(v.s.Module, verifyClassic(v.s.Module, v.s.Apache, v.s.Python.SONAME))
		parts = []part{{v.s.Module, true}}
	}
	c := closure{cache: pybuild.LoaderCache(v.ctx, v.r)}
	for _, p := range parts {
		l.Looked = append(l.Looked, p.path)
		made, err := csrc.Inspect(p.path)
		if err != nil {
			l.wrong("", err)
			continue
		}
		if made.Build == nil {
			l.wrong(p.path, errors.New("it does not say how it was built"))
		}
		if m := made.Module; m != nil && m.Minor > v.s.Apache.MMN.Minor {
			l.Warnings = append(l.Warnings, fmt.Sprintf("%s: it was built for a later Apache of this interface (%d.%d, here %d.%d)",
				p.path, m.Major, m.Minor, v.s.Apache.MMN.Major, v.s.Apache.MMN.Minor))
		}
		for _, text := range c.problems(p.path, v.before(p), p.inServer && v.s.Apache.Httpd == "") {
			l.wrong(p.path, errors.New(text))
		}
	}
	if v.s.Apache.Httpd == "" {
		l.Warnings = append(l.Warnings, "no server binary is known: whether it has what the module takes of it was not looked at")
	}
}

// part is a file of a module; inServer are those that Apache's processes load, the
// others are programs.
type part struct {
	path     string
	inServer bool
}

// before is what is in a part's process when it is loaded: the server, if it is
// known, and the library that its configuration names.
func (v *prover) before(p part) []string {
	var list []string
	for _, path := range []string{v.s.Apache.Httpd, v.s.LoadFile} {
		if p.inServer && path != "" {
			list = append(list, path)
		}
	}
	return list
}

func partsOf(l Layout) []part {
	list := []part{{l.Module, true}, {l.Supervisor, false}}
	for _, h := range l.Halves {
		list = append(list, part{h.Host, false}, part{h.Embed, true})
	}
	return list
}

// verifyClassic compares the one module of a release of the original with what it
// was built for; soname is that of its libpython.
func verifyClassic(path string, apache apxs.Info, soname string) error {
	made, err := csrc.Inspect(path)
	if err != nil {
		return err
	}
	e, err := csrc.Expect(csrc.ClassicModule, soname, made.RunPath) // where it leads is seen by its closure
	if err != nil {
		return err
	}
	e.Static = made.Build != nil && made.Build.Link == "static"
	if e.Static {
		e.SONAME = ""
	}
	if apache.Httpd != "" {
		server, err := csrc.Inspect(apache.Httpd)
		if err != nil {
			return err
		}
		e.Like = &server
	}
	list := made.Problems(e)
	switch m := made.Module; {
	case m == nil:
		list = append(list, "its module record cannot be read")
	case m.Cookie != apache.MMN.Cookie || m.Major != apache.MMN.Major:
		list = append(list, fmt.Sprintf("it is for Apache's interface %s %d, this Apache has %s %d", m.Cookie, m.Major, apache.MMN.Cookie, apache.MMN.Major))
	}
	return problems(list)
}

// load is rule V-4.
func (v *prover) load(l *LevelReport) {
	if v.s.Apache.Httpd == "" {
		l.Reason = "no server binary is known"
		return
	}
	if !slices.ContainsFunc(v.s.Lines, func(line string) bool { return strings.HasPrefix(line, "LoadModule ") }) {
		l.Wrong = append(l.Wrong, "no line loads it: "+strings.Join(v.s.Lines, "; "))
	}
	l.Looked = []string{v.s.Apache.Httpd + " -t with a configuration of its own"}
	said, err := load(v.ctx, v.r, v.s.Lines, v.s.Apache)
	l.wrong("", err)
	l.heard(said)
}

// run is rule V-6.
func (v *prover) run(l *LevelReport) {
	if v.s.Run == nil {
		l.Reason = v.s.NoRun
		return
	}
	looked, err := v.s.Run(v.ctx, v.s)
	l.Looked = looked
	l.wrong("", err)
}

// Err is nil if no level failed and something was run. It names the levels; what
// is wrong is in the report, and what to do is its advice.
func (p Proof) Err() error {
	var list []error
	passed := 0
	for _, l := range p.Levels {
		switch l.Status {
		case Passed:
			passed++
		case Failed:
			err := fmt.Errorf("%s: level %s failed", p.Module, l.Level)
			list = append(list, hint.New(err, strings.Join(l.Advice, "\n")))
		}
	}
	if passed == 0 && len(list) == 0 {
		list = append(list, errors.New("no level could be run"))
	}
	return hint.Exit(errors.Join(list...), hint.Unverified)
}

// Print writes p as a table, what is wrong below it.
func (p Proof) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nmod_wsgi %s (%s) for Apache %s and Python %s\n\n", p.Module, p.Version, p.Tree, p.Apache, p.Python)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, l := range p.Levels {
		status := string(l.Status)
		if l.Status == NotRun {
			status += ": " + l.Reason
		}
		fmt.Fprintf(t, "%s\t%s\t%.1f s\n", l.Level, status, l.Took)
	}
	t.Flush() // into memory
	for _, l := range p.Levels {
		for _, text := range l.Wrong {
			fmt.Fprintf(&b, "\n%s: %s\n", l.Level, strings.ReplaceAll(text, "\n", "\n  "))
		}
		for _, text := range l.Advice {
			fmt.Fprintf(&b, "  fix: %s\n", text)
		}
		for _, text := range l.Warnings {
			fmt.Fprintf(&b, "\n%s, a warning: %s\n", l.Level, text)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
