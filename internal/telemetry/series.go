package telemetry

import (
	"math"
	"strconv"
)

const (
	// kept is how many seconds a series goes back.
	kept = 600
	// farthest is how much of the window of one sample is looked at.
	farthest = 120
)

// slot is what is known of one second. What a sample says is spread evenly over
// the seconds of its window, so that neither the phase of a sender nor its
// interval makes steps, and the sum over the seconds is what was said.
type slot struct {
	number  int64   // which second it is, from 1
	covered float64 // process-seconds that samples tell of

	requests, errors float64 // that ended; with a status of 5xx
	gil, pause       float64 // seconds: waited for the GIL, in passes of the collector
	busy, threads    float64 // threads, on average
	memory, cpu      float64 // bytes, processors
	starts, ends     float64 // of processes
	longest          float64 // request, seconds
	times            [buckets]float32
}

// series is the last seconds of one process, of one group or of everything.
type series struct{ slots [kept]slot }

// at is the slot of a second; nil of one that is too long ago.
func (s *series) at(number int64) *slot {
	if number < 1 {
		return nil
	}
	at := &s.slots[number%kept]
	switch {
	case at.number > number:
		return nil
	case at.number < number:
		*at = slot{number: number}
	}
	return at
}

// second is the number of the slot for a time since the start.
func second(t float64) int64 { return int64(t) + 1 }

// add spreads a sample over its window, which ends now; all of it over the part
// that is looked at, where the window began before the service did.
func (s *series) add(d Datagram, now float64) {
	from := max(now-min(d.Float(10), farthest), 0)
	for n := second(from); n <= second(now); n++ {
		over := min(now, float64(n)) - max(from, float64(n-1))
		if at := s.at(n); at != nil && over > 0 {
			at.add(d, over, over/(now-from))
		}
	}
}

// add takes over seconds of a sample, which are share of its window.
func (at *slot) add(d Datagram, over, share float64) {
	requests, threads := float64(d.Number(20)), float64(d.Number(50))
	at.covered += over
	at.requests += requests * share
	at.errors += float64(d.Number(124)) * share
	at.gil += d.Float(65) * requests * share
	at.busy += min(d.Float(22), 1) * threads * over
	at.threads += threads * over
	at.memory += float64(d.Number(40)) * over
	at.cpu += d.Float(32) * over
	at.longest = max(at.longest, d.Float(84))
	for i, n := range d.Counts(94) {
		if n > 0 {
			at.times[i] += float32(float64(n) * share)
		}
	}
}

// figure is a number of a chart; NaN is none.
type figure float64

// MarshalJSON writes whole numbers as they are, others with six digits: charts
// need no more.
func (f figure) MarshalJSON() ([]byte, error) {
	switch x := float64(f); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return []byte("null"), nil
	case x == math.Trunc(x) && math.Abs(x) < mostNumber:
		return strconv.AppendInt(nil, int64(x), 10), nil
	}
	return strconv.AppendFloat(nil, float64(f), 'g', 6, 64), nil
}

// columns are the names of what points has.
func columns() []string {
	return []string{"slot", "requests", "errors", "p50", "p95", "p99", "busy", "threads", "gil", "pause", "memory", "cpu", "starts", "ends"}
}

// points are the seconds after the one numbered since, but for the last behind
// up to now: a row of columns for each. Times are in seconds; gil is the mean of
// a request.
func (s *series) points(since, now, behind int64) [][]figure {
	out := [][]figure{}
	none := figure(math.NaN())
	for n := max(since+1, now-kept+1, 1); n <= now-behind; n++ {
		at := s.slots[n%kept]
		row := []figure{figure(n), none, none, none, none, none, none, none, none, none, none, none, 0, 0}
		if at.number == n {
			row[12], row[13] = figure(at.starts), figure(at.ends)
		}
		if at.number == n && at.covered > 0 {
			whole := at.whole()
			copy(row[1:], []figure{figure(at.requests), figure(at.errors), at.quantile(0.5), at.quantile(0.95), at.quantile(0.99),
				figure(at.busy * whole), figure(at.threads * whole), figure(at.gil / at.requests), figure(at.pause), figure(at.memory * whole), figure(at.cpu * whole)})
		}
		out = append(out, row)
	}
	return out
}

// whole is what levels are multiplied by so that they are those of whole
// processes: windows and the times at which samples come differ by some
// hundredths of a second, and ten threads are not 9.9.
func (at *slot) whole() float64 {
	n := math.Round(at.covered)
	if math.Abs(n-at.covered) > 0.1*n {
		return 1
	}
	return n / at.covered
}

func (at *slot) quantile(q float64) figure { return quantile(at.times[:], q, at.longest) }

// quantile is the time within which a share q of the requests ended, by a
// histogram of them and the longest: interpolated within its bucket, which is a
// quarter of its beginning wide. NaN where there are no requests.
func quantile(times []float32, q, longest float64) figure {
	total := 0.0
	for _, n := range times {
		total += float64(n)
	}
	if total == 0 {
		return figure(math.NaN())
	}
	before := 0.0
	for i, n := range times {
		if before+float64(n) >= q*total && n > 0 {
			low, high := bounds(i)
			if longest > low {
				high = min(high, longest)
			}
			return figure(low + (high-low)*(q*total-before)/float64(n))
		}
		before += float64(n)
	}
	return figure(longest)
}

// bounds are the shortest and the longest time, in seconds, that bucket i counts.
// From a millisecond each doubling has four; the first has what is shorter, too,
// and the last what is longer.
func bounds(i int) (low, high float64) {
	if i == 0 {
		return 0, 0.00125
	}
	edge := func(i int) float64 {
		return math.Ldexp(0.001*(1+float64(i%4)/4), i/4)
	}
	return edge(i), edge(i + 1)
}
