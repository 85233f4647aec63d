package matrix

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lastingCases do again and again, or many times over, what a server does once:
// what each time leaves behind adds up.
func lastingCases() []Case {
	many := func(name string, global ...string) Case {
		c := Case{
			Name: name, App: "lasting", Own: true, Ours: true, Modes: daemonOnly, Daemon: "threads=4 shutdown-timeout=5",
			Mount: "-", Global: global, Do: interpretersMany, Announced: Announce{`?WSGIM0103: `},
		}
		for i := range mostInterpreters {
			c.Conf = append(c.Conf, fmt.Sprintf(`WSGIScriptAlias /i%d "@APP@/app.wsgi" application-group=i%[1]d`, i))
		}
		c.Conf = append(c.Conf, `WSGIScriptAlias / "@APP@/app.wsgi"`)
		return c
	}
	return []Case{
		{
			Name: "graceful-embedded", App: "lasting", Own: true, Ours: true, Modes: []Mode{Embedded},
			Global: []string{generationLine(1)}, Do: gracefulEmbedded,
		},
		many("interpreters-many"),
		many("interpreters-many-own", "<WSGIInterpreterOptions process-group=g-interpreters-many-own>", "WSGIPerInterpreterGIL On", "</WSGIInterpreterOptions>"),
	}
}

// lasting is what the application says of who answered.
type lasting struct {
	PID, Parent, Keys         int
	Python, Group, Generation string
}

func generationLine(n int) string { return fmt.Sprintf("SetEnv MATRIX_GENERATION %d", n) }

// gracefulEmbedded restarts Apache gracefully more often than a process can make
// keys of threads, each time until a child of the new configuration has answered
// from its own Python. What a reload left in the parent every child would inherit:
// libpython of 3.13 takes a key each time that it is opened, and keeps it.
func gracefulEmbedded(t *T) {
	rounds := t.scaled(1100, 25)
	line := slices.Index(t.Server.Conf.Global, generationLine(1))
	began := time.Now()
	var first, last lasting
	var before parentState
	t.JSON("/keys", &first)
	for n := 2; n <= rounds+1; n++ {
		if n == rounds/5 {
			before = stateOf(t.Server.PID)
		}
		t.Server.Conf.Global[line] = generationLine(n)
		if err := t.Server.WriteConf(); err != nil {
			t.Fatalf("%v", err)
		}
		if err := t.Server.Graceful(t.Context); err != nil {
			t.Fatalf("restart %d: %v", n-1, err)
		}
		t.Wait(fmt.Sprintf("an answer of generation %d", n), func() bool {
			t.JSON("/", &last)
			return last.Generation == strconv.Itoa(n)
		})
	}
	t.JSON("/keys", &last)
	after := stateOf(t.Server.PID)
	t.Notef("%d graceful restarts in %v, each answered by a new child with Python %s: parent %s, then %s; a child can make %d keys of threads, then %d",
		rounds, time.Since(began).Round(time.Second), last.Python, before, after, first.Keys, last.Keys)
	Same(t, "generation", last.Generation, strconv.Itoa(rounds+1))
	Same(t, "parent", last.Parent, t.Server.PID)
	if first.Keys == 0 || last.Keys < first.Keys {
		t.Errorf("a child of generation %s can make %d keys of threads, one of the first %d", last.Generation, last.Keys, first.Keys)
	}
	if after.fds > before.fds || after.threads > before.threads || (after.rss > before.rss+(4<<20) && !t.sanitized()) {
		t.Errorf("the parent grew from %s to %s", before, after)
	}
	t.parentWithoutPython()
}

// parentWithoutPython wants the parent to have no libpython.
func (t *T) parentWithoutPython() {
	maps := readFile(filepath.Join("/proc", strconv.Itoa(t.Server.PID), "maps"))
	if !strings.Contains(maps, "mod_wsgi.so") || strings.Contains(maps, "libpython") {
		t.Errorf("the parent has Python, or no module")
	}
}

// mostInterpreters are those of the long tier.
const mostInterpreters = 200

func (t *T) interpreters() int { return t.scaled(mostInterpreters, 30) }

// interpretersMany has one process serve many application groups, and end all of
// them in the time that it has for it.
func interpretersMany(t *T) {
	owned := strings.HasSuffix(t.Case.Name, "-own")
	if owned && t.python() < 312 {
		t.Skipf("Python 3.%d has one GIL for all interpreters", t.python()%100)
	}
	if owned && t.free() {
		t.Skipf("a Python without a GIL has none to give")
	}
	var main lasting
	t.JSON("/", &main)
	before := stateOf(main.PID)
	began := time.Now()
	t.everyInterpreter(main.PID)
	made, took := stateOf(main.PID), time.Since(began)
	rounds, served := t.steady(main.PID)
	began = time.Now()
	t.signal(main.PID, syscall.SIGTERM)
	t.Wait("the process to end", func() bool { return syscall.Kill(main.PID, 0) != nil })
	ended := time.Since(began)
	n := t.interpreters()
	t.Notef("%d interpreters in one process: made in %v, %d KiB each; before %s, then %s, after %d more requests to each %s; ended in %v",
		n, took.Round(time.Millisecond), (made.rss-before.rss)>>10/int64(n), before, made, rounds, served, ended.Round(time.Millisecond))
	t.Wait("all interpreters to be ended", func() bool { return t.countLog(`interpreter ended for application group 'i\d+'`) == n })
	if made.fds > before.fds+4 || made.threads > before.threads {
		t.Errorf("%d interpreters took it from %s to %s", n, before, made)
	}
	var next lasting
	t.JSON("/i0", &next)
	if next.PID == main.PID {
		t.Errorf("process %d serves on", next.PID)
	}
}

// steady asks each interpreter until three requests to each no longer make the
// process grow, and returns how many it took. A thread that comes into an interpreter
// for the first time makes a state there: measured, 6 KiB of 3.12 and 97 KiB of 3.13t,
// where it has a heap of its own. A leak of 3 KiB a request never ends.
func (t *T) steady(pid int) (rounds int, last parentState) {
	const most, three, noise = 60, 3, 8 << 10
	var rss []int64
	for rounds = 0; rounds <= most; rounds++ {
		last = stateOf(pid)
		rss = append(rss, last.rss)
		if rounds >= three && last.rss-rss[rounds-three] < int64(t.interpreters())*noise {
			return rounds, last
		}
		t.everyInterpreter(pid)
	}
	if !t.sanitized() {
		t.Errorf("after %d requests to each interpreter it still grows: %d bytes", most, rss)
	}
	return most, last
}

// everyInterpreter asks each once and wants an answer of process PID.
func (t *T) everyInterpreter(pid int) {
	for i := range t.interpreters() {
		var l lasting
		path := fmt.Sprintf("/i%d", i)
		t.JSON(path, &l)
		Same(t, "application group at "+path, l.Group, path[1:])
		Same(t, "process at "+path, l.PID, pid)
	}
}

// countLog is how many lines of the case's logs match.
func (t *T) countLog(expr string) (n int) {
	re := regexp.MustCompile(expr)
	for _, r := range t.Log() {
		if re.MatchString(r.Text) {
			n++
		}
	}
	return n
}
