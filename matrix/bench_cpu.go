package matrix

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is what /proc counts in on every Linux there is.
const ticksPerSecond = 100

// cpuBook is the processor time of a tree of processes, in clock ticks, with that
// of processes which ended. Whoever waits for a child takes over its time
// ([Process.Waited]), so a process that ended is counted there; one that nobody
// in the tree waited for is counted as it was last seen.
type cpuBook struct {
	known map[lifetime]Process // all that were ever seen, as last seen
	live  map[lifetime]bool
}

// lifetime names a process for ever: its number may be given again.
type lifetime struct{ pid, start int }

// see takes the tree as it is now.
func (l *cpuBook) see(now []Process) {
	if l.known == nil {
		l.known = map[lifetime]Process{}
	}
	l.live = map[lifetime]bool{}
	for _, p := range now {
		key := lifetime{p.PID, p.Start}
		l.known[key] = p
		l.live[key] = true
	}
}

// total is the time that the tree has used since it began.
func (l *cpuBook) total() int {
	in := map[int]bool{} // by pid: those that may have taken over a child's time
	for key := range l.known {
		in[key.pid] = true
	}
	sum := 0
	for key, p := range l.known {
		if l.live[key] || !in[p.Parent] {
			sum += p.Ticks + p.Waited
		}
	}
	return sum
}

// kin are the processes of roots with all that descends from them or shares
// their process groups, those that ended and were not waited for among them.
func kin(all []Process, roots []int) []Process {
	in := map[int]bool{}
	for _, root := range roots {
		in[root] = true
	}
	for grew := true; grew; {
		grew = false
		for _, p := range all {
			if !in[p.PID] && (in[p.Parent] || slices.Contains(roots, p.Group)) {
				in[p.PID], grew = true, true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(p Process) bool { return !in[p.PID] })
}

// meter follows the processor time of running servers.
type meter struct {
	roots []int
	book  cpuBook
}

// now is the time used so far.
func (m *meter) now() int {
	m.book.see(kin(processTable(), m.roots))
	return m.book.total()
}

// quietDeadline is how long a server may go on after its last client left.
const quietDeadline = 2 * time.Second

// quiet waits until the servers have nothing to do any more: what they still do
// for clients that left must not be counted for whoever comes next.
func (m *meter) quiet() {
	end := time.Now().Add(quietDeadline)
	for last := m.now(); time.Now().Before(end); {
		time.Sleep(25 * time.Millisecond) // a clock tick is 10: nothing to wait on but time
		now := m.now()
		if now == last {
			return
		}
		last = now
	}
}

// Memory is what a contestant holds, measured while no other one runs: pages
// that two share would be divided between them.
type Memory struct {
	Contestant string  `json:"contestant"`
	Processes  int     `json:"processes"`
	Idle       float64 `json:"idle_mb"`                   // PSS of all processes, after one request
	After      float64 `json:"after_mb"`                  // after the load
	AppIdle    float64 `json:"app_idle_mb,omitempty"`     // PSS of the process with the application
	AppRSS     float64 `json:"app_idle_rss_mb,omitempty"` // its VmRSS
	Failed     string  `json:"failed,omitempty"`
}

// pss is the memory of a process in MB, each page divided by how many share it.
func pss(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return pssOf(string(data))
}

func pssOf(text string) (float64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			return float64(kb) / 1024, err
		}
	}
	return 0, fmt.Errorf("no Pss in %q", text)
}

// weigh sums up the memory of the processes of roots.
func weigh(roots []int) (mb float64, n int, err error) {
	for _, p := range kin(processTable(), roots) {
		if p.State == 'Z' {
			continue
		}
		one, err := pss(p.PID)
		if err != nil {
			return 0, 0, fmt.Errorf("the memory of %s: %w", p, err)
		}
		mb += one
		n++
	}
	return mb, n, nil
}
