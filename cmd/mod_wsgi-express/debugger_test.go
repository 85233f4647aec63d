//go:build linux

package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// hears is what has come from a terminal.
type hears struct {
	sync.Mutex
	text string
}

func (h *hears) Write(p []byte) (int, error) {
	h.Lock()
	defer h.Unlock()
	h.text += string(p)
	return len(p), nil
}

// past takes what came up to a word, once it has come.
func (h *hears) past(word string) bool {
	h.Lock()
	defer h.Unlock()
	_, rest, found := strings.Cut(h.text, word)
	if found {
		h.text = rest
	}
	return found
}

// The debugger talks on the terminal that the server runs on: after loading, at
// breakpoints of requests, and at what an application raises.
func TestDebugger(t *testing.T) {
	p := newPlace(t)
	app := p.write("app.wsgi", "def application(environ, start_response):\n"+
		"    half = 21\n"+
		"    start_response('200 OK', [])\n"+
		"    if environ['PATH_INFO'] == '/boom':\n"+
		"        secret = half * 2\n"+
		"        raise KeyError('boom')\n"+
		"    return [b'fine']\n")
	person, program := terminal(t)
	s := &server{place: p, port: freePort(t)}
	s.cmd = p.command(p.arguments(s.port, []string{"app.wsgi", "--enable-debugger", "--debugger-startup", "--host", "127.0.0.1"})...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = program, program, program
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	var said hears
	go io.Copy(&said, person)
	s.launch()

	type answer struct {
		status int
		body   string
	}
	ask := func(path string) chan answer {
		got := make(chan answer, 1)
		go func() {
			res, err := http.Get(s.url + path)
			if err != nil {
				got <- answer{0, err.Error()}
				return
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body) // what is missing is seen
			got <- answer{res.StatusCode, string(body)}
		}()
		return got
	}
	talk := func(person *os.File, turns ...[2]string) {
		t.Helper()
		for _, turn := range turns {
			p.until("the terminal says "+turn[0], func() bool { return said.past(turn[0]) })
			p.until("it asks", func() bool { return said.past("(Pdb) ") })
			if _, err := person.WriteString(turn[1] + "\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	talk(person, [2]string{"The application is loaded", "b " + app + ":3"}, [2]string{"Breakpoint 1", "c"}) // nobody has asked for anything
	first := ask("/")
	talk(person, [2]string{"start_response", "p half"}, [2]string{"21", "cl 1"}, [2]string{"Deleted", "c"})
	if got := <-first; got != (answer{200, "fine"}) {
		t.Errorf("%+v", got)
	}
	boom := ask("/boom")
	talk(person, [2]string{"KeyError: 'boom'", "p secret"}, [2]string{"42", "q"})
	if got := <-boom; got.status != 500 {
		t.Errorf("%+v", got)
	}
	s.stop(syscall.SIGTERM)
}
