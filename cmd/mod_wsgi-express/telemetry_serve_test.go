package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// A016: the numbers reach a socket that somebody else listens on.
func TestTelemetry(t *testing.T) {
	p := newPlace(t)
	dir, err := os.MkdirTemp("", "tel")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = os.Chmod(socket, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := p.start("app.wsgi", "--telemetry-service", "unix:"+socket, "--telemetry-interval", "0.5", "--slow-requests", "2", "--telemetry-options", "-CaptureUserAgent")
	s.want("/", 200, "")
	if err := conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	if n, err := conn.Read(buf); err != nil || n == 0 {
		t.Errorf("nothing was sent: %d %v", n, err)
	}
	for _, want := range []string{"\nWSGITelemetryOptions -CaptureUserAgent\n", "\nWSGISlowRequests 2\n", " interval=0.5\n"} {
		if !fileHas(p.path("root/httpd.conf"), want) {
			t.Errorf("no %q", want)
		}
	}
	s.stop(syscall.SIGTERM)
}

// A140: the page of --enable-telemetry is there while the server is.
func TestTelemetryService(t *testing.T) {
	if !slices.ContainsFunc(commands, func(c struct {
		name, usage string
		grammar     func() grammar
		public      bool
	}) bool {
		return c.name == "telemetry"
	}) {
		t.Skip("this release has no command telemetry to run")
	}
	p := newPlace(t)
	program, err := exec.LookPath("mod_wsgi-express")
	if err == nil {
		err = os.Chmod(filepath.Dir(filepath.Dir(program)), 0o755) // for the user of the service
	}
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	s := p.start("app.wsgi", "--enable-telemetry", "--telemetry-ui-port", strconv.Itoa(port))
	address := fmt.Sprintf("127.0.0.1:%d", port)
	p.until("the page is there", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	s.stop(syscall.SIGTERM)
	p.until("the page is gone", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}
