//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"modwsgi/internal/treetest"
)

// terminal opens a pseudo-terminal: what a person holds, and what the program
// sees.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	fd := int(person.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { person.Close(); program.Close() })
	return person, program
}

// A128 A129
// On a terminal a change of its size is no reason to stop, and ^C is.
func TestTerminal(t *testing.T) {
	p := newPlace(t)
	person, program := terminal(t)
	s := &server{place: p, port: freePort(t)}
	s.cmd = p.command(p.arguments(s.port, []string{"app.wsgi"})...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = program, program, program
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	go io.Copy(&s.out, person)
	s.launch()
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 10, Col: 40}); err != nil {
		t.Fatal(err)
	}
	s.want("/", 200, "SN=")
	if s.hasEnded() {
		t.Fatal("the new size of the terminal ended it")
	}
	if pid := s.cmd.Process.Pid; fileHas(fmt.Sprintf("/proc/%d/cmdline", pid), "httpd.conf") {
		t.Error("it became httpd, though somebody is watching")
	}
	if _, err := person.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	if code := s.wait(); code != 0 {
		t.Errorf("^C ends it with %d", code)
	}

	// What httpd says of its end is what the command says.
	include := p.write("bad.conf", "NoSuchDirective On\n")
	cmd := p.command(p.arguments(freePort(t), []string{"app.wsgi", "--include-file", include})...)
	cmd.Stdout = program
	var said strings.Builder
	cmd.Stderr = &said
	began := time.Now()
	_ = cmd.Run() // its status is the point
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(said.String(), "NoSuchDirective") || !strings.Contains(said.String(), "see "+p.path("root/error_log")) {
		t.Errorf("after %v: %d %s", time.Since(began), code, said.String())
	}
}

// 5.2: a command that is killed on its terminal leaves no server behind.
func TestTerminalKilled(t *testing.T) {
	p := newPlace(t)
	person, program := terminal(t)
	s := &server{place: p, port: freePort(t)}
	s.cmd = p.command(p.arguments(s.port, []string{"app.wsgi"})...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = program, program, program
	go io.Copy(&s.out, person)
	s.launch()
	s.want("/", 200, "SN=")
	text, err := os.ReadFile(p.path("root/httpd.pid"))
	if err != nil {
		t.Fatal(err)
	}
	httpd := "/proc/" + strings.TrimSpace(string(text)) + "/cmdline"
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.until("httpd has ended", func() bool { return !fileHas(httpd, "httpd.conf") })
}

func fileHas(path, text string) bool {
	data, _ := os.ReadFile(path)
	return strings.Contains(string(data), text)
}

// on a terminal uninstalling asks whether to enable again what was disabled, if
// nobody has said it; without an answer nothing is changed.
func TestUninstallAsks(t *testing.T) {
	x := newInstalling(t)
	x.want(0, "LoadModule", "build")
	module, err := os.ReadFile(x.path("build/mod_wsgi.so"))
	if err != nil {
		t.Fatal(err)
	}
	line := "LoadModule wsgi_module \"" + strings.ReplaceAll(x.write("other/mod_wsgi.so", string(module)), `"`, `\"`) + "\"\n"
	site := filepath.Join(x.info.ConfDir, "conf-enabled", "site.conf")
	uninstall := func(typed string, words ...string) (string, int) {
		t.Helper()
		person, program := terminal(t)
		cmd := x.command(append([]string{"uninstall"}, words...)...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		var said strings.Builder
		read := make(chan struct{})
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		program.Close()
		go func() {
			defer close(read)
			buf := make([]byte, 1024)
			for typing := typed; ; {
				n, err := person.Read(buf)
				said.Write(buf[:n])
				if typing != "" && strings.HasSuffix(said.String(), "[y/N] ") {
					_, err = person.WriteString(typing)
					typing = ""
				}
				if err != nil {
					return // nobody has the other end any more
				}
			}
		}()
		err := cmd.Wait()
		<-read
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return said.String(), cmd.ProcessState.ExitCode()
	}
	for _, answer := range []string{"y\n", "n\n"} {
		if err := os.WriteFile(site, []byte(line), 0o644); err != nil {
			t.Fatal(err)
		}
		before := x.tree()
		x.want(0, proved, "install", "--other-module", "replace")
		installed := x.tree()
		for _, none := range []string{"\x03", "\x04"} { // ^C and ^D
			if out, code := uninstall(none); code == 0 || !strings.Contains(out, "nothing is changed") {
				t.Errorf("%q: %d %s", none, code, out)
			}
			treetest.Same(t, "no answer", x.tree(), installed)
		}
		out, code := uninstall(answer)
		if question := "site.conf:1 is disabled, since this was installed. Enable it again? [y/N] "; code != 0 || strings.Count(out, question) != 1 || !strings.Contains(out, "uninstalled from") {
			t.Errorf("%q: %d %s", answer, code, out)
		}
		if answer == "y\n" {
			treetest.Same(t, "enabled again", x.tree(), before)
		} else if data, err := os.ReadFile(site); err != nil || string(data) != "#modwsgi# "+line || !strings.Contains(out, "--restore reverts that") {
			t.Errorf("%q, %v: %s", data, err, out)
		}
	}

	// What is said is not asked.
	if err := os.WriteFile(site, []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
	x.want(0, proved, "install", "--other-module", "replace")
	if out, code := uninstall("", "--restore"); code != 0 || strings.Contains(out, "[y/N]") {
		t.Errorf("%d %s", code, out)
	}
}
