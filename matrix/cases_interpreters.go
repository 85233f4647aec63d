package matrix

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ownGIL gives the interpreters of the daemon group "own" a GIL each, and none to
// those of the group "shared".
var ownGIL = []string{
	"WSGIDaemonProcess own threads=4", "WSGIDaemonProcess shared threads=4", "WSGIDaemonProcess alone threads=1",
	"<WSGIInterpreterOptions process-group=own>", "WSGIPerInterpreterGIL On", "</WSGIInterpreterOptions>",
}

// gilMounts are /GROUP/INTERPRETER, with "main" for the main one.
var gilMounts = func() (lines []string) {
	for _, group := range []string{"own", "shared"} {
		for name, interpreter := range map[string]string{"a": "a", "b": "b", "main": "%{GLOBAL}"} {
			lines = append(lines, fmt.Sprintf(`WSGIScriptAlias /%s/%s "@APP@/app.wsgi" process-group=%[1]s application-group=%[3]s`, group, name, interpreter))
		}
	}
	slices.Sort(lines)
	return append(lines, `WSGIScriptAlias /alone "@APP@/app.wsgi" process-group=alone application-group=%{GLOBAL}`)
}()

// gilFacts is what the application gil says of its interpreter.
type gilFacts struct {
	Free                  bool
	Group                 string
	Thread, DaemonThread  string
	Main                  bool
	MainIdent             int64
	PID, Thread_ID, Local int
}

// interpreterCases are about interpreters: which GIL they have, and what it
// permits.
func interpreterCases() []Case {
	own := func(c Case) Case {
		c.App, c.Own, c.Ours = "gil", true, true
		c.Global = append(slices.Clone(ownGIL), c.Global...)
		c.Mount, c.Conf, c.Modes = "-", append(slices.Clone(gilMounts), c.Conf...), daemonOnly
		c.Announced = append(c.Announced, `?WSGIM0631: `, `?WSGIM0103: `)
		return c
	}
	return []Case{
		own(Case{Name: "own-gil", Covers: "IN18", Do: ownGILs}),
		own(Case{Name: "own-gil-extension", Covers: "IN19", Do: refusedExtension, Announced: Announce{`?RuntimeWarning: The global`, `?^ +`}}),
		own(Case{
			Name: "own-gil-deadlock", Covers: "DP17", Do: ownDeadlock,
			Global:    []string{"WSGIDaemonProcess stuck threads=3 deadlock-timeout=1 shutdown-timeout=1", "<WSGIInterpreterOptions process-group=stuck>", "WSGIPerInterpreterGIL On", "</WSGIInterpreterOptions>"},
			Conf:      []string{`WSGIScriptAlias /stuck "@APP@/app.wsgi" process-group=stuck application-group=a`},
			Announced: Announce{`?WSGIM0517: daemon process 'stuck'`, `?daemon process`}, AtStop: Announce{`?WSGIM0511`, `?WSGIM0517`, `?WSGIM0631`, `?daemon process`},
		}),
		own(Case{
			Name: "own-gil-timeout", Do: ownTimeout,
			Global:    []string{"WSGIDaemonProcess timed threads=2 request-timeout=1 interrupt-timeout=20", "<WSGIInterpreterOptions process-group=timed>", "WSGIPerInterpreterGIL On", "</WSGIInterpreterOptions>"},
			Conf:      []string{`WSGIScriptAlias /timed "@APP@/app.wsgi" process-group=timed application-group=a`},
			Announced: Announce{`?WSGIM05\d\d`, `?WSGIM0238`, `?thread \d+:`, `?daemon process`},
		}),
		{
			Name: "free-threading", App: "gil", Own: true, Ours: true, Modes: daemonOnly, Covers: "IN20", Mount: "-", Do: freeThreading,
			Global: []string{
				"WSGIFreeThreading On", "WSGIDaemonProcess free threads=2", "WSGIDaemonProcess locked threads=2",
				"<WSGIInterpreterOptions process-group=locked>", "WSGIFreeThreading Off", "</WSGIInterpreterOptions>",
			},
			Conf: []string{
				`WSGIScriptAlias /free "@APP@/app.wsgi" process-group=free application-group=%{GLOBAL}`,
				`WSGIScriptAlias /sub "@APP@/app.wsgi" process-group=free application-group=sub`,
				`WSGIScriptAlias /locked "@APP@/app.wsgi" process-group=locked application-group=%{GLOBAL}`,
			},
			Announced: Announce{`?WSGIM0630: `, `?WSGIM0632: `, `?WSGIM0633: `, `?RuntimeWarning: The global interpreter lock`, `?^ +`},
		},
		{
			Name: "gilstate", App: "gil", Ours: true, Mount: "-", Do: gilState,
			Conf:      []string{`WSGIScriptAlias /sub "@APP@/app.wsgi" application-group=gilstate-sub`, `WSGIScriptAlias / "@APP@/app.wsgi"`},
			Announced: Announce{`?RuntimeWarning: The global interpreter lock`, `?^ +`, `?WSGIM0632: `},
		},
	}
}

