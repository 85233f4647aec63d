package pack

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// root is a layer above a pristine Debian, entered with chroot.
type root struct {
	t   *testing.T
	dir string
}

// newRoot mounts a layer; nothing of the folder below it changes.
func newRoot(t *testing.T, below string) root {
	t.Helper()
	base := t.TempDir()
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := root{t, filepath.Join(base, "root")}
	for _, args := range [][]string{
		{"-t", "overlay", "overlay", "-o", "lowerdir=" + below + ",upperdir=" + filepath.Join(base, "upper") + ",workdir=" + filepath.Join(base, "work"), r.dir},
		{"-t", "proc", "proc", filepath.Join(r.dir, "proc")},
		{"--rbind", "/dev", filepath.Join(r.dir, "dev")},
		{"--make-rslave", filepath.Join(r.dir, "dev")},
	} {
		if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
			t.Skipf("nothing can be mounted here: %v: %s", err, out)
		}
		if args[0] == "-t" && args[1] == "overlay" {
			t.Cleanup(func() {
				if out, err := exec.Command("umount", "-R", r.dir).CombinedOutput(); err != nil {
					t.Errorf("umount: %v: %s", err, out)
				}
			})
		}
	}
	for _, name := range []string{"/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"} {
		r.copy(name, name)
	}
	return r
}

// copy puts a file or folder into the root, if it is there.
func (r root) copy(from, to string) {
	r.t.Helper()
	if _, err := os.Stat(from); err != nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Join(r.dir, to)), 0o755); err != nil { // the smallest roots lack some
		r.t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-aLT", from, filepath.Join(r.dir, to)).CombinedOutput(); err != nil {
		r.t.Fatalf("cp %s: %v: %s", from, err, out)
	}
}

// script runs one of testdata in the root.
func (r root) script(name string, env ...string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(r.t.Context(), 10*time.Minute)
	defer stop()
	// Processes of its own, which end with the script: an init script stops at an
	// Apache of somebody else.
	c := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot", r.dir, "/bin/sh", "-c", "mount -t proc proc /proc && exec /bin/sh")
	c.Stdin = bytes.NewReader(text)
	c.Env = append([]string{"HOME=/root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}, env...)
	out, err := c.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// in a fresh Debian, apt installs the packages that were made in it;
// a2enmod is done; one Apache serves all halves in both modes; an upgrade under
// load loses no request; after removal and purge the tree is as before.
func TestInstalled(t *testing.T) {
	below := os.Getenv("MODWSGI_ROOTFS")
	if below == "" || os.Geteuid() != 0 {
		t.Skip("MODWSGI_ROOTFS names no folder made by debootstrap, or this is not root")
	}
	second := os.Getenv("MODWSGI_ROOTFS_PYTHON")
	program := filepath.Join(t.TempDir(), "mod_wsgi-express")
	c := exec.Command("go", "build", "-trimpath", "-o", program, "modwsgi/cmd/mod_wsgi-express")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	maker := newRoot(t, below)
	maker.copy(program, "/mod_wsgi-express")
	var env []string
	if second != "" {
		maker.copy(second, second)
		env = append(env, "SECOND="+second) // where it is: its programs know
	}
	maker.script("build.sh", env...)

	r := newRoot(t, below)
	for _, name := range []string{"/d1", "/d2"} {
		r.copy(filepath.Join(maker.dir, name), name)
	}
	if second != "" {
		r.copy(second, second)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	out := r.script("install.sh", append(env, "PORT="+strconv.Itoa(port))...)
	t.Logf("%s", out)
	if !strings.HasSuffix(out, "tree as before\n") {
		t.Error("it did not come to its end")
	}
	out = r.script("autopkgtest.sh") // E-5
	t.Logf("%s", out)
	if !strings.HasSuffix(out, "tested as installed\n") {
		t.Error("it did not come to its end")
	}
}
