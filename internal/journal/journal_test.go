package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/treetest"
)

// place is a tree with something of every kind in it.
type place struct{ root, dir string }

func newPlace(t *testing.T) place {
	t.Helper()
	base := filepath.Join(t.TempDir(), "it's a \"place\"")
	p := place{root: filepath.Join(base, "tree"), dir: filepath.Join(base, "journal")}
	old := time.Date(2020, 1, 2, 3, 4, 5, 678, time.UTC)
	err := errors.Join(
		os.MkdirAll(p.at("folder/inner"), 0o755),
		os.WriteFile(p.at("folder/inner/a"), []byte("old a"), 0o644),
		os.MkdirAll(p.at("fresh/inner"), 0o755),
		os.WriteFile(p.at("fresh/inner/a"), []byte("new a"), 0o644),
		os.WriteFile(p.at("program"), []byte("#!/bin/sh\nprintf made >\"$1\"; rm \"$2\"; echo more >>\"$3\"\n"), 0o755),
		os.WriteFile(p.at("file"), []byte("old"), 0o600),
		os.Chmod(p.at("file"), 0o751),
		os.WriteFile(p.at("gone"), []byte("goes"), 0o640),
		os.WriteFile(p.at("moved"), []byte("moves"), 0o644),
		os.WriteFile(p.at("touched"), []byte("before"), 0o644),
		os.Symlink("file", p.at("link")),
		os.Symlink("nowhere", p.at("touched-link")),
		os.Chtimes(p.at("file"), old, old),
	)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p place) at(rel string) string { return filepath.Join(p.root, rel) }

// steps are one of each kind, new and in something's place.
func (p place) steps() []Step {
	return []Step{
		{Kind: Mkdir, Path: p.at("made"), Mode: 0o755},
		{Kind: Mkdir, Path: p.at("made/inner"), Mode: 0o700},
		{Kind: Mkdir, Path: p.at("folder"), Mode: 0o700}, // is there
		{Kind: Write, Path: p.at("made/inner/file"), Mode: 0o644, Data: []byte("x")},
		{Kind: Write, Path: p.at("file"), Mode: 0o644, Data: []byte("new")},
		{Kind: Write, Path: p.at("copied"), Mode: 0o755, From: p.at("program")},
		{Kind: Write, Path: p.at("link"), Mode: 0o644, Data: []byte("no link")},
		{Kind: Link, Path: p.at("file"), To: "elsewhere"},
		{Kind: Link, Path: p.at("made/link"), To: "inner"},
		{Kind: Remove, Path: p.at("gone")},
		{Kind: Swap, Path: p.at("fresh"), To: p.at("folder")},
		{Kind: Move, Path: p.at("moved"), To: p.at("made/moved")},
		{Kind: Run, Args: []string{p.at("program"), p.at("ran"), p.at("touched-link"), p.at("touched")},
			Touches: []string{p.at("ran"), p.at("touched-link"), p.at("touched")}},
		{Kind: Write, Path: p.at("touched"), Mode: 0o600, Data: []byte("again")},
		{Kind: Mkdir, Path: p.at("empty"), Mode: 0o755},
		{Kind: Tidy, Path: p.at("empty")},
		{Kind: Tidy, Path: p.at("made")},
		{Kind: Fill, Path: p.at("filled"), Mode: 0o750, Inner: []Step{
			{Kind: Mkdir, Path: p.at("filled/inner"), Mode: 0o711},
			{Kind: Write, Path: p.at("filled/inner/file"), Mode: 0o644, Data: []byte("x")},
			{Kind: Link, Path: p.at("filled/link"), To: "inner"},
		}},
	}
}

func gone(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the journal is still there: %v", err)
	}
}

