package run

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// script writes an executable shell script to a folder with a space and a
// quote in its name and returns its path.
func script(t *testing.T, body string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), `a "b" c's`)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "fake tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOutput(t *testing.T) {
	r := &Runner{}
	path := script(t, `printf ' %s|' "$@"; echo`)
	got, err := r.Output(t.Context(), "", path, "a b", "", `"c'`, "$HOME")
	if err != nil || got != `a b| | "c'| $HOME|` {
		t.Errorf("Output = %q, %v", got, err)
	}
}

func TestOutputErrors(t *testing.T) {
	r := &Runner{}
	t.Run("quotes what failed", func(t *testing.T) {
		path := script(t, `echo "cannot read config_vars.mk" >&2; echo half; exit 3`)
		got, err := r.Output(t.Context(), "", path, "-q", "A B")
		var e *Error
		if !errors.As(err, &e) || e.Code != 3 || got != "half" {
			t.Fatalf("Output = %q, %#v", got, err)
		}
		want := Line(path, "-q", "A B") + ": exit status 3\ncannot read config_vars.mk"
		if err.Error() != want {
			t.Errorf("error = %q, want %q", err, want)
		}
	})
	t.Run("absent", func(t *testing.T) {
		for _, name := range []string{"no-such-program-here", "/no/such/program"} {
			if _, err := r.Output(t.Context(), "", name); !errors.Is(err, exec.ErrNotFound) {
				t.Errorf("%s: %v does not wrap exec.ErrNotFound", name, err)
			}
		}
	})
	t.Run("not executable", func(t *testing.T) {
		path := script(t, "exit 0")
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Output(t.Context(), "", path); !errors.Is(err, os.ErrPermission) {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("signal", func(t *testing.T) {
		res, err := r.Run(t.Context(), Cmd{Path: script(t, "kill -SEGV $$")})
		if err == nil || res.Code != 128+int(syscall.SIGSEGV) || !strings.Contains(err.Error(), "segmentation") {
			t.Errorf("Run = %d, %v", res.Code, err)
		}
	})
}

// A program that is late is ended with everything it started.
func TestDeadlineEndsTheGroup(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	path := script(t, `sleep 600 & echo $! >"$1"; wait`)
	_, err := (&Runner{}).Run(t.Context(), Cmd{Path: path, Args: []string{pidFile}, Timeout: 300 * time.Millisecond})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error = %v", err)
	}
	pid := strings.TrimSpace(readFile(t, pidFile))
	deadline := time.Now().Add(5 * time.Second)
	for alive(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("grandchild %s lives on", pid)
		}
	}
}

// alive tells whether a process runs: a zombie that nobody waits for does not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestEnvironment(t *testing.T) {
	r := &Runner{Env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/h", "LD_PRELOAD=/x.so", "LD_LIBRARY_PATH=/x", "PYTHONHOME=/x",
		"PYTHONPATH=/x", "PYTHONSTARTUP=/x", "LC_MESSAGES=de_DE", "LANG=de_DE.UTF-8", "BASH_ENV=/x", "KEEP=a b",
	}}
	res, err := r.Run(t.Context(), Cmd{Path: "env", Env: []string{"LD_LIBRARY_PATH=/mine"}})
	if err != nil {
		t.Fatal(err)
	}
	got := "\n" + res.Stdout
	for _, want := range []string{"\nHOME=/h\n", "\nKEEP=a b\n", "\nLC_ALL=C\n", "\nLD_LIBRARY_PATH=/mine\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("environment lacks %q", want)
		}
	}
	for _, bad := range []string{"LD_PRELOAD", "LD_LIBRARY_PATH=/x", "PYTHON", "LC_MESSAGES", "LANG=", "BASH_ENV"} {
		if strings.Contains(got, "\n"+bad) {
			t.Errorf("environment holds %q", bad)
		}
	}
	if r.Getenv("KEEP") != "a b" || r.Getenv("ABSENT") != "" {
		t.Error("Getenv does not read the Runner's environment")
	}
}

