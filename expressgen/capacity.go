package expressgen

import "math"

// mpms are the MPMs in the order they are preferred.
var mpms = []string{"event", "worker", "prefork"}

// Capacity is how many clients are served at once, and Apache's settings for
// that under either kind of MPM.
type Capacity struct {
	Clients int // processes * threads of the application
	Prefork Prefork
	Threads Threaded
}

// Prefork are the settings of the prefork MPM.
type Prefork struct {
	ServerLimit, StartServers, MinSpareServers, MaxSpareServers, MaxRequestWorkers int
}

// Threaded are the settings of the worker and event MPMs.
type Threaded struct {
	ServerLimit, StartServers, ThreadsPerChild, MinSpareThreads, MaxSpareThreads, MaxRequestWorkers int
}

// capacity computes the settings for o. Fractions are floored as they come out
// in floating point, since the numbers must be those of the original: 0.29 of
// 100 is 28.
func capacity(o *Options) Capacity {
	if o.debugging() {
		return Capacity{Clients: 1, Prefork: Prefork{1, 1, 1, 1, 1}, Threads: Threaded{1, 1, 1, 1, 1, 1}}
	}
	processes, threads := o.processes(), o.Threads
	clients := processes * threads
	if o.EmbeddedMode {
		return Capacity{
			Clients: clients,
			Prefork: Prefork{clients, clients, clients, clients, clients},
			Threads: Threaded{processes, processes, threads, clients, clients, clients},
		}
	}
	most := 10 + max(10, int(1.5*float64(clients)))
	if o.MaxClients != nil {
		most = max(*o.MaxClients, clients)
	}
	return Capacity{Clients: clients, Prefork: prefork(o, most), Threads: threaded(o, most)}
}

func prefork(o *Options, most int) Prefork {
	start, low, high := shares(o, 0.05, 0.1)
	part := func(share float64) int { return max(1, int(share*float64(most))) }
	return Prefork{
		ServerLimit:       most,
		MaxRequestWorkers: most,
		StartServers:      part(start),
		MinSpareServers:   part(low),
		MaxSpareServers:   part(high),
	}
}

func threaded(o *Options, most int) Threaded {
	perChild := 10
	if most > 20 {
		perChild = int(float64(most) / float64(most/20+1))
	}
	children := int(math.Ceil(float64(most) / float64(perChild)))
	start, low, high := shares(o, 0.2, 0.6)
	part := func(share float64) int { return int(share * float64(children)) }
	return Threaded{
		ThreadsPerChild:   perChild,
		ServerLimit:       children,
		MaxRequestWorkers: children * perChild,
		StartServers:      max(1, part(start)),
		MinSpareThreads:   max(perChild, part(low)*perChild),
		MaxSpareThreads:   max(perChild, part(high)*perChild),
	}
}

// shares are the three fractions with their defaults; the least number of spare
// workers follows the number started with.
func shares(o *Options, start, high float64) (float64, float64, float64) {
	if o.InitialWorkers != nil {
		start = *o.InitialWorkers
	}
	low := start
	if o.MinimumSpareWorkers != nil {
		low = *o.MinimumSpareWorkers
	}
	if o.MaximumSpareWorkers != nil {
		high = *o.MaximumSpareWorkers
	}
	return start, low, high
}
