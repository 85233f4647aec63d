package check

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/options"
)

// tools are the two programs that have the verbs: what `mage -compile` gives and
// mod_wsgi-express.
type tools struct{ mage, express string }

// TestPrograms builds the two once and looks at them.
func TestPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("two programs are linked: not with -short")
	}
	x := buildTools(t)
	t.Run("notice", x.testNotice)
	t.Run("standalone", x.testStandalone)
	t.Run("start", x.testStart)
	t.Run("dry", x.testDryRuns)
	t.Run("documents", x.testDocuments)
	t.Run("statuses", x.testExitStatuses)
}

func buildTools(t *testing.T) tools {
	t.Helper()
	dir := t.TempDir()
	x := tools{filepath.Join(dir, "modwsgi"), filepath.Join(dir, "mod_wsgi-express")}
	for _, args := range [][]string{{"tool", "mage", "-compile", x.mage}, {"build", "-o", x.express, "./cmd/mod_wsgi-express"}} {
		c := exec.Command("go", args...)
		c.Dir, c.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return x
}

// Z-3: NOTICE names every module that is linked into a program, with its licence,
// and none that is not.
func (x tools) testNotice(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{} // whether it is linked
	row := regexp.MustCompile(`(?m)^  (\S+\.\S+/\S+) +(MIT|BSD-2-Clause|BSD-3-Clause|MPL-2\.0|Apache-2\.0) +Copyright \S`)
	for _, m := range row.FindAllStringSubmatch(string(data), -1) {
		named[m[1]] = false
	}
	for _, program := range []string{x.mage, x.express} {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range info.Deps {
			if m.Path == "modwsgi" || m.Replace != nil { // of the program that mage makes, we are one; what stands in for another is ours
				continue
			}
			if _, ok := named[m.Path]; !ok {
				t.Errorf("%s is linked into %s, and NOTICE does not name it with a licence", m.Path, filepath.Base(program))
			}
			named[m.Path] = true
		}
	}
	for path, linked := range named {
		if !linked {
			t.Errorf("NOTICE names %s, which is not linked", path)
		}
	}
}

// said is what a program wrote and how it ended.
type said struct {
	out, err string
	code     int
}

// tell runs a program in dir, which is all that it may change: the folders for
// caches, state and temporary files are in it too.
func tell(t *testing.T, dir string, env []string, words ...string) said {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Dir = dir
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); !slices.Contains([]string{"PYTHON", "APXS", "SOURCE"}, name) && !strings.HasPrefix(name, "MODWSGI_") && !strings.HasPrefix(name, "XDG_") {
			c.Env = append(c.Env, kv)
		}
	}
	tmp := filepath.Join(dir, "tmp")
	c.Env = append(append(c.Env, "HOME="+filepath.Join(dir, "home"), "TMPDIR="+tmp, "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "MODWSGI_STATE="+filepath.Join(dir, "state"), "MAGEFILE_CACHE="+tmp), env...)
	var out, err bytes.Buffer
	c.Stdout, c.Stderr = &out, &err
	s := said{}
	if runErr := c.Run(); runErr != nil {
		var exit *exec.ExitError
		if !errors.As(runErr, &exit) {
			t.Fatalf("%s: %v", strings.Join(words, " "), runErr)
		}
		s.code = exit.ExitCode()
	}
	s.out, s.err = out.String(), err.String()
	return s
}

// T-3: one static program with the same targets, which works where there is no
// checkout.
func (x tools) testStandalone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems have no static programs")
	}
	f, err := elf.Open(x.mage)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it is not static: it has %v", p.Type)
		}
	}
	dir := nowhere(t)
	list := tell(t, dir, nil, x.mage, "-l")
	listed := strings.ToLower(list.out) // mage prints verifyArtifacts
	for _, want := range targets(t) {
		name := want.name
		if want.decl.Recv != nil && !strings.Contains(name, ":") {
			name += ":" + strings.ToLower(want.decl.Name.Name)
		}
		if !strings.Contains(listed, "\n  "+name+" ") {
			t.Errorf("it has no %s:\n%s", name, list.out)
		}
	}
	if s := tell(t, dir, nil, x.mage, "lint"); s.code != hint.NotFound || !strings.Contains(s.err, "no checkout") {
		t.Errorf("lint without a checkout: %+v", s)
	}
	if s := tell(t, dir, nil, x.mage, "explain", "log"); s.code != 0 || !strings.Contains(s.out, "MW213") {
		t.Errorf("explain: %+v", s)
	}
}

