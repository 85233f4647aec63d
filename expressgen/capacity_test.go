package expressgen

import (
	"testing"
)

func ptr[T any](v T) *T { return &v }

// base are the options as the command line fills them in when none is given.
func base() Options { return Defaults() }

// The numbers were observed with the original. A027 A031 A032
func TestCapacity(t *testing.T) {
	tests := []struct {
		name    string
		set     func(*Options)
		prefork [4]int // limit, start, min, max
		threads [6]int // servers, per child, workers, start, min, max
	}{
		{"none", func(o *Options) {}, [4]int{20, 1, 1, 2}, [6]int{2, 10, 20, 1, 10, 10}},
		{"processes 1", func(o *Options) { o.Processes = ptr(1) }, [4]int{20, 1, 1, 2}, [6]int{2, 10, 20, 1, 10, 10}},
		{"threads 1", func(o *Options) { o.Threads = 1 }, [4]int{20, 1, 1, 2}, [6]int{2, 10, 20, 1, 10, 10}},
		{"3x15", func(o *Options) { o.Processes, o.Threads = ptr(3), 15 }, [4]int{77, 3, 3, 7}, [6]int{5, 19, 95, 1, 19, 57}},
		{"4x25", func(o *Options) { o.Processes, o.Threads = ptr(4), 25 }, [4]int{160, 8, 8, 16}, [6]int{10, 17, 170, 2, 34, 102}},
		{"20x20", func(o *Options) { o.Processes, o.Threads = ptr(20), 20 }, [4]int{610, 30, 30, 61}, [6]int{33, 19, 627, 6, 114, 361}},
		{"max-clients 8", func(o *Options) { o.Processes, o.MaxClients = ptr(2), ptr(8) }, [4]int{10, 1, 1, 1}, [6]int{1, 10, 10, 1, 10, 10}},
		{"max-clients 100", func(o *Options) { o.MaxClients = ptr(100) }, [4]int{100, 5, 5, 10}, [6]int{7, 16, 112, 1, 16, 64}},
		{"fractions", func(o *Options) {
			o.Processes, o.Threads = ptr(2), 15
			o.InitialWorkers, o.MinimumSpareWorkers, o.MaximumSpareWorkers = ptr(0.5), ptr(0.25), ptr(1.0)
		}, [4]int{55, 27, 13, 55}, [6]int{4, 18, 72, 2, 18, 72}},
		{"fraction 0", func(o *Options) { o.InitialWorkers = ptr(0.0) }, [4]int{20, 1, 1, 2}, [6]int{2, 10, 20, 1, 10, 10}},
		{"embedded 2x3", func(o *Options) { o.EmbeddedMode, o.Processes, o.Threads = true, ptr(2), 3 }, [4]int{6, 6, 6, 6}, [6]int{2, 3, 6, 2, 6, 6}},
		{"embedded 10x10", func(o *Options) { o.EmbeddedMode, o.Processes, o.Threads = true, ptr(10), 10 },
			[4]int{100, 100, 100, 100}, [6]int{10, 10, 100, 10, 100, 100}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := base()
			tt.set(&o)
			c := capacity(&o)
			p, m := c.Prefork, c.Threads
			if got := [4]int{p.ServerLimit, p.StartServers, p.MinSpareServers, p.MaxSpareServers}; got != tt.prefork || p.MaxRequestWorkers != p.ServerLimit {
				t.Errorf("prefork %v (workers %d), want %v", got, p.MaxRequestWorkers, tt.prefork)
			}
			got := [6]int{m.ServerLimit, m.ThreadsPerChild, m.MaxRequestWorkers, m.StartServers, m.MinSpareThreads, m.MaxSpareThreads}
			if got != tt.threads {
				t.Errorf("worker, event %v, want %v", got, tt.threads)
			}
		})
	}
}
