package matrix

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"modwsgi/internal/fsx"
)

// Machine is where a benchmark ran.
type Machine struct {
	CPU    string `json:"cpu"`
	Count  int    `json:"count"`
	Kernel string `json:"kernel"`
	Load   string `json:"load"` // of the minute before it began
	// Sessions says that processes of other sessions are scheduled as a group of
	// their own (kernel.sched_autogroup_enabled).
	Sessions bool `json:"sessions"`
}

// thisMachine reads what Linux says of itself; what it does not say is empty.
func thisMachine() Machine {
	m := Machine{Count: runtime.NumCPU()}
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m.Kernel = strings.TrimSpace(string(kernel))
	load, _ := os.ReadFile("/proc/loadavg")
	m.Load, _, _ = strings.Cut(string(load), " ")
	sessions, _ := os.ReadFile("/proc/sys/kernel/sched_autogroup_enabled")
	m.Sessions = strings.TrimSpace(string(sessions)) == "1"
	return m
}

// Write puts bench.md, bench.json and bench.svg into the folder dir.
func (b Bench) Write(dir string) error {
	data, err := json.MarshalIndent(struct {
		Schema int `json:"schema"`
		Bench
		Budgets []Budget `json:"budgets"`
	}{1, b, b.budgets()}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the benchmark: %w", err)
	}
	if err := fsx.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"bench.json", append(data, '\n')}, {"bench.md", []byte(b.Markdown())}, {"bench.svg", []byte(b.plot().SVG())},
	} {
		if err := fsx.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Markdown is the report.
func (b Bench) Markdown() string {
	var w strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&w, format+"\n", args...) }
	p("# Benchmark\n")
	p("%d processors (%s), Linux %s, load %s when it began. %d rounds through all contestants, %s each; medians, with the least and the most in brackets.",
		b.Machine.Count, orElse(b.Machine.CPU, "unknown"), b.Machine.Kernel, orElse(b.Machine.Load, "unknown"), b.Plan.Rounds, b.Plan.Each)
	p("The load generator runs on the same machine. Compare ratios, not figures: each is worked out round by round. `docs/bench.md` says how to read this.\n")
	if b.Machine.Sessions {
		p("This kernel shares processors between sessions first (`kernel.sched_autogroup_enabled` is 1), and our daemon processes have a session of their own: on a")
		p("busy machine that changes rates and latencies, of CPU per request it changes nothing.\n")
	}
	p("![CPU per request and requests per second](bench.svg)\n")
	b.writeBudgets(p)
	b.writeContestants(p)
	for _, load := range b.Plan.Workloads {
		for _, clients := range load.Clients {
			b.writeTable(p, load, clients)
		}
	}
	b.writeMemory(p)
	b.writeTimings(p)
	if len(b.Missing) > 0 {
		p("## Not measured\n")
		for _, text := range b.Missing {
			p("- %s", text)
		}
	}
	return strings.TrimRight(w.String(), "\n") + "\n"
}

// Summary is the report in some lines, for a terminal: the budgets, and who did
// not take part.
func (b Bench) Summary() []string {
	var lines []string
	for _, budget := range b.budgets() {
		lines = append(lines, budget.Line())
	}
	for _, c := range b.Contestants {
		if c.Absent != "" {
			lines = append(lines, fmt.Sprintf("absent: %s: %s", c.Name, c.Absent))
		}
	}
	failed := 0
	for _, r := range b.Runs {
		if r.Failed != "" {
			failed++
		}
	}
	if failed > 0 {
		lines = append(lines, fmt.Sprintf("%d of %d runs failed; bench.md says which and why", failed, len(b.Runs)))
	}
	return lines
}

func (b Bench) writeBudgets(p func(string, ...any)) {
	p("## Budgets\n")
	for _, budget := range b.budgets() {
		p("- %s", budget.Line())
	}
	p("")
}

func (b Bench) writeContestants(p func(string, ...any)) {
	p("## Contestants\n")
	p("The same for all behind Apache: event MPM, one child of %d threads, `AllowOverride None`, `LogLevel warn`, no access log, kept connections without limit, the", benchThreads)
	p("same modules. Python runs in one process with %d threads (embedded: in httpd's child), the main interpreter, the same application.\n", appThreads)
	p("| id | contestant | version | Python | how |")
	p("|---|---|---|---|---|")
	for _, c := range b.Contestants {
		how := c.Config
		if c.Absent != "" {
			how = "**absent**: " + tableCell(c.Absent)
		}
		python := c.Python
		if c.NoGIL {
			python += ", no GIL"
		}
		p("| %s | %s | %s | %s | %s |", c.ID, c.Name, orElse(c.Version, "–"), orElse(python, "–"), how)
	}
	p("")
}

