package provider

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/run"
)

// wholeMachine is this machine's own root as a tree, in which there is a shell.
func wholeMachine(t *testing.T) *tree {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	t.Setenv("TMPDIR", t.TempDir()) // where folders of views are looked for
	m := &tree{id: "rootfs-here", dir: "/", r: &run.Runner{}}
	_, err := m.Run(t.Context(), Command{Program: aScript(t, "exit 0")})
	if missing := (*Missing)(nil); errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// M-16: what is run in a tree sees what it is given, writes where it may, reaches
// nobody but itself, changes nothing of the tree, and leaves neither a process nor
// a mount.
func TestTreeRun(t *testing.T) {
	m := wholeMachine(t)
	results := t.TempDir()
	given := filepath.Join(t.TempDir(), "given")
	if err := os.WriteFile(given, []byte("from here"), 0o644); err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join("/usr/local", "modwsgi-"+filepath.Base(filepath.Dir(results)))
	script := aScript(t, `
cat "$2" > "$1/read"
if echo x 2>/dev/null > "$2"; then echo "what it only reads was written" >&2; exit 1; fi
if echo x 2>/dev/null > /proc/self/oom_score_adj; then echo "/proc was written" >&2; exit 1; fi
ls /tmp > "$1/tmp"; ls / > "$1/top"
echo changed > "$3"
tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' > "$1/devices"
echo x > /dev/null; head -c 4 /dev/urandom > /dev/shm/x; test -e /dev/fd/1
env > "$1/env"
pwd > "$1/pwd"
trap '' HUP TERM
setsid sleep 300 > /dev/null 2>&1 &
echo $! > "$1/pid"`)
	res, err := m.Run(t.Context(), Command{
		Program: script, Args: []string{results, given, mark}, Dir: results, Env: []string{"A=1"}, Read: []string{given}, Write: []string{results}, Timeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err, res.Stderr)
	}
	text := func(name string) string {
		data, err := os.ReadFile(filepath.Join(results, name))
		if err != nil {
			t.Error(err)
		}
		return strings.TrimSpace(string(data))
	}
	for name, want := range map[string]string{"read": "from here", "devices": "lo", "pwd": results} {
		if got := text(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if tmp := strings.Fields(text("tmp")); len(tmp) != 1 { // the folder of tests
		t.Errorf("/tmp is not its own: %v", tmp)
	}
	if env := "\n" + text("env") + "\n"; !strings.Contains(env, "\nA=1\n") || !strings.Contains(env, "\nHOME=/root\n") || strings.Contains(env, os.Args[0]) {
		t.Errorf("environment: %s", env)
	}
	if _, err := os.Stat(mark); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it changed the tree: %v", err)
	}
	// Dead and not yet taken notice of by init is dead too.
	if stat, err := os.ReadFile("/proc/" + text("pid") + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("it left a process: %s", stat)
	}
	wantNothingLeft(t)
	// A run that fails, and one that takes too long, leave nothing either.
	if res, err := m.Run(t.Context(), Command{Program: aScript(t, "exit 7")}); err == nil || res.Code != 7 {
		t.Errorf("%d, %v", res.Code, err)
	}
	if _, err := m.Run(t.Context(), Command{Program: aScript(t, "setsid sleep 300 & sleep 300"), Timeout: 300 * time.Millisecond}); err == nil {
		t.Error("it ended in time")
	}
	wantNothingLeft(t)
}

// Two runs in one tree see nothing of each other, and what one of them leaves is
// ended without the other.
func TestTreeTwice(t *testing.T) {
	m := wholeMachine(t)
	here := t.TempDir()
	wait := aScript(t, `echo $$ > "$1/waits"; n=0
until test -e "$1/go"; do n=$((n+1)); test $n -lt 600; sleep 0.1; done
test ! -e /usr/local/other && echo x > /usr/local/own`)
	other := aScript(t, `until test -e "$1/waits"; do sleep 0.1; done
echo x > /usr/local/other; setsid sleep 300 > /dev/null 2>&1 &`)
	ended := make(chan error, 1)
	go func() {
		_, err := m.Run(t.Context(), Command{Program: wait, Args: []string{here}, Write: []string{here}, Timeout: time.Minute})
		ended <- err
	}()
	if _, err := m.Run(t.Context(), Command{Program: other, Args: []string{here}, Write: []string{here}, Timeout: time.Minute}); err != nil {
		t.Error(err)
	}
	select {
	case err := <-ended:
		t.Fatalf("the first ended with the second: %v", err)
	default:
	}
	if err := os.WriteFile(filepath.Join(here, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	wantNothingLeft(t)
}

// wantNothingLeft looks for mounts and folders of views.
func wantNothingLeft(t *testing.T) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), os.TempDir()) {
		t.Errorf("mounts are left: %v\n%s", err, mounts)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "modwsgi-root-*")); err != nil || len(left) > 0 {
		t.Errorf("folders are left: %v, %v", left, err)
	}
}

// A command whose paths are none, or stand for something of the tree, is refused.
func TestTreeRefuses(t *testing.T) {
	m := wholeMachine(t)
	script := aScript(t, "exit 0")
	for _, c := range []Command{
		{Program: "script"}, {Program: script, Write: []string{"results"}}, {Program: script, Dir: "/srv"}, {Program: script, Read: []string{"/"}},
		{Program: script, Write: []string{"/etc"}}, {Program: script, Read: []string{"/tmp/../etc/passwd"}}, {Program: script, Read: []string{"/proc/1"}},
	} {
		if _, err := m.Run(t.Context(), c); err == nil {
			t.Errorf("%+v was run", c)
		}
	}
	wantNothingLeft(t)
}