// nowhere is a folder that is no checkout, with blanks and quotes in its name.
func nowhere(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), `a "b" c's`)
	for _, name := range []string{"tmp", "home", "cache"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "log", "AH00534: httpd: Configuration error: No MPM loaded.\n")
	return dir
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// targetsOf are those on which an option has an effect.
func targetsOf(t *testing.T, option string) []string {
	t.Helper()
	i := slices.IndexFunc(options.Table(), func(o options.Option) bool { return o.Name == option })
	if i < 0 {
		t.Fatalf("there is no option %s", option)
	}
	return options.Table()[i].Targets
}

// typed is a target of the table as mage has it: of a namespace, one of its own.
func typed(name string) string {
	if name == "package" {
		return name + ":deb"
	}
	return name
}

// ofResults need what a matrix came to: tests of their own have them.
var ofResults = []string{"matrix:merge", "matrix:sheet"}

// dryWords are the words behind a target for a dry run of it.
var dryWords = map[string][]string{"fetch": {"release:6.0.5"}, "python": {"3.13t"}}

// T-8: with dryrun every target that changes something prints steps, as text and
// as a document, and changes nothing: neither in the working folder nor in those
// for caches and temporary files.
func (x tools) testDryRuns(t *testing.T) {
	dir := nowhere(t)
	write(t, dir, "go.mod", "module modwsgi\n") // taken for a checkout
	for _, name := range []string{"build/mod_wsgi.so", "bin/mod_wsgi-express"} {
		write(t, dir, name, "kept")
	}
	first := digest(t, dir)
	if s := tell(t, dir, nil, x.mage, "build", "-dryrun"); s.code == hint.NotFound {
		t.Skip("no Apache or no Python to do anything for: " + s.err)
	}
	for _, name := range targetsOf(t, "dryrun") {
		if slices.Contains(commandsOnly, name) || name == "uninstall" || name == "rollback" || slices.Contains(ofResults, name) {
			continue // it needs what was built or installed: other tests have it
		}
		t.Run(name, func(t *testing.T) {
			words := append([]string{x.mage, typed(name)}, dryWords[name]...)
			before := maps.Clone(first)
			s := tell(t, dir, nil, append(words, "-dryrun")...)
			for path, sum := range digest(t, dir) {
				if before[path] != sum {
					t.Errorf("%s changed", path)
				}
				delete(before, path)
			}
			for path := range before {
				t.Errorf("%s is gone", path)
			}
			if s.code != 0 || strings.TrimSpace(s.out) == "" {
				t.Errorf("exit status %d, steps %q\n%s", s.code, s.out, s.err)
			}
		})
	}
}

