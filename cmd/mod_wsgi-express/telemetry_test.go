package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"modwsgi/internal/browse"
)

// telemetryTitle is what the service is called: ps shows it as it does other
// services.
const telemetryTitle = "(wsgi:service:telemetry)"

// slowEcho answers at once, or late, or with an error.
const slowEcho = `import time
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/slow"):
        time.sleep(0.8)
    start_response("500 Oh" if path == "/error" else "200 OK", [("Content-Type", "text/plain")])
    return [b"x"]
`

// telemetryPlace is a server with a service beside it; the page's address.
func telemetryPlace(t *testing.T, args ...string) (*server, string) {
	p := newPlace(t)
	program, err := exec.LookPath("mod_wsgi-express")
	if err != nil {
		t.Fatal(err)
	}
	// It is run by the application's user.
	text, err := os.ReadFile(program)
	if err == nil {
		program = p.path("mod_wsgi-express")
		err = os.WriteFile(program, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	p.write("slow.wsgi", slowEcho)
	s := &server{place: p, port: freePort(t)}
	s.cmd = p.command(p.arguments(s.port, append([]string{"slow.wsgi", "--processes", "2", "--threads", "4", "--enable-telemetry",
		"--telemetry-ui-port", strconv.Itoa(port), "--telemetry-interval", "0.5", "--slow-requests", "0.5"}, args...))...)
	s.cmd.Path, s.cmd.Stdout, s.cmd.Stderr = program, &s.out, &s.err
	s.launch()
	page := fmt.Sprintf("http://127.0.0.1:%d/", port)
	s.until("the page is served", func() bool {
		res, err := http.Get(page)
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
	return s, page
}

// load makes n requests of some at once, all of which must be answered.
func (s *server) load(n, atOnce int, path string) {
	s.t.Helper()
	var done sync.WaitGroup
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	close(left)
	for range atOnce {
		done.Go(func() {
			for range left {
				res, err := http.Get(s.url + path)
				if err != nil {
					s.t.Error(err)
					continue
				}
				res.Body.Close()
			}
		})
	}
	done.Wait()
}

// figures are some of data.json.
type figures struct {
	Series struct {
		Requests, Slow, Starts, Ends float64
		Status                       [5]float64
	}
	Processes []struct {
		PID    int
		State  string
		Python string
		Busy   float64
	}
	Ends []struct {
		PID    int
		Reason string
	}
	Intake struct{ Refused uint64 }
}

func (s *server) figures(page string) figures {
	s.t.Helper()
	res, err := http.Get(page + "data.json")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var out figures
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// 3.22, A140, show 4: the service runs as the application's user, under its
// name, and what it counts is what a load tool counts; a process that is killed
// is told of, and the service comes back when it is killed itself.
func TestTelemetryService(t *testing.T) {
	s, page := telemetryPlace(t)
	socket := s.path("root/telemetry.sock")
	if os.Geteuid() == 0 {
		socket = s.path("root/run/telemetry.sock")
	}
	fi, err := os.Stat(socket)
	if err != nil || os.Geteuid() == 0 && fi.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Errorf("the socket: %v %v", fi, err)
	}
	s.until("both processes tell of themselves", func() bool { return len(s.figures(page).Processes) == 2 })
	s.load(1000, 8, "/")
	s.load(20, 4, "/error")
	s.load(3, 3, "/slow")
	var got figures
	s.until("all requests are counted", func() bool { got = s.figures(page); return got.Series.Requests >= 1023 })
	if got.Series.Requests != 1023 || got.Series.Status != [5]float64{0, 1003, 0, 0, 20} || got.Series.Slow != 3 || got.Intake.Refused != 0 {
		t.Errorf("%+v", got)
	}

	victim, starts := got.Processes[0].PID, got.Series.Starts
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.until("the end of a process is told of", func() bool { got = s.figures(page); return len(got.Ends) > 0 })
	if got.Ends[0].PID != victim || got.Ends[0].Reason != "no word" || got.Series.Starts != starts+1 {
		t.Errorf("%+v", got)
	}

	service := pidOf(t, telemetryTitle+"\x00telemetry\x00--listen\x00unix:"+socket)
	if err := syscall.Kill(service, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.until("the service is there again", func() bool {
		res, err := http.Get(page)
		if err != nil {
			return false
		}
		res.Body.Close()
		list := s.figures(page).Processes
		return len(list) == 2 && list[0].Python != "" && list[1].Python != "" // told again: it is another service
	})
	if n := s.figures(page).Series.Starts; n != 0 {
		t.Errorf("%v starts, though all ran before the service", n)
	}
	s.stop(syscall.SIGTERM)
	if _, err := http.Get(page); err == nil {
		t.Error("the service outlives its server")
	}
	if _, err := os.Stat(socket); err == nil {
		t.Error("its socket is left behind")
	}
}

// Where the server root has too long a name for a socket, that is in a folder of
// its own in the one of --socket-prefix.
func TestTelemetrySocketPrefix(t *testing.T) {
	dir, err := os.MkdirTemp("", "s")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, page := telemetryPlace(t, "--server-root", strings.Repeat("long/", 24)+"root", "--socket-prefix", dir)
	s.until("both processes tell of themselves", func() bool { return len(s.figures(page).Processes) == 2 })
	s.stop(syscall.SIGTERM)
	left, err := os.ReadDir(filepath.Join(dir, "telemetry-"+strconv.Itoa(s.port)))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// pidOf is the process whose command line begins with words.
func pidOf(t *testing.T, words string) int {
	t.Helper()
	list, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		if text, err := os.ReadFile(path); err == nil && len(text) > len(words) && string(text[:len(words)]) == words {
			var pid int
			if _, err := fmt.Sscanf(path, "/proc/%d/", &pid); err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("no process %q", words)
	return 0
}

// Show 4: the page in a browser while there is load has the figures of the tool
// that makes it.
func TestTelemetryPage(t *testing.T) {
	b := browse.Start(t)
	s, page := telemetryPlace(t)
	b.Open(page, browse.Look{Name: "load", Width: 1280, Height: 900})
	b.Wait(`document.getElementById("state").textContent === "Live"`)
	requests := 0
	for _, atOnce := range []int{1, 4, 8, 2, 8} {
		s.load(400*atOnce, atOnce, "/")
		s.load(2, 2, "/slow/<b>"+fmt.Sprint(atOnce))
		requests += 400*atOnce + 2
	}
	b.Wait(fmt.Sprintf(`document.getElementById("figure-requests").lastChild.textContent === (%d).toLocaleString("en")`, requests))
	b.Wait(`document.getElementById("figure-slow").lastChild.textContent === "10"`)
	b.Wait(`document.getElementById("figure-errors").lastChild.textContent === "0"`)
	b.Wait(fmt.Sprintf(`Math.round([...state.rows.values()].reduce((sum, row) => sum + row[column.requests], 0)) === %d`, requests))
	b.Screenshot("load")
	b.Open(page, browse.Look{Name: "load-phone-dark", Width: 360, Height: 740, Dark: true})
	b.Wait(`document.querySelectorAll("#slow tbody tr").length === 10`)
	b.Screenshot("load-phone-dark")
	s.stop(syscall.SIGTERM)
	s.clean()
}
