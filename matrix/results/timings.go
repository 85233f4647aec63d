package results

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"

	"modwsgi/matrix/plan"
)

// TimingsFile is the name of the file with how long each cell takes.
const TimingsFile = "timings.json"

// weight is what the newest time counts in the average: of a machine that was
// slow once, a tenth is left after seven runs.
const weight = 0.3

// timed tells whether the time of a result says how long the cell will take: one
// that ended early or hung does not.
func timed(r Result) bool {
	return (r.Status == Pass || r.Status == XPass || r.Status == XFail) && r.Seconds() > 0
}

// average is what is known of times, with those of results.
func average(known plan.Timings, list []Result) plan.Timings {
	out := maps.Clone(known)
	for _, r := range list {
		if timed(r) {
			weigh(out, r.ID, r.Seconds())
		}
	}
	return out
}

// weigh adds one more time of name to what is known.
func weigh(known plan.Timings, name string, took float64) {
	was, there := known[name]
	if !there {
		was = took
	}
	known[name] = milli(was + weight*(took-was))
}

// milli is seconds without what nobody measures.
func milli(seconds float64) float64 { return float64(int64(seconds*1000+0.5)) / 1000 }

// ReadTimings reads a file of times. One that is not there knows none.
func ReadTimings(path string) (plan.Timings, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return plan.Timings{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading times: %w", err)
	}
	t, err := plan.ReadTimings(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if t == nil { // null
		t = plan.Timings{}
	}
	return t, nil
}
