package matrix

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"modwsgi/internal/run"
)

// Workload is one thing that contestants are asked for.
type Workload struct {
	Name    string `json:"name"` // as BENCH_ONLY and the path of the application have it
	What    string `json:"what"`
	Upload  int    `json:"upload,omitempty"` // bytes of the request's body; 0: a GET
	Answer  string `json:"-"`                // what the body must be; "" where Length says it
	Length  int    `json:"-"`
	Clients []int  `json:"clients"`
	Fixed   bool   `json:"-"` // Clients are not a matter of choice
	// Who takes part: servers of files can answer with a file, and what only
	// writes a few bytes only that. Some workloads are for a few.
	File  bool     `json:"file,omitempty"`
	Floor bool     `json:"floor,omitempty"`
	Few   []string `json:"few,omitempty"`
}

const (
	tenKB     = 10 << 10
	megabyte  = 1 << 20
	hundredMB = 100 << 20
	greeting  = "Hello World!"
)

// workloads are all there are, in the order of the report.
func workloads() []Workload {
	all := []int{1, 16, 64}
	few := []string{OursDaemon, OriginalDaemon}
	return []Workload{
		{Name: "hello", What: "GET, 12 bytes", Answer: greeting, Clients: all, File: true, Floor: true},
		{Name: "10k", What: "GET, 10 kB", Length: tenKB, Clients: all, File: true},
		{Name: "1M", What: "GET, 1 MB in one string", Length: megabyte, Clients: all, File: true},
		{Name: "upload", What: "POST, 1 MB read whole", Upload: megabyte, Answer: strconv.Itoa(megabyte), Clients: all},
		{Name: "cpu", What: "GET, some 2 ms of Python", Answer: cpuAnswer, Clients: all},
		{Name: "upload100", What: "POST, 100 MB read in pieces", Upload: hundredMB, Answer: strconv.Itoa(hundredMB), Clients: []int{1}, Fixed: true, Few: few},
		{Name: "download100", What: "GET, 100 MB by wsgi.file_wrapper", Length: hundredMB, Clients: []int{1}, Fixed: true, Few: few},
	}
}

// cpuAnswer is what the fixed work of the application comes to.
const cpuAnswer = "1476426065"

// BenchPlan says how much is measured.
type BenchPlan struct {
	Quick       bool          `json:"quick"`
	Rounds      int           `json:"rounds"`
	Each        time.Duration `json:"each"` // of one run of wrk, whole seconds
	Workloads   []Workload    `json:"workloads"`
	Contestants []string      `json:"contestants"` // ids
	Memory      bool          `json:"memory"`
	Builds      bool          `json:"builds"` // also how long builds and starts take
}

// The parts of a benchmark that are no workload.
const (
	partMemory = "memory"
	partBuilds = "builds"
)

// NewBenchPlan is the plan for BENCH=quick or not, and for what BENCH_ONLY
// names: workloads, contestants, numbers of clients as "c16", and the parts
// "memory" and "builds", apart by commas. Of each kind that it does not name
// everything is measured; if it names a part only, nothing but parts.
func NewBenchPlan(quick bool, only string) (BenchPlan, error) {
	p := BenchPlan{Quick: quick, Rounds: 6, Each: time.Second}
	clients := []int{1, 16, 64}
	if quick {
		p.Rounds, clients = 2, []int{16}
	}
	var names, ids, parts, unknown []string
	var counts []int
	for word := range strings.FieldsFuncSeq(only, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(strings.TrimPrefix(word, "c"))
		switch {
		case slices.ContainsFunc(workloads(), func(w Workload) bool { return w.Name == word }):
			names = append(names, word)
		case slices.Contains(contestantIDs(), word):
			ids = append(ids, word)
		case word == partMemory || word == partBuilds:
			parts = append(parts, word)
		case strings.HasPrefix(word, "c") && err == nil && n > 0 && n <= benchThreads:
			counts = append(counts, n)
		default:
			unknown = append(unknown, word)
		}
	}
	if len(unknown) > 0 {
		return p, fmt.Errorf("BENCH_ONLY: unknown %s; known are workloads (%s), contestants (%s), clients (c1 to c%d), %s and %s",
			strings.Join(unknown, ", "), strings.Join(workloadNames(), " "), strings.Join(contestantIDs(), " "), benchThreads, partMemory, partBuilds)
	}
	if len(counts) > 0 {
		clients = counts
	}
	everything := len(names) == 0 && len(parts) == 0
	for _, w := range workloads() {
		if !everything && !slices.Contains(names, w.Name) || quick && everything && w.Fixed {
			continue
		}
		if !w.Fixed {
			w.Clients = slices.Clone(clients)
		}
		p.Workloads = append(p.Workloads, w)
	}
	for _, id := range contestantIDs() {
		if len(ids) == 0 || slices.Contains(ids, id) {
			p.Contestants = append(p.Contestants, id)
		}
	}
	p.Memory = everything || slices.Contains(parts, partMemory)
	p.Builds = everything && !quick || slices.Contains(parts, partBuilds)
	return p, nil
}

