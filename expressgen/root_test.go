package expressgen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"modwsgi/internal/hint"
)

// server is a small one in dir, named or with the default name.
func server(t *testing.T, dir string, named bool) *Server {
	t.Helper()
	o, f := base(), facts()
	f.TmpDir, f.UID = dir, os.Geteuid()
	if named {
		o.ServerRoot = filepath.Join(dir, "a b", "it's")
	}
	s, err := Generate(o, f)
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

func TestWriteIgnoresUmask(t *testing.T) {
	for _, mask := range []int{0, 0o077} {
		for _, named := range []bool{false, true} {
			dir := t.TempDir()
			s := server(t, dir, named)
			old := syscall.Umask(mask)
			err := Write(s)
			syscall.Umask(old)
			if err != nil {
				t.Fatal(err)
			}
			want := os.FileMode(0o700)
			if s.Super {
				want = 0o711
			}
			if fi, err := os.Stat(s.Root); err != nil || fi.Mode().Perm() != want {
				t.Errorf("umask %03o: %s has mode %v (%v), want %v", mask, s.Root, fi.Mode(), err, want)
			}
			for _, f := range s.Files {
				fi, err := os.Lstat(s.Path(f.Path))
				if err != nil {
					t.Error(err)
				} else if fi.Mode().Perm() != f.Mode.Perm() {
					t.Errorf("umask %03o: %s has mode %v, want %v", mask, f.Path, fi.Mode(), f.Mode)
				}
			}
		}
	}
}

func TestWriteTwice(t *testing.T) {
	s := server(t, t.TempDir(), false)
	if err := Write(s); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"envvars": "X=1\n", "rewrite.conf": "# mine\n", "htdocs/a.txt": "a", "httpd.conf": "spoilt", "runtime/_mwe_runtime/old.py": "old"} {
		if err := os.WriteFile(s.Path(path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(s); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"envvars": "X=1\n", "rewrite.conf": "# mine\n", "htdocs/a.txt": "a", "httpd.conf": contents(t, s, "httpd.conf")} {
		if got, _ := os.ReadFile(s.Path(path)); string(got) != want {
			t.Errorf("%s holds %q", path, got)
		}
	}
	if exists(s.Path("runtime/_mwe_runtime/old.py")) {
		t.Error("a file of an older runtime is still there")
	}
	left, _ := filepath.Glob(s.Path(".*.tmp"))
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A134
func TestUnsafeRoot(t *testing.T) {
	tests := []struct {
		name, want string
		named      bool
		prepare    func(t *testing.T, s *Server)
	}{
		{"link", "it is a link", false, func(t *testing.T, s *Server) { must(t, os.Symlink(t.TempDir(), s.Root)) }},
		{"dangling link", "it is a link", false, func(t *testing.T, s *Server) { must(t, os.Symlink("/nowhere", s.Root)) }},
		{"file", "it is a link or a file", false, func(t *testing.T, s *Server) { must(t, os.WriteFile(s.Root, nil, 0o600)) }},
		{"writable", "others may write there", false, func(t *testing.T, s *Server) { must(t, os.Mkdir(s.Root, 0o700)); must(t, os.Chmod(s.Root, 0o777)) }},
		{"named, writable", "others may write there", true, func(t *testing.T, s *Server) { must(t, os.MkdirAll(s.Root, 0o700)); must(t, os.Chmod(s.Root, 0o770)) }},
		{"foreign", "it belongs to user 12345", false, func(t *testing.T, s *Server) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a folder to somebody else")
			}
			must(t, os.Mkdir(s.Root, 0o700))
			must(t, os.Chown(s.Root, 12345, 12345))
		}},
		{"no sticky bit", "anybody may rename folders", false, func(t *testing.T, s *Server) { must(t, os.Chmod(filepath.Dir(s.Root), 0o777)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := server(t, t.TempDir(), tt.named)
			tt.prepare(t, s)
			for what, err := range map[string]error{"ready": Ready(s), "write": Write(s)} {
				var unsafe *UnsafeRoot
				if !errors.As(err, &unsafe) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: %v, want %s", what, err, tt.want)
				}
			}
			if entries, _ := os.ReadDir(s.Root); len(entries) > 0 {
				t.Errorf("%d entries were written through it", len(entries))
			}
		})
	}
}

// A link is fine where the folder was named and what it leads to is ours.
// A folder with a name that anybody can guess is made, and taken again; what
// somebody else has put there is not.
func TestPrivateFolder(t *testing.T) {
	s := server(t, t.TempDir(), true)
	s.UID, s.GID = os.Geteuid(), os.Getegid()
	at := filepath.Join(t.TempDir(), "f")
	s.Folders = []Folder{{Path: at, Mode: 0o700, Owned: true, Private: true}}
	for range 2 {
		must(t, Ready(s))
		must(t, Write(s))
	}
	refused := func(want string) {
		t.Helper()
		for _, err := range []error{Ready(s), Write(s)} {
			if err == nil || !strings.Contains(err.Error(), at+": "+want) || !strings.Contains(hint.Of(err), "--socket-prefix") {
				t.Errorf("%v (%s), want %s", err, hint.Of(err), want)
			}
		}
	}
	must(t, os.Chmod(at, 0o777))
	refused("others may write there (mode 0777)")
	if os.Geteuid() == 0 {
		must(t, os.Chmod(at, 0o700))
		must(t, os.Chown(at, 1, 1))
		refused("it belongs to user 1")
	}
	must(t, os.Remove(at))
	must(t, os.Symlink(t.TempDir(), at))
	refused("it is no folder")
}

func TestNamedRootMayBeALink(t *testing.T) {
	s := server(t, t.TempDir(), true)
	must(t, os.MkdirAll(filepath.Dir(s.Root), 0o700))
	real := t.TempDir()
	must(t, os.Chmod(real, 0o700))
	must(t, os.Symlink(real, s.Root))
	if err := Write(s); err != nil {
		t.Fatal(err)
	}
	if !exists(filepath.Join(real, "httpd.conf")) {
		t.Error("nothing was written")
	}
}

func TestAlreadyRunning(t *testing.T) {
	if !exists("/proc/self/cmdline") {
		t.Skip("this system does not show command lines in /proc")
	}
	s := server(t, t.TempDir(), false)
	must(t, Write(s))
	must(t, Ready(s))
	// A process that only looks like the server, and waits until it is let go.
	cmd := exec.Command("/bin/sh", "-c", "echo; read x", "httpd", "-f", s.Path("httpd.conf"), "-k", "start")
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer cmd.Wait()
	defer in.Close()
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil { // it runs by now
		t.Fatal(err)
	}
	pid := func(text string) { must(t, os.WriteFile(s.Path("httpd.pid"), []byte(text), 0o600)) }
	pid(itoa(cmd.Process.Pid) + "\n")
	if err := Ready(s); err == nil || !strings.Contains(err.Error(), "a server runs from "+s.Root+" already (pid "+itoa(cmd.Process.Pid)+")") {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{itoa(os.Getpid()), "0", "-1", "x", ""} {
		pid(text)
		if err := Ready(s); err != nil {
			t.Errorf("pid file %q: %v", text, err)
		}
	}
}

func TestPortFree(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
	err = PortFree(s)
	if err == nil || !strings.Contains(err.Error(), "port "+itoa(s.Port)+" of 127.0.0.1 is in use") {
		t.Errorf("got %v", err)
	}
	if _, noProc := os.Stat("/proc/net/tcp"); noProc == nil && !strings.Contains(err.Error(), "(pid "+itoa(os.Getpid())+")") {
		t.Errorf("got %v, which does not say who", err)
	}
	page := &Server{Host: "127.0.0.1", Telemetry: s.Port}
	if err := PortFree(page); err == nil || !strings.Contains(err.Error(), "port "+itoa(s.Port)+" of 127.0.0.1 is in use") || !strings.Contains(hint.Of(err), "--telemetry-ui-port") {
		t.Errorf("the page of telemetry: %v", err)
	}
	s.Host = ""
	if err := PortFree(s); err == nil || !strings.Contains(err.Error(), "of any address is in use") {
		t.Errorf("got %v", err)
	}
	l.Close()
	if err := PortFree(s); err != nil {
		t.Errorf("a free port: %v", err)
	}
	s.Host = "192.0.2.1"
	if err := PortFree(s); err == nil || !strings.Contains(err.Error(), "192.0.2.1 is not an address of this machine") {
		t.Errorf("got %v", err)
	}
}

// TestPortLeftBehind: what a killed httpd left of a root is named as such, with
// the signal that ends it.
func TestPortLeftBehind(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to be a child that listens")
	}
	s := server(t, t.TempDir(), true)
	cmd := exec.Command(python, "-c", "import socket\ns = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\ninput()",
		"-f", s.Path("httpd.conf"), "-DX")
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer func() { in.Close(); _ = cmd.Wait() }()
	if _, err := fmt.Fscan(out, &s.Port); err != nil {
		t.Fatal(err)
	}
	s.Host = "127.0.0.1"
	pid := 0
	if pids := listeners(s.Port); len(pids) == 1 {
		pid = pids[0] // of a shim it need not be that of cmd
	}
	want := "left behind by a server of this root that was killed; end it: kill -9 " + itoa(pid)
	if got := hint.Of(PortFree(s)); !strings.Contains(got, want) {
		t.Errorf("advice %q, want %q", got, want)
	}
}

// TestRootCannotBeMade names the root, not only the folder at fault.
func TestRootCannotBeMade(t *testing.T) {
	s := server(t, t.TempDir(), true)
	must(t, os.WriteFile(filepath.Dir(s.Root), nil, 0o600)) // a file where its parent should be
	err := Write(s)
	if err == nil || !strings.Contains(err.Error(), "server root "+s.Root+": ") || !strings.Contains(hint.Of(err), "--server-root") {
		t.Errorf("got %v, advice %q", err, hint.Of(err))
	}
}

// TestAccessOfAnEnvironment: one that is open is of no use if the Python it was
// made with lies in a closed folder.
func TestAccessOfAnEnvironment(t *testing.T) {
	dir := t.TempDir()
	for at := dir; at != "/" && at != "/tmp"; at = filepath.Dir(at) {
		if os.Chmod(at, 0o755) != nil {
			t.Skipf("%s is not ours to open", at)
		}
	}
	venv, private := filepath.Join(dir, "venv"), filepath.Join(dir, "private")
	must(t, os.Mkdir(venv, 0o755))
	must(t, os.MkdirAll(filepath.Join(private, "python"), 0o755))
	must(t, os.Chmod(private, 0o700))
	o, d := base(), Discovery{Facts: facts()}
	o.WorkingDirectory = "/"
	d.Facts.UID, d.Facts.PythonHome = 0, venv
	a := account{user: "somebody", uid: os.Geteuid() + 1}
	d.Python.BasePrefix = "/usr"
	if err := d.checkAccess(&o, a); err != nil {
		t.Errorf("all is open: %v", err)
	}
	d.Python.BasePrefix = filepath.Join(private, "python")
	if err := d.checkAccess(&o, a); err == nil || !strings.Contains(err.Error(), private+" is closed to that user") {
		t.Errorf("got %v", err)
	}
}

func TestBlocked(t *testing.T) {
	dir := t.TempDir()
	for at := dir; at != "/" && at != "/tmp"; at = filepath.Dir(at) {
		if os.Chmod(at, 0o755) != nil {
			t.Skipf("%s is not ours to open", at)
		}
	}
	home := filepath.Join(dir, "home")
	must(t, os.MkdirAll(filepath.Join(home, "venv"), 0o755))
	other := os.Geteuid() + 1
	if got := blocked(filepath.Join(home, "venv"), other, nil); got != "" {
		t.Errorf("open to all, but %s is said to be closed", got)
	}
	must(t, os.Chmod(home, 0o700))
	if got := blocked(filepath.Join(home, "venv"), other, nil); got != home {
		t.Errorf("got %q, want %s", got, home)
	}
	must(t, os.Chmod(home, 0o750))
	if got := blocked(filepath.Join(home, "venv"), other, []int{os.Getegid()}); got != "" {
		t.Errorf("open to the group, but %s is said to be closed", got)
	}
	if got := blocked(filepath.Join(home, "nothing", "here"), other, []int{os.Getegid()}); got != "" {
		t.Errorf("what is not there is said to be closed at %s", got)
	}
}

func TestOpenToOthers(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, folder, mode os.FileMode) string {
		at := filepath.Join(dir, name)
		must(t, os.MkdirAll(at, 0o700))
		must(t, os.WriteFile(filepath.Join(at, "f"), nil, 0o600))
		must(t, os.Chmod(filepath.Join(at, "f"), mode))
		must(t, os.Chmod(at, folder))
		return filepath.Join(at, "f")
	}
	want := []string{file("a", 0o755, 0o666), file("b", 0o777, 0o644)}
	got := openToOthers([]string{"", want[0], file("c", 0o755, 0o644), want[1], file("d", 0o777|os.ModeSticky, 0o600)})
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
