package matrix

import (
	"fmt"
	"strings"
)

// BuildTiming is a round of building the same release of the original, by this
// toolchain and by its own configure and make.
type BuildTiming struct {
	Round     int     `json:"round"`
	Ours      float64 `json:"ours_seconds"`
	Make      float64 `json:"make_seconds"`
	Unchanged float64 `json:"unchanged_seconds"` // ours once more, with nothing changed
	Touched   float64 `json:"touched_seconds"`   // and with one C file changed
}

// StartTiming is a round of start-server, from its start to the first answer.
type StartTiming struct {
	Round    int     `json:"round"`
	Ours     float64 `json:"ours_seconds"`
	Original float64 `json:"original_seconds"`
}

// Ruling is what became of a budget.
type Ruling string

const (
	Met        Ruling = "met"
	Missed     Ruling = "missed"
	Unmeasured Ruling = "not measured"
)

// Budget is a promise about speed or size, and what was measured. It is a ratio
// to a peer wherever there is one: a machine's own speed falls out of that.
type Budget struct {
	What     string  `json:"what"`
	AtLeast  bool    `json:"at_least,omitempty"` // the measured value must reach the limit, else stay below it
	Limit    float64 `json:"limit"`
	Unit     string  `json:"unit,omitempty"`
	Measured Spread  `json:"measured"`
	Why      string  `json:"why,omitempty"` // it was not measured
}

// Ruling judges by the median.
func (b Budget) Ruling() Ruling {
	switch {
	case b.Measured.N == 0:
		return Unmeasured
	case b.AtLeast && b.Measured.Median >= b.Limit, !b.AtLeast && b.Measured.Median <= b.Limit:
		return Met
	}
	return Missed
}

// Line is the budget in words: met, or by how much not.
func (b Budget) Line() string {
	bound := "at most"
	if b.AtLeast {
		bound = "at least"
	}
	line := fmt.Sprintf("%s: %s %s%s", b.What, bound, number(b.Limit), b.Unit)
	switch b.Ruling() {
	case Unmeasured:
		return line + "; not measured: " + b.Why
	case Met:
		return fmt.Sprintf("%s; met with %s%s (%s to %s)", line, number(b.Measured.Median), b.Unit, number(b.Measured.Min), number(b.Measured.Max))
	}
	off := (b.Measured.Median/b.Limit - 1) * 100
	word := "above"
	if b.AtLeast {
		off, word = -off, "below"
	}
	return fmt.Sprintf("%s; MISSED by %.0f %%: %s%s is %s it (%s to %s)", line, off, number(b.Measured.Median), b.Unit, word, number(b.Measured.Min), number(b.Measured.Max))
}

// number writes a figure with the digits that mean something.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// budgets judges all that was promised.
func (b Bench) budgets() []Budget {
	list := []Budget{
		b.ratio("daemon: CPU per request against mod_proxy_uwsgi", "hello", 16, OursDaemon, ProxyUWSGI, CPU, 0.85, false),
		b.ratio("the same, the aim after that", "hello", 16, OursDaemon, ProxyUWSGI, CPU, 0.75, false),
		b.ratio("daemon: CPU per request against 6.0.5", "hello", 16, OursDaemon, OriginalDaemon, CPU, 0.35, false),
		b.ratio("embedded: CPU per request against 6.0.5", "hello", 16, OursEmbedded, OriginalEmbedded, CPU, 0.4, false),
		b.free(b.ratio("embedded, free-threaded: CPU per request against the floor", "hello", 16, OursEmbedded, Floor, CPU, 1.3, false)),
		b.ratio("daemon: requests/s against 6.0.5", "hello", 16, OursDaemon, OriginalDaemon, Rate, 3.5, true),
		b.ratio("daemon: requests/s against a static file", "hello", 16, OursDaemon, StaticFile, Rate, 1, true),
		b.ratio("daemon: p99 against 6.0.5", "hello", 16, OursDaemon, OriginalDaemon, P99, 1, false),
		b.ratio("daemon: p99 against a static file", "hello", 16, OursDaemon, StaticFile, P99, 1, false),
		{What: "system calls per kept request (child, host, embedded)", Limit: 8, Why: "counts are exact, so a test holds them: go test ./matrix -run TestBudget"},
		b.scaling(),
	}
	list = append(list, b.builds()...)
	list = append(list, b.start(), b.idle(),
		b.ratio("upload of 100 MB: CPU against 6.0.5", "upload100", 1, OursDaemon, OriginalDaemon, CPU, 0.5, false),
		b.ratio("download of 100 MB: CPU against 6.0.5", "download100", 1, OursDaemon, OriginalDaemon, CPU, 0.5, false),
	)
	return list
}