// digest is a sum of each file below dir and of what it is.
func digest(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sums[path] = fmt.Sprint(info.Mode())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			sums[path] += fmt.Sprintf(" %v %x", info.ModTime(), sha256.Sum256(data))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// T-5: what a target prints with output=json is one document with a schema
// number, and nothing besides, whatever became of it.
func (x tools) testDocuments(t *testing.T) {
	dir := nowhere(t)
	words := map[string][]string{"explain": {"log"}, "inspect": {x.express}, "fetch": {"release:6.0.5"}, "python": {"3.13t"}, "matrix:repro": {"py3.11/event/daemon"}}
	dry := targetsOf(t, "dryrun")
	for _, name := range targetsOf(t, "output") {
		if slices.Contains(ofResults, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			line := append([]string{x.mage, typed(name)}, words[name]...)
			if slices.Contains(dry, name) { // its steps are a document, too, and it takes no time
				line = append(line, "-dryrun")
			}
			s := tell(t, dir, []string{"MODWSGI_OUTPUT=json"}, line...)
			if s.code == hint.NotFound {
				t.Skipf("nothing to print: %s", s.err)
			}
			var document struct {
				Schema int `json:"schema"`
			}
			d := json.NewDecoder(strings.NewReader(s.out))
			if err := d.Decode(&document); err != nil || document.Schema < 1 || d.More() {
				t.Errorf("schema %d, %v; more %v\n%s\n%s", document.Schema, err, d.More(), s.out, s.err)
			}
		})
	}
}

// T-6: how each verb ends. Every target ends with 2 where an option has a wrong
// value, every one that finds with 3 where what was named is not there.
func (x tools) testExitStatuses(t *testing.T) {
	dir := nowhere(t)
	write(t, dir, "apxs", "#!/bin/sh\nexit 1\n")
	write(t, dir, "other", "nothing that is known\n")
	write(t, dir, "go.mod", "module modwsgi\n")
	type call struct {
		code  int
		env   string
		words []string
	}
	calls := []call{
		{hint.Failed, "", []string{x.mage, "explain", "other"}},
		{hint.Failed, "", []string{x.mage, "explain", "no such file"}},
		{hint.Failed, "", []string{x.mage, "inspect", "other"}},
		{hint.Usage, "", []string{x.mage, "fetch", ""}},
		{hint.Usage, "", []string{x.mage, "inspect", ""}},
		{hint.Unverified, "", []string{x.mage, "inspect", x.express, "-strict"}}, // no stack canary
		{hint.Refused, "", []string{x.mage, "fetch", "release:6.0.5", "-offline"}},
		{hint.Refused, "", []string{x.mage, "build", "-source=release:6.0.5", "-offline"}},
		{hint.Refused, "", []string{x.mage, "verify", "-source=release:6.0.5", "-offline"}},
		{hint.Unhealthy, "MODWSGI_APXS=" + filepath.Join(dir, "apxs"), []string{x.mage, "doctor"}},
		{hint.OK, "APXS=/no/such/apxs", []string{x.mage, "apaches"}}, // a list says so itself
		{hint.OK, "PYTHON=/no/such/python", []string{x.mage, "pythons"}},
	}
	for _, o := range options.Table() {
		wrong := map[options.Kind]string{options.Choice: "nonsense", options.Count: "-1", options.Switch: "perhaps", options.Span: "soon"}[o.Kind]
		for _, name := range o.Targets {
			words := []string{x.mage, typed(name)}
			switch name {
			case "install-module":
				words[0] = x.express
			case "explain", "inspect", "fetch", "matrix:merge", "matrix:repro":
				words = append(words, "log")
			}
			switch {
			case wrong != "" && name != "install-module":
				calls = append(calls, call{hint.Usage, o.Variable() + "=" + wrong, words})
			case o.Name == "apxs" && !slices.Contains([]string{"bench", "quickstart", "doctor", "install-module"}, name): // which first install, report, or end as the original does
				calls = append(calls, call{hint.NotFound, "APXS=/no/such/apxs", words})
			case o.Name == "python" && slices.Contains([]string{"build", "config", "package", "prove", "verify"}, name):
				calls = append(calls, call{hint.NotFound, "PYTHON=/no/such/python", words})
			}
		}
	}
	for _, c := range calls {
		var env []string
		if c.env != "" {
			env = []string{c.env}
		}
		if s := tell(t, dir, env, c.words...); s.code != c.code {
			t.Errorf("%s %s: exit status %d, want %d\n%s", c.env, strings.Join(c.words[1:], " "), s.code, c.code, s.err)
		}
	}
	t.Logf("%d calls", len(calls))
}