// tableCell is text that does not end a table's cell.
func tableCell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

func (b Bench) writeTable(p func(string, ...any), load Workload, clients int) {
	p("## %s: %s, %d clients\n", load.Name, load.What, clients)
	p("`D ÷` is ours daemon divided by this contestant, `E ÷` ours embedded: for CPU less is better, for requests more.\n")
	p("| contestant | CPU µs | requests/s | p50 ms | p99 ms | CPU D ÷ | CPU E ÷ | req/s D ÷ | req/s E ÷ |")
	p("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, c := range b.Contestants {
		if !load.takes(c.ID) {
			continue
		}
		failed := b.Runs.failures(load.Name, clients, c.ID)
		figure := func(m Measure, scale float64) Spread {
			s := b.Runs.Spread(load.Name, clients, c.ID, m)
			return Spread{s.Median / scale, s.Min / scale, s.Max / scale, s.N}
		}
		cpu := figure(CPU, 1)
		switch {
		case c.Absent != "":
			p("| %s | absent | | | | | | | |", c.Name)
			continue
		case cpu.N == 0:
			reason := "not measured"
			if len(failed) > 0 {
				reason = "failed: " + tableCell(failed[0])
			}
			p("| %s | %s | | | | | | | |", c.Name, reason)
			continue
		}
		against := func(id string, m Measure) string {
			s := b.Runs.Ratio(load.Name, clients, id, c.ID, m)
			if s.N == 0 {
				return "–"
			}
			return fmt.Sprintf("%.2f", s.Median)
		}
		p("| %s | %s | %s | %s | %s | %s | %s | %s | %s |", c.Name, spread(cpu), spread(figure(Rate, 1)), number(figure(P50, 1000).Median), spread(figure(P99, 1000)),
			against(OursDaemon, CPU), against(OursEmbedded, CPU), against(OursDaemon, Rate), against(OursEmbedded, Rate))
		if len(failed) > 0 {
			p("| ↳ %d of %d runs failed | %s | | | | | | | |", len(failed), len(failed)+cpu.N, tableCell(failed[0]))
		}
	}
	p("")
}

// spread writes the middle and the ends.
func spread(s Spread) string {
	return fmt.Sprintf("%s (%s–%s)", number(s.Median), number(s.Min), number(s.Max))
}

func (b Bench) writeMemory(p func(string, ...any)) {
	if len(b.Memory) == 0 {
		return
	}
	p("## Memory\n")
	p("Measured while no other contestant runs. PSS of all server processes, in MB: after one request, and after %s with 16 clients; then the process with the", b.Plan.Each)
	p("application by itself, after one request.\n")
	p("| contestant | processes | idle | after load | application, PSS | application, RSS |")
	p("|---|---:|---:|---:|---:|---:|")
	names := map[string]string{}
	for _, c := range b.Contestants {
		names[c.ID] = c.Name
	}
	for _, m := range b.Memory {
		if m.Failed != "" {
			p("| %s | failed: %s | | | | |", names[m.Contestant], tableCell(m.Failed))
			continue
		}
		own := [2]string{"–", "–"}
		if m.AppRSS > 0 {
			own = [2]string{fmt.Sprintf("%.1f", m.AppIdle), fmt.Sprintf("%.1f", m.AppRSS)}
		}
		p("| %s | %d | %.1f | %.1f | %s | %s |", names[m.Contestant], m.Processes, m.Idle, m.After, own[0], own[1])
	}
	p("")
}

func (b Bench) writeTimings(p func(string, ...any)) {
	if len(b.Builds) > 0 {
		p("## Building a release of the original\n")
		p("| round | this toolchain, clean | configure and make | this toolchain, nothing changed | this toolchain, one file changed |")
		p("|---:|---:|---:|---:|---:|")
		for _, t := range b.Builds {
			p("| %d | %.2f s | %.2f s | %.3f s | %.2f s |", t.Round, t.Ours, t.Make, t.Unchanged, t.Touched)
		}
		p("")
	}
	if len(b.Starts) > 0 {
		p("## start-server to the first answer\n")
		p("| round | ours | the original's |")
		p("|---:|---:|---:|")
		for _, t := range b.Starts {
			p("| %d | %.2f s | %.2f s |", t.Round, t.Ours, t.Original)
		}
		p("")
	}
}