// whatever the step it fails at, and whether that was done or not, all is as
// before.
func TestUndo(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken on purpose")
	for n := 1; n <= len((place{}).steps()); n++ {
		for _, event := range []string{"recorded", "done"} {
			p := newPlace(t)
			before := treetest.Tree(t, p.root)
			j, err := Begin(t.Context(), &run.Runner{}, p.dir, "testing")
			if err != nil {
				t.Fatal(err)
			}
			j.after = func(at string, step int) error {
				if at == event && step == n {
					return broken
				}
				return nil
			}
			if err := j.Do(t.Context(), p.withSum(t)...); !errors.Is(err, broken) {
				t.Fatalf("step %d: %v", n, err)
			}
			lines, err := j.Undo()
			if err != nil || len(lines) != n || !strings.HasPrefix(lines[0], "undone: ") {
				t.Errorf("step %d: %q, %v", n, lines, err)
			}
			treetest.Same(t, fmt.Sprintf("%s %d", event, n), treetest.Tree(t, p.root), before)
			gone(t, p.dir)
		}
	}
}

func (p place) withSum(t *testing.T) []Step {
	t.Helper()
	steps := p.steps()
	for i, s := range steps {
		if s.From != "" {
			var err error
			if steps[i].SHA256, err = sum(s.From); err != nil {
				t.Fatal(err)
			}
		}
	}
	return steps
}

// the process is killed between every two steps, while it undoes too; the
// next one restores what was there, or ends what was committed.
func TestKilled(t *testing.T) {
	if at := os.Getenv("JOURNAL_TEST_KILL"); at != "" {
		killedChild(t, at)
		return
	}
	t.Parallel()
	steps := len((place{}).steps())
	for n := 1; n <= steps; n++ {
		for _, event := range []string{"recorded", "filling", "done", "undone"} {
			if event == "filling" && (place{}).steps()[n-1].Kind != Fill {
				continue
			}
			t.Run(fmt.Sprintf("%s %d", event, n), func(t *testing.T) {
				t.Parallel()
				p := newPlace(t)
				before := treetest.Tree(t, p.root)
				p.kill(t, fmt.Sprintf("%s %d", event, n))
				_, err := Begin(t.Context(), &run.Runner{}, p.dir, "other work")
				if !errors.Is(err, ErrPending) || hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), "testing") {
					t.Errorf("other work: %v", err)
				}
				lines, err := Recover(t.Context(), p.dir)
				if err != nil || len(lines) == 0 || lines[len(lines)-1] != "as before: testing" {
					t.Errorf("%q, %v", lines, err)
				}
				treetest.Same(t, "recovered", treetest.Tree(t, p.root), before)
				gone(t, p.dir)
			})
		}
	}
	for _, event := range []string{"committed", "discarded"} {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.kill(t, fmt.Sprintf("%s %d", event, steps))
			if lines, err := Recover(t.Context(), p.dir); err != nil || !slices.Equal(lines, []string{"finished: testing"}) {
				t.Errorf("%q, %v", lines, err)
			}
			after := newPlace(t)
			j, err := Begin(t.Context(), &run.Runner{}, after.dir, "testing")
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(j.Do(t.Context(), after.withSum(t)...), j.Commit(after.at("fresh"))); err != nil {
				t.Fatal(err)
			}
			untimed := func(list []string) []string {
				for i := range list {
					list[i] = strings.Join(slices.DeleteFunc(strings.Fields(list[i]), func(w string) bool {
						return strings.Contains(w, "00:00") || strings.Contains(w, ":") && strings.Contains(w, ".") || strings.HasPrefix(w, "20")
					}), " ")
				}
				return list
			}
			treetest.Same(t, "finished", untimed(treetest.Tree(t, p.root)), untimed(treetest.Tree(t, after.root)))
			if _, err := os.Stat(p.at("fresh")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("what was to be discarded: %v", err)
			}
			gone(t, p.dir)
		})
	}
}

// kill has a child of this test do the steps and kill itself at an event.
func (p place) kill(t *testing.T, at string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	c.Env = append(os.Environ(), "JOURNAL_TEST_KILL="+at, "JOURNAL_TEST_ROOT="+p.root, "JOURNAL_TEST_DIR="+p.dir)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child was to be killed: %v\n%s", err, out)
	}
}