// ratio is a budget of one contestant against another.
func (b Bench) ratio(what, workload string, clients int, id, to string, m Measure, limit float64, atLeast bool) Budget {
	budget := Budget{What: what, Limit: limit, AtLeast: atLeast, Measured: b.Runs.Ratio(workload, clients, id, to, m)}
	if budget.Measured.N == 0 {
		budget.Why = b.whyNot(workload, clients, id, to)
	}
	return budget
}

// whyNot says why two contestants were not compared.
func (b Bench) whyNot(workload string, clients int, ids ...string) string {
	var why []string
	for _, id := range ids {
		there := false
		for _, c := range b.Contestants {
			there = there || c.ID == id
			if c.ID == id && c.Absent != "" {
				why = append(why, c.Name+": "+c.Absent)
			}
		}
		if !there {
			why = append(why, id+" was left out of this run")
		}
		if failed := b.Runs.failures(workload, clients, id); len(failed) > 0 {
			why = append(why, id+" failed: "+failed[0])
		}
	}
	if len(why) == 0 {
		return fmt.Sprintf("%s with %d clients was not part of this run", workload, clients)
	}
	return strings.Join(why, "; ")
}

// free leaves a budget of free-threaded Pythons out where ours is none.
func (b Bench) free(budget Budget) Budget {
	for _, c := range b.Contestants {
		if c.ID == OursEmbedded && c.NoGIL {
			return budget
		}
	}
	budget.Measured = Spread{}
	budget.Why = "this Python runs with its GIL; choose a free-threaded one with PYTHON"
	return budget
}

// scaling compares many clients with one, where each request is Python's work.
func (b Bench) scaling() Budget {
	budget := Budget{What: "CPU-bound, free-threaded: requests/s with 2 clients against 1", Limit: 1.9, AtLeast: true}
	var list []float64
	for _, one := range b.Runs.of("cpu", 1, OursEmbedded) {
		for _, two := range b.Runs.of("cpu", 2, OursEmbedded) {
			if one.Round == two.Round {
				list = append(list, two.Rate/one.Rate)
			}
		}
	}
	budget.Measured = spreadOf(list)
	budget.Why = "run it with BENCH_ONLY=cpu,c1,c2"
	return b.free(budget)
}

func (b Bench) builds() []Budget {
	cold := Budget{What: "clean build of a release of the original, against configure and make", Limit: 0.5, Why: b.missing("builds")}
	again := Budget{What: "build again with nothing changed", Limit: 0.1, Unit: " s", Why: cold.Why}
	touched := Budget{What: "build again with one C file changed", Limit: 5, Unit: " s", Why: cold.Why}
	var ratios, unchanged, one []float64
	for _, t := range b.Builds {
		if t.Make > 0 {
			ratios = append(ratios, t.Ours/t.Make)
		}
		unchanged, one = append(unchanged, t.Unchanged), append(one, t.Touched)
	}
	cold.Measured, again.Measured, touched.Measured = spreadOf(ratios), spreadOf(unchanged), spreadOf(one)
	return []Budget{cold, again, touched}
}

func (b Bench) start() Budget {
	budget := Budget{What: "start-server to the first answer, against the original's", Limit: 0.5, Why: b.missing("starts")}
	var list []float64
	for _, t := range b.Starts {
		if t.Original > 0 {
			list = append(list, t.Ours/t.Original)
		}
	}
	budget.Measured = spreadOf(list)
	return budget
}

// missing says why a part has no figures.
func (b Bench) missing(part string) string {
	for _, text := range b.Missing {
		if rest, ok := strings.CutPrefix(text, part+": "); ok {
			return rest
		}
	}
	return "not part of this run"
}

func (b Bench) idle() Budget {
	budget := Budget{What: "resident memory of an idle daemon process, against 6.0.5", Limit: 0.8, Why: "memory was not part of this run"}
	var ours, other float64
	for _, m := range b.Memory {
		switch m.Contestant {
		case OursDaemon:
			ours = m.AppRSS
		case OriginalDaemon:
			other = m.AppRSS
		}
	}
	if ours > 0 && other > 0 {
		budget.Measured = spreadOf([]float64{ours / other})
	} else if b.Plan.Memory {
		budget.Why = b.whyNot("memory", 0, OursDaemon, OriginalDaemon)
	}
	return budget
}
