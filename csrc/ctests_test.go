package csrc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/run"
)

// cTest is one line of test/tests.txt: a program made of C files that ends with
// 0 if all of it holds.
type cTest struct {
	name    string
	kind    string   // "unit", "tsan" or "fuzz"
	sources []string // relative to this folder
}

// embedTest is a program that needs a built plugin.
const embedTest = "test/test_embed.c"

// sanitizers are those a kind of program is built with.
var sanitizers = map[string]string{
	"unit": "address,undefined",
	"fuzz": "address,undefined", // its corpus, replayed
	"tsan": "thread",
}

// readCTests reads the list. Reading each file of the folder also tells go test
// that its cached result depends on them.
func readCTests(t *testing.T) []cTest {
	t.Helper()
	err := filepath.WalkDir("test", func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("test/tests.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []cTest
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 3 || sanitizers[fields[1]] == "" {
			t.Fatalf("test/tests.txt:%d: want a name, one of unit, tsan and fuzz, and sources: %q", i+1, line)
		}
		list = append(list, cTest{fields[0], fields[1], fields[2:]})
	}
	if len(list) == 0 {
		t.Fatal("test/tests.txt lists nothing")
	}
	return list
}

// TestC compiles and runs the C tests of the plain tier.
func TestC(t *testing.T) {
	r := &run.Runner{}
	cc, _, err := chooseCompiler(r, nil)
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	list := readCTests(t)
	mentioned := map[string]bool{embedTest: true} // run on what TestRealBuild builds
	for _, c := range list {
		for _, s := range c.sources {
			mentioned[s] = true
		}
		t.Run(c.kind+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, r, cc)
		})
	}
	programs, err := filepath.Glob("test/*_*.c")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range programs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !mentioned[path] && strings.Contains(string(text), "int main(") {
			t.Errorf("%s is a program that test/tests.txt does not list", path)
		}
	}
}

func (c cTest) run(t *testing.T, r *run.Runner, cc []string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), c.name)
	args := slices.Concat(cc[1:], []string{
		"-std=gnu99", "-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=" + sanitizers[c.kind], "-fno-sanitize-recover=all",
		"-Wall", "-Wextra", "-Wshadow", "-Werror", "-pthread", "-D_GNU_SOURCE",
		fmt.Sprintf("-DMOD_WSGI_VERSION=%q", Version()), "-Itest", "-Isrc", "-o", program,
	}, c.sources)
	if _, err := r.Output(t.Context(), "", cc[0], args...); err != nil {
		t.Fatal(err)
	}
	var corpus []string
	if c.kind == "fuzz" {
		dir, err := filepath.Abs(filepath.Join("test", "corpus", c.name))
		if err != nil {
			t.Fatal(err)
		}
		corpus = []string{dir}
	}
	res, err := r.Run(t.Context(), run.Cmd{Dir: t.TempDir(), Path: program, Args: corpus, Timeout: 2 * time.Minute})
	if err != nil {
		t.Errorf("%s%v", res.Stdout, err)
	}
}
