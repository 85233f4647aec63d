package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// recipe is how something is made of an archive of sources with configure and make.
type recipe struct {
	room, name string // where it goes in the store
	configure  func(prefix string) []string
	targets    [][]string // what make is asked for, one after the other, before it installs
	needs      []string   // headers without which it would be built without something
	packages   []string   // which bring them
	proof      string     // a program below the prefix that is there when it was made
	header     string     // below it, which says of what release it is
	version    string     // which that has to be, or begin with
}

// compiledIn bounds the making of a CPython on a small machine.
const compiledIn = 40 * time.Minute

// Maker makes Pythons and Apaches of sources, with few processors and what
// priority is left.
type Maker struct {
	R      *run.Runner
	Store  *Store
	Mirror Mirror
	Agent  string // what servers are told of who asks
	Jobs   int    // compilers at once; 0: as many as there are processors
	Nice   int    // how much it stands back behind others

	Log func(line string) // where set, hears how far it is
}

// fetching brings an archive into a folder.
type fetching func(ctx context.Context, dir string) (Archive, error)

// make makes what a recipe says, once.
func (m Maker) make(ctx context.Context, r recipe, bring fetching) (string, Stamp, error) {
	return m.Store.Make(ctx, r.room, r.name, func(work, to string, stamp *Stamp) error {
		if strings.ContainsAny(to, " \t'\"$:,") {
			return hint.New(fmt.Errorf("%s cannot be written into makefiles", to), "set MODWSGI_CACHE to a folder whose path has no blanks, quotes, dollars, colons and commas")
		}
		ctx, stop := context.WithTimeout(ctx, compiledIn)
		defer stop()
		dir, err := os.MkdirTemp("", "modwsgi-make-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		m.say("fetching the sources of " + r.name)
		a, err := bring(ctx, dir)
		if err != nil {
			return err
		}
		stamp.From, stamp.Sum = a.From, a.Sum
		source := filepath.Join(dir, "source")
		if err := a.unpack(ctx, m.R, source); err != nil {
			return err
		}
		if err := m.compile(ctx, r, source, work, to); err != nil {
			return err
		}
		if !fsx.IsFile(filepath.Join(work, r.proof)) {
			return fmt.Errorf("make install gave no %s", filepath.Join(to, r.proof))
		}
		return r.check(work, a)
	})
}

// release are the numbers of a release in the headers of CPython and httpd, in which
// they stand in their order.
var release = pattern.New(`(?m)^[ \t]*#[ \t]*define[ \t]+(?:PY_(?:MAJOR|MINOR|MICRO)_VERSION|AP_SERVER_(?:MAJORVERSION|MINORVERSION|PATCHLEVEL)_NUMBER)[ \t]+(\d+)`)

// check refuses what was made of an archive of another release than it was taken for.
func (r recipe) check(work string, a Archive) error {
	text, err := os.ReadFile(filepath.Join(work, r.header))
	if err != nil {
		return err
	}
	var numbers []string
	for _, m := range release.FindAllStringSubmatch(string(text), -1) {
		numbers = append(numbers, m[1])
	}
	if got := strings.Join(numbers, "."); !strings.HasPrefix(got+".", r.version+".") {
		return hint.Exit(fmt.Errorf("%s is release %q, and not %s", a.From, got, r.version), hint.Refused)
	}
	return nil
}

// steps are the recipe for people.
func (r recipe) steps(to string) []string {
	list := []string{run.Line("./configure", r.configure(to)...)}
	for _, words := range append(slices.Clone(r.targets), []string{"install"}) {
		list = append(list, run.Line("make", words...))
	}
	return append(list, "keep it as "+to)
}

// compile configures, makes and installs below work what will lie at to.
func (m Maker) compile(ctx context.Context, r recipe, source, work, to string) error {
	jobs := m.Jobs
	if jobs == 0 {
		jobs = runtime.NumCPU()
	}
	stage := filepath.Join(filepath.Dir(source), "stage")
	steps := [][]string{append([]string{filepath.Join(source, "configure")}, r.configure(to)...)}
	for _, words := range append(slices.Clone(r.targets), []string{"install", "DESTDIR=" + stage}) {
		steps = append(steps, append([]string{"make", "-s", "-j", strconv.Itoa(jobs)}, words...))
	}
	for _, words := range steps {
		m.say(run.Line(filepath.Base(words[0]), words[1:]...))
		_, err := m.R.Run(ctx, run.Cmd{Dir: source, Path: "nice", Args: append([]string{"-n", strconv.Itoa(m.Nice)}, words...), Timeout: compiledIn})
		if err != nil {
			return err
		}
	}
	_, err := m.R.Run(ctx, run.Cmd{Path: "cp", Args: []string{"-a", filepath.Join(stage, to) + "/.", work}, Timeout: 5 * time.Minute})
	return err
}

func (m Maker) say(line string) {
	if m.Log != nil {
		m.Log(line)
	}
}

// lacking are the headers of a recipe that a compiler of this machine would not
// find.
func (r recipe) lacking(ctx context.Context, runner *run.Runner) []string {
	var list []string
	for _, header := range r.needs {
		c := run.Cmd{Path: "cc", Args: []string{"-E", "-include", header, "-x", "c", "/dev/null", "-o", "/dev/null"}, Timeout: time.Minute}
		if _, err := runner.Run(ctx, c); err != nil {
			list = append(list, header)
		}
	}
	return list
}

// ready says what has to be installed before a recipe can be followed.
func (m Maker) ready(ctx context.Context, r recipe) error {
	for _, program := range []string{"make", "cc", "tar", "nice"} {
		if _, err := m.R.LookPath(program); err != nil {
			return missing(NoProvider, fmt.Errorf("making %s: %s is not here", r.name, program), install("build-essential"))
		}
	}
	if list := r.lacking(ctx, m.R); len(list) > 0 {
		return missing(NoProvider, fmt.Errorf("making %s: the headers %v are not here", r.name, list), install(r.packages...))
	}
	return nil
}
