package matrix

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"modwsgi/internal/run"
)

// A program that is killed while it proves a module leaves no server behind. The
// test is its own child.
func TestServerIsTied(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	if os.Getenv("MATRIX_TEST_TIED") != "" {
		s, err := NewServer(t.Context(), r, target, theMPMs(t, r, target.Apache)[0])
		if err != nil {
			t.Fatal(err)
		}
		s.Conf.Global = []string{"WSGIDaemonProcess apart threads=1"}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%d %q\n", s.PID, s.Root)
		select {} // until it is killed
	}
	c := exec.Command(os.Args[0], "-test.run=^TestServerIsTied$")
	c.Env = append(os.Environ(), "MATRIX_TEST_TIED=1", "MODWSGI_MATRIX_MODULE="+target.Module)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Wait() }() // killed, which it says
	defer func() { _ = c.Process.Kill() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	var pid int
	var root string
	if _, scanErr := fmt.Sscanf(line, "%d %q", &pid, &root); err != nil || scanErr != nil {
		t.Fatalf("%q: %v, %v", line, err, scanErr)
	}
	defer os.RemoveAll(root)
	all := family(processTable(), pid)
	if len(all) < 3 {
		t.Fatalf("the server has only %v", all)
	}
	defer func() {
		if t.Failed() { // it is still there
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	left := func() (list []Process) {
		for _, p := range all {
			for _, now := range processTable() {
				if now.PID == p.PID && now.State != 'Z' {
					list = append(list, now)
				}
			}
		}
		return list
	}
	for limit := time.After(30 * time.Second); len(left()) > 0; {
		select {
		case <-limit:
			t.Fatalf("left: %v", left())
		case <-time.After(pollInterval):
		}
	}
}
