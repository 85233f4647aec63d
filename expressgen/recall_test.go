package expressgen

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// TestRecall: an answer is kept while the files it was made of are the same.
func TestRecall(t *testing.T) {
	dir := t.TempDir()
	witness := filepath.Join(dir, "witness")
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	m := memory{filepath.Join(dir, "cache", "modwsgi"), &run.Runner{}}
	ask := func(question string, want int, why string) {
		t.Helper()
		got, err := recall(m, question, func(string) []string { return []string{witness, dir + "/never"} }, func() (string, error) {
			asked++
			return "answer to " + question, nil
		})
		if err != nil || got != "answer to "+question || asked != want {
			t.Errorf("%s: got %q, %v after asking %d times, want %d", why, got, err, asked, want)
		}
	}
	write(witness, "one", 0o600)
	ask("a", 1, "the first time")
	ask("a", 1, "nothing has changed")
	ask("b", 2, "another question")
	write(witness, "three", 0o600)
	ask("a", 3, "a file was replaced")
	ask("a", 3, "and stays")
	write(filepath.Join(dir, "never"), "", 0o600)
	ask("a", 4, "a file has come")
	if err := os.Remove(witness); err != nil {
		t.Fatal(err)
	}
	ask("a", 5, "a file has gone")
	write(m.file("a"), "{", 0o600)
	ask("a", 6, "what was kept is damaged")
	if err := os.Chmod(m.file("a"), 0o666); err != nil {
		t.Fatal(err)
	}
	ask("a", 7, "others could have written it")
	t.Setenv("APXS", "/opt/apxs")
	ask("a", 8, "another environment")
	m.folder = ""
	ask("a", 9, "no memory")
	ask("a", 10, "still none")
}

// TestRecallNoError: an error is never kept, and no folder to keep anything in is
// none.
func TestRecallNoError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	trail := func(int) []string { return nil }
	m := memory{filepath.Join(file, "modwsgi"), &run.Runner{}}
	if got, err := recall(m, "q", trail, func() (int, error) { return 3, nil }); got != 3 || err != nil {
		t.Errorf("without a folder: %d, %v", got, err)
	}
	m.folder = filepath.Join(filepath.Dir(file), "modwsgi")
	broken := errors.New("broken")
	if _, err := recall(m, "q", trail, func() (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("an error became %v", err)
	}
	if got, err := recall(m, "q", trail, func() (int, error) { return 4, nil }); got != 4 || err != nil {
		t.Errorf("after an error: %d, %v", got, err)
	}
}

// TestDiscoverRecalls: what was kept of this machine is what is found here, and a
// start that has it runs none of Apache's programs.
func TestDiscoverRecalls(t *testing.T) {
	if _, err := exec.LookPath("apxs"); err != nil {
		t.Skip("there is no Apache here to ask")
	}
	o := base()
	o.WorkingDirectory, o.SetupOnly = "/", true
	if python := "/usr/bin/python3"; os.Geteuid() == 0 && exists(python) {
		o.PythonExecutable, o.User = python, "#65534"
	}
	cache := filepath.Join(t.TempDir(), "modwsgi")
	discover := func() (Discovery, string) {
		t.Helper()
		var ran strings.Builder
		found, err := Discover(t.Context(), &run.Runner{Log: &ran}, &o, cache)
		if err != nil {
			t.Fatal(err)
		}
		return found, ran.String()
	}
	first, ran := discover()
	if !strings.Contains(ran, "apxs") {
		t.Fatalf("apxs was not run, but %q", ran)
	}
	second, ran := discover()
	if !reflect.DeepEqual(first, second) {
		t.Errorf("recalled:\n%+v\nfound:\n%+v", second, first)
	}
	if strings.Contains(ran, "apxs") || strings.Contains(ran, first.Apache.Httpd) {
		t.Errorf("a start that remembers ran %q", ran)
	}
}