// python is the version of the Python under test: 313 for 3.13.
func (t *T) python() int {
	abi := t.Server.Conf.Target.Python.ABI
	return abi.Major*100 + abi.Minor
}

// free tells whether that Python can do without a GIL.
func (t *T) free() bool { return t.Server.Conf.Target.Python.ABI.Free }

// extension compiles a C file of the application to a module of the Python under
// test.
func (t *T) extension(name string) {
	args := []string{"-shared", "-fPIC", "-O1", "-o", filepath.Join(t.Dir, name+".so"), filepath.Join(t.Dir, name+".c")}
	for _, dir := range t.Server.Conf.Target.Python.Include {
		args = append(args, "-I"+dir)
	}
	if _, err := t.Server.runner.Output(t.Context, "", "cc", args...); err != nil {
		t.Fatalf("%v", err)
	}
}

// gil checks that the interpreter at path is the one expected and returns what
// it says.
func (t *T) gil(path string) (f gilFacts) {
	t.JSON(path+"/facts", &f)
	Same(t, path+": runs on the main thread", f.Main, false)
	Same(t, path+": a thread", f.Thread, "done")
	return f
}

func ownGILs(t *T) {
	// Where there is another interpreter Python does not get along with it.
	Same(t, "fork in an only interpreter", t.said("/alone/fork"), "done")
	shared, main, owned := t.gil("/shared/a"), t.gil("/own/main"), t.gil("/own/a")
	for path, f := range map[string]gilFacts{"/shared/a": shared, "/own/main": main} {
		Same(t, path+": a daemon thread", f.DaemonThread, "done")
	}
	for _, path := range []string{"/shared/a", "/own/a"} {
		if t.python() < 312 { // the child ends by itself
			break
		}
		if said := t.said(path + "/fork"); !strings.HasPrefix(said, "RuntimeError: fork not supported") {
			t.Errorf("%s: fork: %s", path, said)
		}
	}
	Same(t, "main thread of two interpreters of a process", owned.MainIdent, main.MainIdent)
	t.extension("holding")
	t.WaitLog(`interpreter created for application group 'a' \(process group 'shared', shared GIL\)`)
	t.WaitLog(`interpreter created for application group '' \(process group 'own', shared GIL\)`)
	if t.python() < 312 {
		t.WaitLog(`WSGIM0103: WSGIPerInterpreterGIL On \(.+:\d+\) has no effect in process group 'own' \(Python 3\.\d+\S*\): before 3\.12`)
		t.WaitLog(`interpreter created for application group 'a' \(process group 'own', shared GIL\)`)
		t.WaitLog(`WSGIM0631: WSGIPerInterpreterGIL On has no effect for application group 'a' and any other: Python 3\.\d+\S* has one GIL`)
		return
	}
	t.WaitLog(`interpreter created for application group 'a' \(process group 'own', own GIL\)`)
	if !strings.HasPrefix(owned.DaemonThread, "RuntimeError: ") {
		t.Errorf("a daemon thread with an own GIL: %s", owned.DaemonThread)
	}
	for _, path := range []string{"/own/a", "/own/b", "/shared/a", "/shared/b"} {
		Same(t, path+": a module made for it", t.said(path+"/load?holding"), "done")
	}
	ownSpeed(t)
}

// ownSpeed compares two requests at once in two interpreters with a GIL each and
// with a shared one. What is judged is how long they take that need the GIL and
// no processor; how long those take that compute depends on what else the machine
// does, and is noted.
func ownSpeed(t *T) {
	held, computed := map[string]float64{}, map[string]float64{}
	for range 3 {
		for _, group := range []string{"own", "shared"} {
			held[group] += t.together(group, "/hold_for?0.2")
			computed[group] += t.together(group, "/spin_for?1000000")
		}
	}
	ratio := held["shared"] / held["own"]
	t.Notef("two groups at once, with a shared GIL / with one each: holding it %.2f s / %.2f s (%.2f x), computing %.2f s / %.2f s (%.2f x)",
		held["shared"], held["own"], ratio, computed["shared"], computed["own"], computed["shared"]/computed["own"])
	if ratio < 1.6 {
		t.Errorf("two groups that hold the GIL take %.2f s with a shared one, %.2f s with one each", held["shared"], held["own"])
	}
}