func workloadNames() []string {
	var names []string
	for _, w := range workloads() {
		names = append(names, w.Name)
	}
	return names
}

// takes says whether a contestant takes part in w.
func (w Workload) takes(id string) bool {
	switch {
	case w.Few != nil:
		return slices.Contains(w.Few, id)
	case id == StaticFile:
		return w.File
	case id == Floor:
		return w.Floor
	}
	return true
}

// Runs is how many times wrk runs in one round.
func (p BenchPlan) Runs() int {
	n := 0
	for _, w := range p.Workloads {
		for _, id := range p.Contestants {
			if w.takes(id) {
				n += len(w.Clients)
			}
		}
	}
	return n
}

// Duration is about how long the plan takes, without what has to be built first.
func (p BenchPlan) Duration() time.Duration {
	const around = 250 * time.Millisecond // starting wrk, waiting for quiet
	total := time.Duration(0)
	for _, w := range p.Workloads {
		for _, id := range p.Contestants {
			if w.takes(id) {
				total += p.warm() + around + time.Duration(p.Rounds*len(w.Clients))*(p.each(w)+around)
			}
		}
	}
	if p.Memory {
		total += time.Duration(len(p.Contestants)) * (p.Each + 3*time.Second)
	}
	if p.Builds {
		total += 2 * time.Minute
	}
	return total
}

// each is how long one run of a workload takes: what has few requests a second
// needs longer, or those that have just begun at its end weigh too much.
func (p BenchPlan) each(w Workload) time.Duration {
	if w.Fixed {
		return 3 * p.Each
	}
	return p.Each
}

// warm is how long each workload runs once before it is measured.
func (p BenchPlan) warm() time.Duration { return time.Second }

// wrk runs the load generator.
type wrk struct {
	r       *run.Runner
	program string
	dir     string // of its scripts
}

// newWrk finds wrk and writes the scripts by which it sends bodies.
func newWrk(r *run.Runner) (*wrk, error) {
	program, err := r.LookPath("wrk")
	if err != nil {
		return nil, fmt.Errorf("looking for wrk: %w", err)
	}
	dir, err := os.MkdirTemp("", "modwsgi-wrk-")
	if err != nil {
		return nil, err
	}
	w := &wrk{r: r, program: program, dir: dir}
	for _, load := range workloads() {
		if load.Upload == 0 {
			continue
		}
		text := fmt.Sprintf("wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/octet-stream\"\nwrk.body = string.rep(\"x\", %d)\n", load.Upload)
		if err := os.WriteFile(w.script(load), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("%w; %w", err, w.close())
		}
	}
	return w, nil
}

func (w *wrk) close() error { return os.RemoveAll(w.dir) }

func (w *wrk) script(load Workload) string { return filepath.Join(w.dir, load.Name+".lua") }

// run asks url for some whole seconds.
func (w *wrk) run(ctx context.Context, load Workload, url string, clients int, each time.Duration) (wrkResult, error) {
	args := []string{
		"-t" + strconv.Itoa(min(2, clients)), "-c" + strconv.Itoa(clients), "--latency", "--timeout", "30s",
		fmt.Sprintf("-d%ds", max(1, int(each.Seconds()))),
	}
	if load.Upload > 0 {
		args = append(args, "-s", w.script(load))
	}
	res, err := w.r.Run(ctx, run.Cmd{Path: w.program, Args: append(args, url+"/"+load.Name), Timeout: each + time.Minute})
	if err != nil {
		return wrkResult{}, err
	}
	return parseWrk(res.Stdout)
}

// wrkResult is what wrk printed.
type wrkResult struct {
	rate     float64
	requests int
	p50, p99 time.Duration
}

// parseWrk reads wrk's report. Answers that are not 2xx or 3xx and broken
// connections are an error that counts them: a fast wrong answer is no result.
func parseWrk(out string) (wrkResult, error) {
	var r wrkResult
	var wrong []string
	for line := range strings.SplitSeq(out, "\n") {
		line = strings.TrimSpace(line)
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "Non-2xx"), strings.HasPrefix(line, "Socket errors:"):
			wrong = append(wrong, line)
		case len(fields) > 2 && fields[1] == "requests" && fields[2] == "in":
			r.requests, _ = strconv.Atoi(fields[0])
		case len(fields) == 2 && fields[0] == "Requests/sec:":
			r.rate, _ = strconv.ParseFloat(fields[1], 64)
		case len(fields) == 2 && fields[0] == "50%":
			r.p50, _ = time.ParseDuration(fields[1])
		case len(fields) == 2 && fields[0] == "99%":
			r.p99, _ = time.ParseDuration(fields[1])
		}
	}
	switch {
	case len(wrong) > 0:
		return r, fmt.Errorf("of %d requests: %s", r.requests, strings.Join(wrong, "; "))
	case r.requests == 0 || r.rate == 0 || r.p50 == 0 || r.p99 == 0:
		return r, fmt.Errorf("wrk said nothing of use: %s", strings.TrimSpace(out))
	}
	return r, nil
}