// killedChild is the process that is killed.
func killedChild(t *testing.T, at string) {
	p := place{os.Getenv("JOURNAL_TEST_ROOT"), os.Getenv("JOURNAL_TEST_DIR")}
	ctx := context.Background()
	j, err := Begin(ctx, &run.Runner{}, p.dir, "testing")
	if err != nil {
		t.Fatal(err)
	}
	steps := p.withSum(t)
	j.after = func(event string, n int) error {
		if event == "recorded" && steps[n-1].Kind == Write { // as if it had been at it
			path := steps[n-1].Path
			temp := fmt.Sprintf("%s/.%s.%d-0.tmp", filepath.Dir(path), filepath.Base(path), os.Getpid())
			if err := os.WriteFile(temp, []byte("ha"), 0o600); err != nil {
				return err
			}
			defer os.Remove(temp)
		}
		if fmt.Sprintf("%s %d", event, n) == at {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			select {}
		}
		return nil
	}
	err = j.Do(ctx, steps...)
	if strings.HasPrefix(at, "undone") {
		_, err = j.Undo()
	} else if err == nil {
		err = j.Commit(p.at("fresh"))
	}
	t.Fatal(err)
}

// A run that was interrupted is not begun anew by a signal: what ctx says counts
// before each step, and undoing does not heed it.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	before := treetest.Tree(t, p.root)
	ctx, cancel := context.WithCancel(t.Context())
	j, err := Begin(ctx, &run.Runner{}, p.dir, "testing")
	if err != nil {
		t.Fatal(err)
	}
	j.after = func(_ string, n int) error {
		if n == 5 {
			cancel()
		}
		return nil
	}
	if err := j.Do(ctx, p.withSum(t)...); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := j.Undo(); err != nil {
		t.Error(err)
	}
	treetest.Same(t, "interrupted", treetest.Tree(t, p.root), before)

	// A copy that is not what was planned.
	j, err = Begin(t.Context(), &run.Runner{}, p.dir, "testing")
	if err != nil {
		t.Fatal(err)
	}
	err = j.Do(t.Context(), Step{Kind: Write, Path: p.at("copied"), Mode: 0o644, From: p.at("file"), SHA256: "0"})
	if err == nil || !strings.Contains(err.Error(), "changed while it was copied") {
		t.Error(err)
	}
	if _, err := j.Undo(); err != nil {
		t.Error(err)
	}
	treetest.Same(t, "a wrong copy", treetest.Tree(t, p.root), before)

	// Nothing is moved over what came there meanwhile.
	j, err = Begin(t.Context(), &run.Runner{}, p.dir, "testing")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Do(t.Context(), Step{Kind: Move, Path: p.at("moved"), To: p.at("file")}); err == nil {
		t.Error("a file is moved over another")
	}
	if _, err := j.Undo(); err != nil {
		t.Error(err)
	}
	treetest.Same(t, "a move", treetest.Tree(t, p.root), before)
}

// A dry run prints what a person could type.
func TestLines(t *testing.T) {
	p := place{root: "/r"}
	got := strings.Join(Lines(p.steps()), "\n")
	for _, want := range []string{
		"install -d -m 0755 /r/made\n", "install -m 0755 /r/program /r/copied\n", "ln -sfn elsewhere /r/file\n", "rm -d /r/gone\n",
		"install -m 0644 /dev/stdin /r/file <<'END'\nnewEND\n", "mv --exchange --no-target-directory /r/fresh /r/folder\n", "/r/program /r/ran",
		"install -d -m 0750 /r/filled\ninstall -d -m 0711 /r/filled/inner\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"schema":1,"what":"x","pid":1}` + "\n" + `{"step":{"kind":"write","path":"/a"},"before":[{"path":"/a","is":"nothing"}]}` + "\n" + `{"commit":true,"discard":["/a"]}` + "\n"))
	f.Add([]byte(`{"schema":1}` + "\n" + `{"step":{"kind":"run"}}` + "\n"))
	f.Add([]byte(`{"schema":1}` + "\n" + `{"step":{"kind":"swap","path":"/a","to":"b"},"before":[{},{}]}` + "\n"))
	f.Add([]byte(`{"schema":2}` + "\n"))
	f.Add([]byte(`{"schema":1`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parse(data)
		if err != nil {
			return
		}
		for i, rec := range list {
			if i == 0 || rec.Commit {
				continue
			}
			for n, path := range rec.Step.paths() {
				if !filepath.IsAbs(path) || rec.Before[n].Path != path || !filepath.IsLocal(filepath.Join(".", rec.Before[n].Backup)) {
					t.Errorf("%q is accepted", path)
				}
			}
		}
	})
}
