package csrc

import (
	"io/fs"
	"path"
	"regexp"
	"testing"
)

// TestLimitsAreKeptBySteadyClock: only the files named here ask for the time of
// day, and none of them to see whether a limit is over. It would be, or never,
// when somebody sets the clock.
func TestLimitsAreKeptBySteadyClock(t *testing.T) {
	allowed := map[string]string{
		"wsgi_board.c":           "the function itself",
		"wsgi_board_slot.c":      "when a process was started",
		"wsgi_board.h":           "its declaration",
		"wsgi_environ_py.c":      "when the application was entered, for the environ",
		"wsgi_groups.c":          "a number that no other run of the server has",
		"wsgi_health.c":          "how long threads have been busy, for a page",
		"wsgi_host.c":            "when a request was taken, which also names it",
		"wsgi_host_hang.c":       "the age of a request in a line of the log",
		"wsgi_host_log.c":        "the time of a log line",
		"wsgi_host_watch.c":      "names requests: wsgi_life.c turns that into steady time, its test sets the clock",
		"wsgi_interp_home.c":     "the age of a request in a line of the log",
		"wsgi_metrics_count.c":   "when a request ended, for metrics",
		"wsgi_python.c":          "when the process was started, for metrics",
		"wsgi_python.h":          "the function itself",
		"wsgi_relay.c":           "how long ago httpd received a request: steady from then on",
		"wsgi_relay_queue.c":     "when a request was queued, for metrics",
		"wsgi_report.c":          "the time of a log line",
		"wsgi_scoreboard_take.c": "when Apache's scoreboard was looked at, for who sees it",
		"wsgi_script.c":          "whether a script was tried yet",
		"wsgi_status.c":          "how long a request runs, on the page of server-status",
		"wsgi_supervisor_main.c": "the time of a log line",
		"wsgi_tally.c":           "intervals of metrics are told by the time of day",
		"wsgi_telemetry.c":       "the time of a datagram",
		"wsgi_telemetry_gc.c":    "the time of a collection",
		"wsgi_telemetry_slow.c":  "how long a request runs, for a report of it",
	}
	wall := regexp.MustCompile(`\b(apr_time_now|wsgi_now_us|wsgi_clock_us|gettimeofday)\(|CLOCK_REALTIME|\btime\((NULL|0)\)`)
	used := map[string]bool{}
	files, err := fs.Glob(Sources(), "*.[ch]")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(Sources(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !wall.Match(text) {
			continue
		}
		used[path.Base(name)] = true
		if allowed[path.Base(name)] == "" {
			t.Errorf("%s asks for the time of day (%s): limits are kept by wsgi_steady_us(); what is no limit is to be listed here", name, wall.Find(text))
		}
	}
	for name := range allowed {
		if !used[name] {
			t.Errorf("%s does not ask for the time of day any more: take it out of the list", name)
		}
	}
}
