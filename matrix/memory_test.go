package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"modwsgi/internal/run"
)

// perMode runs the test in each mode under the first MPM.
func perMode(t *testing.T, test func(t *testing.T, r *run.Runner, cell Cell)) {
	t.Helper()
	r := &run.Runner{}
	target := theTarget(t, r)
	mpms := theMPMs(t, r, target.Apache)
	for _, mode := range Modes() {
		t.Run(string(mode), func(t *testing.T) { test(t, r, Cell{Target: target, MPM: mpms[0], Mode: mode}) })
	}
}

// gauge is the resident memory of the processes of a server, at moments that
// have names. Those of a name are added up.
type gauge struct {
	moments []string
	sizes   map[string][]int // KiB, by name of the process
}

func (g *gauge) read(moment string, processes map[Process]int) {
	if g.sizes == nil {
		g.sizes = map[string][]int{}
	}
	sums := map[string]int{}
	for p, kib := range processes {
		sums[p.Name] += kib
	}
	g.moments = append(g.moments, moment)
	for name, kib := range sums {
		g.sizes[name] = append(g.sizes[name], kib)
	}
}

// flat prints what was read and complains of each process that holds more at
// the end than most KiB above the first reading.
func (g *gauge) flat(t *testing.T, mode Mode, most int) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(g.sizes)) {
		sizes := g.sizes[name]
		var line strings.Builder
		for i, kib := range sizes {
			fmt.Fprintf(&line, "  %s %d KiB", g.moments[i], kib)
		}
		t.Logf("note: memory: %s, %s%s", mode, name, line.String())
		if len(sizes) != len(g.moments) {
			t.Errorf("%s was not there at every moment", name)
		} else if grown := sizes[len(sizes)-1] - sizes[0]; grown > most {
			t.Errorf("%s grew by %d KiB, want at most %d", name, grown, most)
		}
	}
	if len(g.sizes) == 0 {
		t.Errorf("no process was looked at")
	}
}

// TestEchoMemory sends 1 GiB, in the short form 64 MiB, and takes it back at the
// same time.
func TestEchoMemory(t *testing.T) {
	perMode(t, func(t *testing.T, r *run.Runner, cell Cell) {
		c := Case{Name: "echo-memory", App: "upload", Do: func(m *T) {
			m.echo(32<<20, clientTimeout)
			size := theScale(1<<30, 64<<20)
			e := m.echo(int64(size), 5*time.Minute)
			for _, name := range slices.Sorted(maps.Keys(e.grown)) {
				t.Logf("note: memory: %s, %d MiB there and back: %s grew by at most %d KiB meanwhile", cell.Mode, size>>20, name, e.grown[name])
				if e.grown[name] >= 8<<10 {
					t.Errorf("%s grew by %d KiB, want less than 8 MiB", name, e.grown[name])
				}
			}
		}}
		report(t, cell.RunOwn(t.Context(), r, c, false))
	})
}

// TestUploadMemory makes 1,000 uploads of 1 MB by four clients, after 100; in the
// short form 200.
func TestUploadMemory(t *testing.T) {
	perMode(t, func(t *testing.T, r *run.Runner, cell Cell) {
		c := Case{Name: "uploads", App: "upload", Do: func(m *T) {
			var g gauge
			m.uploads(100)
			g.read("after 100 uploads", m.memory())
			for n := 1; n <= 2; n++ {
				m.uploads(theScale(500, 100))
				g.read(fmt.Sprint(100+n*theScale(500, 100)), m.memory())
			}
			g.flat(t, cell.Mode, 2<<10)
		}}
		report(t, cell.RunOwn(t.Context(), r, c, false))
	})
}

// uploads makes n uploads of 1 MB, by four clients that keep their connection
// for twenty-five each.
func (t *T) uploads(n int) {
	const clients, kept = 4, 25
	body := noise(1_000_000)
	want := digested(body)
	for ; n > 0; n -= clients * kept {
		var all sync.WaitGroup
		for range clients {
			c := t.Dial()
			all.Go(func() {
				defer c.Close()
				for range kept {
					if err := c.Request(t.bytes(Request{Method: "POST", Path: "/sha256", Body: body}, false)); err != nil {
						t.Errorf("sending: %v", err)
						return
					}
					r, err := c.Read("POST")
					if err != nil || r.Status != 200 || string(r.Body) != want {
						t.Errorf("status %d, %q, %v", r.Status, clip(r.Body), err)
						return
					}
				}
			})
		}
		all.Wait()
	}
}

// TestRequestMemory makes 1,000,000 requests by sixteen clients, after 100,000;
// in the short form 40,000 after 20,000.
func TestRequestMemory(t *testing.T) {
	perMode(t, func(t *testing.T, r *run.Runner, cell Cell) {
		wrk, err := r.LookPath("wrk")
		if err != nil {
			t.Skip("no wrk")
		}
		s, err := startBenchServer(t.Context(), r, cell.Target, cell.Mode, benchCase(cell.Mode))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		}()
		made, g := 0, gauge{}
		for _, until := range []int{theScale(100_000, 20_000), theScale(600_000, 40_000), theScale(1_100_000, 60_000)} {
			for made < until {
				args := []string{"-t2", "-c16", "--latency", "-d" + strconv.Itoa(theScale(5, 1)) + "s", s.url("/")}
				res, err := r.Run(t.Context(), run.Cmd{Path: wrk, Args: args, Timeout: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				got, err := parseWrk(res.Stdout)
				if err != nil {
					t.Fatalf("after %d requests: %v\n%s", made, err, tailOf(s.Server.LogText("error.log")))
				}
				made += got.requests
			}
			m := T{Server: s.Server}
			g.read(fmt.Sprintf("after %d requests", made), m.memory())
		}
		g.flat(t, cell.Mode, 1<<10)
	})
}
