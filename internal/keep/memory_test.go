package keep

import (
	"errors"
	"os"
	"path/filepath"
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
	m := Memory{filepath.Join(dir, "cache", "modwsgi"), &run.Runner{}}
	ask := func(question string, want int, why string) {
		t.Helper()
		got, err := Recall(m, question, func(string) []string { return []string{witness, dir + "/never"} }, func() (string, error) {
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
	m.Folder = ""
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
	m := Memory{filepath.Join(file, "modwsgi"), &run.Runner{}}
	if got, err := Recall(m, "q", trail, func() (int, error) { return 3, nil }); got != 3 || err != nil {
		t.Errorf("without a folder: %d, %v", got, err)
	}
	m.Folder = filepath.Join(filepath.Dir(file), "modwsgi")
	broken := errors.New("broken")
	if _, err := Recall(m, "q", trail, func() (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("an error became %v", err)
	}
	if got, err := Recall(m, "q", trail, func() (int, error) { return 4, nil }); got != 4 || err != nil {
		t.Errorf("after an error: %d, %v", got, err)
	}
}
