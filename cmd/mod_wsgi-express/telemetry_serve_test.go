package main

import (
	"net"
	"os"
	"path/filepath"
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
