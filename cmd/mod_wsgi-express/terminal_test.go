//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