// together has both interpreters of a group work at once and returns the seconds
// from the first one's start to the last one's end.
func (t *T) together(group, work string) float64 {
	var spans [2]struct{ Began, Ended float64 }
	conns := []*Conn{t.Dial(), t.Dial()}
	for i, name := range []string{"a", "b"} {
		t.Send(conns[i], Request{Path: "/" + group + "/" + name + work})
	}
	for i, c := range conns {
		r, err := c.Read("GET")
		if err != nil {
			t.Fatalf("%v", err)
		}
		t.parse(work, r, &spans[i])
		c.Close()
	}
	return max(spans[0].Ended, spans[1].Ended) - min(spans[0].Began, spans[1].Began)
}

// said is the text that the application answers with.
func (t *T) said(path string) (text string) {
	t.JSON(path, &text)
	return text
}

func refusedExtension(t *T) {
	t.extension("single")
	t.extension("holding")
	const refusal = "ImportError: module single does not support loading in subinterpreters"
	want := map[string]string{"/own/main": "done", "/shared/main": "done", "/shared/a": "done", "/own/a": refusal}
	if t.python() < 312 {
		want["/own/a"] = "done"
	}
	if t.free() { // builds without a GIL refuse it in all but the main one
		want["/shared/a"] = refusal
	}
	for _, path := range []string{"/own/a", "/own/main", "/shared/a", "/shared/main"} {
		Same(t, path+": a module with one state for the process", t.said(path+"/load?single"), want[path])
		Same(t, path+": a module made for it", t.said(path+"/load?holding"), "done")
		t.gil(path) // and serves on
	}
}

func ownDeadlock(t *T) {
	t.extension("holding")
	Same(t, "a module made for it", t.said("/stuck/load?holding"), "done")
	before := t.gil("/stuck").PID
	t.begin("/stuck/hold?30")
	t.noted("held")
	began := time.Now()
	t.Wait("a new process", func() bool {
		r := t.Get("/stuck/facts")
		var f gilFacts
		return r.Status == 200 && json.Unmarshal(r.Body, &f) == nil && f.PID != before
	})
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("replaced after %s", took)
	}
	t.WaitLog(`deadlock_timeout`)
}

func ownTimeout(t *T) {
	r := t.Do(Request{Path: "/timed/busy"})
	Same(t, "status", r.Status, 504)
	t.WaitLog(`RequestTimeout: Injected into thread`)
	t.WaitLog(`recovered`)
	line := regexp.MustCompile(`File ".*app\.wsgi", line \d+, in (busy|spin)`)
	if !slices.ContainsFunc(t.Log(), func(r Record) bool { return line.MatchString(r.Text) }) {
		t.Errorf("no stack of the thread in the log")
	}
	t.gil("/timed")
}

func freeThreading(t *T) {
	free, sub, locked := t.gil("/free"), t.gil("/sub"), t.gil("/locked")
	Same(t, "without a GIL where it is Off", locked.Free, false)
	Same(t, "without a GIL where it is On", free.Free, t.free())
	Same(t, "without a GIL in another interpreter", sub.Free, t.free())
	if !t.free() {
		t.WaitLog(`WSGIM0630: WSGIFreeThreading On has no effect: Python \S+ is not built without the GIL, or PYTHON_GIL asks for it \(process group 'free'\)`)
		return
	}
	t.WaitLog(`interpreter created for application group '' \(process group 'free', no GIL\)`)
	t.WaitLog(`interpreter created for application group '' \(process group 'locked', shared GIL\)`)
	if t.python() < 314 {
		t.WaitLog(`WSGIM0633: application group 'sub' .* use WSGIApplicationGroup %\{GLOBAL\}`)
	}
	// What needs the GIL brings it back, and that is said.
	t.extension("gilstate")
	Same(t, "a module that needs the GIL", t.said("/free/load?gilstate"), "done")
	Same(t, "without a GIL after it", t.gil("/free").Free, false)
	t.WaitLog(`WSGIM0632: Python has taken the GIL into use again`)
}

// gilState has a C module call back in the main interpreter, from a thread that
// has been in another one before.
func gilState(t *T) {
	t.extension("gilstate")
	Same(t, "import", t.said("/load?gilstate"), "done")
	for range 10 {
		var f gilFacts
		t.JSON("/sub/facts", &f)
		Same(t, "group", f.Group, "gilstate-sub")
		var calls int
		t.JSON("/call", &calls)
		Same(t, "calls back", calls, 100)
	}
}
