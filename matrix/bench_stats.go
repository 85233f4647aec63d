package matrix

import (
	"slices"
)

// Spread is the middle of some measurements, and the ends.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	N      int     `json:"n"`
}

// spreadOf sums up a list; the zero value stands for none.
func spreadOf(list []float64) Spread {
	if len(list) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	middle := sorted[n/2]
	if n%2 == 0 {
		middle = (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return Spread{Median: middle, Min: sorted[0], Max: sorted[n-1], N: n}
}

// Measure is one of the figures of a run.
type Measure string

// What a run is judged by.
const (
	CPU  Measure = "cpu"  // microseconds of all server processes, per request
	Rate Measure = "rate" // requests per second
	P50  Measure = "p50"  // latency in microseconds
	P99  Measure = "p99"
)

// Run is one run of wrk against one contestant.
type Run struct {
	Round      int     `json:"round"` // from 1
	Workload   string  `json:"workload"`
	Clients    int     `json:"clients"`
	Contestant string  `json:"contestant"`
	Requests   int     `json:"requests"`
	Rate       float64 `json:"rate"`
	CPU        float64 `json:"cpu_us"`
	P50        float64 `json:"p50_us"`
	P99        float64 `json:"p99_us"`
	Failed     string  `json:"failed,omitempty"` // why it counts for nothing
}

func (r Run) value(m Measure) float64 {
	switch m {
	case CPU:
		return r.CPU
	case Rate:
		return r.Rate
	case P50:
		return r.P50
	}
	return r.P99
}

// Runs are all runs of a benchmark.
type Runs []Run

// of picks the good runs of one contestant.
func (all Runs) of(workload string, clients int, id string) Runs {
	var list Runs
	for _, r := range all {
		if r.Workload == workload && r.Clients == clients && r.Contestant == id && r.Failed == "" {
			list = append(list, r)
		}
	}
	return list
}

// Spread sums up one figure of one contestant.
func (all Runs) Spread(workload string, clients int, id string, m Measure) Spread {
	var list []float64
	for _, r := range all.of(workload, clients, id) {
		list = append(list, r.value(m))
	}
	return spreadOf(list)
}

// Ratio compares two contestants: in each round by itself, since a round is
// measured in a few minutes of one machine's life, and then the middle of those.
func (all Runs) Ratio(workload string, clients int, id, to string, m Measure) Spread {
	var list []float64
	others := all.of(workload, clients, to)
	for _, r := range all.of(workload, clients, id) {
		for _, o := range others {
			if o.Round == r.Round && o.value(m) > 0 {
				list = append(list, r.value(m)/o.value(m))
			}
		}
	}
	return spreadOf(list)
}

// failures are the reasons why runs of a contestant count for nothing.
func (all Runs) failures(workload string, clients int, id string) []string {
	var list []string
	for _, r := range all {
		if r.Workload == workload && r.Clients == clients && r.Contestant == id && r.Failed != "" {
			list = append(list, r.Failed)
		}
	}
	return list
}