// What lies in the working directory is never run by its bare name.
func TestLookPathSkipsRelative(t *testing.T) {
	path := script(t, "exit 0")
	t.Chdir(filepath.Dir(path))
	r := &Runner{Env: []string{"PATH=:."}}
	if got, err := r.LookPath("fake tool"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("LookPath = %q, %v", got, err)
	}
	r.Env = []string{"PATH=/nowhere:" + filepath.Dir(path)}
	if got, err := r.LookPath("fake tool"); err != nil || got != path {
		t.Errorf("LookPath = %q, %v", got, err)
	}
}

func TestLog(t *testing.T) {
	var log bytes.Buffer
	path := script(t, "exit 0")
	r := &Runner{Log: &log}
	if _, err := r.Run(t.Context(), Cmd{Dir: t.TempDir(), Path: path, Args: []string{"it's"}, Env: []string{"A=b c"}}); err != nil {
		t.Fatal(err)
	}
	// The line can be pasted: a shell runs it.
	line := log.String()
	if out, err := exec.Command("/bin/sh", "-c", line).CombinedOutput(); err != nil {
		t.Errorf("sh -c %q: %v\n%s", line, err, out)
	}
	if got := Line("a=b", "c=d"); got != "'a=b' c=d" {
		t.Errorf("Line = %s", got)
	}
}

func TestBounded(t *testing.T) {
	res, err := (&Runner{}).Run(t.Context(), Cmd{Path: "head", Args: []string{"-c", "9000000", "/dev/zero"}})
	if err != nil || len(res.Stdout) != maxOutput || !res.Truncated {
		t.Errorf("kept %d bytes, truncated %v, %v", len(res.Stdout), res.Truncated, err)
	}
}

func TestProcess(t *testing.T) {
	var out bytes.Buffer
	p, err := (&Runner{}).Start(t.Context(), Cmd{Path: script(t, `read line; echo "got $line"; exit 7`),
		Stdin: strings.NewReader("word\n"), Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	res, err := p.Wait()
	if res.Code != 7 || err == nil || out.String() != "got word\n" || res.Stdout != "" {
		t.Errorf("Wait = %+v, %v; output %q", res, err, out.String())
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal after the end: %v", err)
	}
}

// A Runner with more variables has its own and those, and leaves the first as it
// was.
func TestWith(t *testing.T) {
	r := &Runner{Env: []string{"PATH=" + os.Getenv("PATH"), "A=1", "B=1"}, Offline: true}
	with := r.With("B=2")
	for name, want := range map[string]string{"A": "1", "B": "2"} {
		out, err := with.Output(t.Context(), "", "printenv", name)
		if err != nil || out != want || with.Getenv(name) != want {
			t.Errorf("%s is %q and %q, want %q (%v)", name, out, with.Getenv(name), want, err)
		}
	}
	if r.Getenv("B") != "1" || !with.Offline {
		t.Errorf("B is %q, offline %t", r.Getenv("B"), with.Offline)
	}
}

// A program in another root: its path and folder are those in it, and nothing is
// looked up outside.
func TestRoot(t *testing.T) {
	r := &Runner{}
	c := Cmd{Root: "/srv/a root", Path: "/bin/true", Args: []string{"x y"}}
	if got, want := c.Line(), `chroot '/srv/a root' /bin/true 'x y'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := r.Run(t.Context(), Cmd{Root: "/", Path: "true"}); err == nil || !strings.Contains(err.Error(), "not the whole path") {
		t.Errorf("a name without a folder: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may change its root")
	}
	res, err := r.Run(t.Context(), Cmd{Root: "/", Path: "/bin/pwd"})
	if err != nil || strings.TrimSpace(res.Stdout) != "/" {
		t.Errorf("it ran in %q: %v", res.Stdout, err)
	}
}
