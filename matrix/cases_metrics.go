package matrix

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"modwsgi/internal/openmetrics"
)

// metricsCases are about what a running server says of itself to monitoring:
// the page of wsgi-metrics and the lines of server-status. Their counts are
// those of the client, so each has a server of its own.
func metricsCases() []Case {
	const page, status = "<Location /metrics>\n    SetHandler wsgi-metrics\n    </Location>", "<Location /server-status>\n    SetHandler server-status\n    </Location>"
	own := func(c Case) Case {
		c.App, c.Own, c.Ours = "metrics", true, true
		c.Conf = append(c.Conf, page)
		return c
	}
	return []Case{
		own(Case{Name: "metrics", MPMs: true, Daemon: "threads=3", Announced: traceback("ValueError: asked for"), Do: metricsCounts}),
		own(Case{Name: "metrics-formats", Daemon: "threads=1", Do: metricsFormats}),
		own(Case{Name: "metrics-busy", MPMs: true, Daemon: "threads=2", Conf: []string{status},
			Global: []string{"<IfModule !mod_status.c>\nLoadModule status_module \"@MODULES@/mod_status.so\"\n</IfModule>"}, Do: metricsBusy}),
		own(Case{Name: "metrics-killed", Modes: daemonOnly, Daemon: "processes=2 threads=2",
			Announced: Announce{`WSGIM0402: .*signal 9|killed by signal 9`, `WSGIM0229: `, `?daemon process`}, Do: metricsKilled}),
		own(Case{Name: "metrics-replaced", Modes: daemonOnly, Daemon: "processes=2 threads=3 maximum-requests=60", Do: metricsReplaced}),
		own(Case{Name: "server-metrics", Covers: "PY11", Daemon: "threads=2 server-metrics=On", Global: []string{"WSGIServerMetrics On", "ExtendedStatus On"}, Do: serverMetrics}),
		own(Case{Name: "server-metrics-off", Covers: "PY11", Daemon: "threads=2", Steps: []Exchange{{Request{Path: "/server"}, Want{Body: "null"}}}}),
		own(Case{Name: "metrics-restarts", Daemon: "threads=2", Do: metricsRestarts}),
	}
}

// group is the name under which the page shows what the case runs in.
func (t *T) group() string {
	if t.Mode == Embedded {
		return "embedded"
	}
	return "g-" + t.Case.Name
}

// metrics gets the page, which must be sound.
func (t *T) metrics() openmetrics.Page {
	r := t.Get("/metrics")
	if r.Status != 200 {
		t.Fatalf("/metrics: status %d", r.Status)
	}
	p, err := openmetrics.Parse(string(r.Body))
	if err != nil {
		t.Fatalf("/metrics: %v", err)
	}
	return p
}

// metric is one value of the page, of the group of the case.
func (t *T) metric(p openmetrics.Page, name string, labels ...string) int {
	v, err := p.Value(name, append(labels, "group="+t.group())...)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return int(v)
}

// classes are the requests that the page counts, by class.
func (t *T) classes(p openmetrics.Page) (n [5]int) {
	for i := range n {
		n[i] = t.metric(p, "wsgi_requests_total", fmt.Sprintf("code=%dxx", i+1))
	}
	return n
}

// counted waits until as many requests are counted as were made, which is a
// moment after the last one was answered, and returns the page.
func (t *T) counted(want [5]int) (p openmetrics.Page) {
	var got [5]int
	sum := func(n [5]int) int { return n[0] + n[1] + n[2] + n[3] + n[4] }
	t.Wait("the requests to be counted", func() bool {
		p = t.metrics()
		got = t.classes(p)
		return sum(got) >= sum(want)
	})
	Same(t, "requests by class", got, want)
	Same(t, "requests in the histogram", t.metric(p, "wsgi_request_duration_seconds_count"), sum(want))
	return p
}

// becomes waits until a metric has the value: what a daemon process counts, it
// counts a moment after the client has its answer.
func (t *T) becomes(want int, name string, labels ...string) {
	got := 0
	t.Wait(fmt.Sprintf("%s%v to be %d", name, labels, want), func() bool {
		got = t.metric(t.metrics(), name, labels...)
		return got >= want
	})
	Same(t, name, got, want)
}

// metricsCounts makes a known number of requests of each status.
func metricsCounts(t *T) {
	var want [5]int
	kept := t.Dial()
	for i, status := range []int{200, 201, 204, 200, 302, 304, 404, 403, 404, 500, 503, 200} {
		path := fmt.Sprintf("/status/%d?secret=word", status)
		for range i + 1 {
			get := t.Get
			if status < 500 { // from there on Apache closes the connection
				get = func(path string) Response { return t.Exchange(kept, Request{Path: path}) }
			}
			t.check(Request{Path: path}, Want{Status: status}, get(path))
			want[status/100-1]++
		}
	}
	t.check(Request{Path: "/raise"}, Want{Status: 500}, t.Get("/raise"))
	want[4]++
	t.check(Request{}, Want{}, t.Do(Request{Method: "HEAD", Path: "/"}))
	want[1]++
	t.check(Request{Path: "/"}, Want{Body: "70000"}, t.Do(Request{Method: "POST", Path: "/", Body: bytes.Repeat([]byte("x"), 70000)}))
	want[1]++

	p := t.counted(want)
	Same(t, "bytes of request bodies", t.metric(p, "wsgi_request_body_bytes_total"), 70000)
	if n := t.metric(p, "wsgi_response_body_bytes_total"); n < 100 {
		t.Errorf("%d bytes of response bodies", n)
	}
	t.Wait("the threads to be idle", func() bool { return t.metric(t.metrics(), "wsgi_threads_busy") == 0 })
	if v, err := p.Value("wsgi_threads_busy_seconds_total", "group="+t.group()); err != nil || v <= 0 {
		t.Errorf("time that threads were busy: %v, %v", v, err)
	}
	if t.Mode == Daemon {
		sum := want[1] + want[2] + want[3] + want[4]
		t.becomes(sum, "wsgi_queue_wait_seconds_count")
		t.becomes(sum, "wsgi_process_requests", "process=0")
		t.becomes(3, "wsgi_threads")
		for _, code := range []string{"502", "503", "504"} {
			Same(t, "answered by Apache with "+code, t.metric(p, "wsgi_relay_failures_total", "code="+code), 0)
		}
		t.Wait("the memory of the process", func() bool {
			v, err := t.metrics().Value("wsgi_process_memory_bytes", "group="+t.group(), "process=0", "kind=rss")
			return err == nil && v > 1<<20
		})
	}
	if strings.Contains(string(t.Get("/metrics").Body), "secret") {
		t.Errorf("a query string is on the page")
	}
}

// metricsFormats asks for the page as scrapers and people do.
func metricsFormats(t *T) {
	const open, text = "application/openmetrics-text; version=1.0.0; charset=utf-8", "text/plain; version=0.0.4; charset=utf-8"
	for accept, want := range map[string]string{
		"": open, "*/*": open, "text/plain": text,
		"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1": open,
	} {
		q := Request{Path: "/metrics"}
		if accept != "" {
			q.Header = []string{"Accept: " + accept}
		}
		r := t.Do(q)
		t.check(q, Want{Have: map[string]string{"Content-Type": want, "Vary": "Accept", "Cache-Control": "no-store"}}, r)
		if end := strings.HasSuffix(string(r.Body), "\n# EOF\n"); end != (want == open) {
			t.Errorf("Accept %q: ends with # EOF: %v", accept, end)
		}
		q.Method = "HEAD"
		t.check(q, Want{Empty: true, Have: map[string]string{"Content-Type": want}}, t.Do(q))
	}
	q := Request{Method: "POST", Path: "/metrics", Body: []byte("x")}
	t.check(q, Want{Status: 405}, t.Do(q))
	Same(t, "requests for the page among those for applications", t.classes(t.metrics()), [5]int{})
}

// metricsBusy looks at the server while its threads wait, from outside.
func metricsBusy(t *T) {
	t.notes()
	waiting := func() int {
		list, err := filepath.Glob(filepath.Join(t.notes(), "waiting-*"))
		if err != nil {
			t.Fatalf("%v", err)
		}
		return len(list)
	}
	var conns []*Conn
	for n := range 2 {
		c := t.Dial()
		t.Send(c, Request{Path: fmt.Sprintf("/wait/<%d>?secret=word", n)})
		t.Wait("the application to wait", func() bool { return waiting() == n+1 })
		conns = append(conns, c)
	}
	if t.Mode == Daemon { // both threads are taken
		for range 3 {
			c := t.Dial()
			t.Send(c, Request{Path: "/status/200"})
			conns = append(conns, c)
		}
		t.Wait("the queue", func() bool { return t.metric(t.metrics(), "wsgi_queue_depth") == 3 })
	}
	t.becomes(2, "wsgi_threads_busy")
	t.statusLines()
	t.open("go")
	for _, c := range conns {
		if r, err := c.Read("GET"); err != nil || r.Status != 200 {
			t.Errorf("status %d, %v", r.Status, err)
		}
	}
	t.counted([5]int{1: len(conns)})
	t.Wait("the threads to be idle", func() bool { return t.metric(t.metrics(), "wsgi_threads_busy") == 0 })
	if t.Mode == Daemon {
		t.becomes(5, "wsgi_queue_wait_seconds_count")
		v, err := t.metrics().Value("wsgi_queue_wait_seconds_sum", "group="+t.group())
		if err != nil || v <= 0 {
			t.Errorf("time in the queue: %v, %v", v, err)
		}
	}
}

// statusLines reads both forms of server-status while two requests wait.
func (t *T) statusLines() {
	if _, err := os.Stat(filepath.Join(t.Server.Conf.Target.Apache.ModulesDir, "mod_status.so")); err != nil && !t.Server.Conf.Static["mod_status.c"] {
		t.Skipf("no mod_status: %v", err)
	}
	auto, html := string(t.Get("/server-status?auto").Body), string(t.Get("/server-status").Body)
	g := regexp.QuoteMeta(t.group())
	lines := []string{`WSGIBusyThreads\[` + g + `\]: 2`, `WSGIRestarts\[` + g + `\]: none`,
		`WSGIRequest\[` + g + `\]: \d+ \d+ \d+ GET /wait/<0>`, `WSGIRequest\[` + g + `\]: \d+ \d+ \d+ GET /wait/<1>`}
	if t.Mode == Daemon {
		lines = append(lines, `WSGIProcesses\[`+g+`\]: 1`, `WSGIThreads\[`+g+`\]: 2`, `WSGIQueue\[`+g+`\]: 3`, `WSGIRequests\[`+g+`\]: 0`)
	}
	for _, l := range lines {
		if !regexp.MustCompile(`(?m)^` + l + `$`).MatchString(auto) {
			t.Errorf("server-status?auto has no line %s:\n%s", l, wsgiPart(auto))
		}
	}
	for _, l := range []string{`<tr><td>` + g + `</td><td>\d</td><td>\d+</td><td>2</td>`, `<tr><td>` + g + `</td><td>\d+</td><td>\d+</td><td>\d+\.\d{3}</td><td>GET /wait/&lt;1&gt;</td></tr>`} {
		if !regexp.MustCompile(l).MatchString(html) {
			t.Errorf("server-status has no %s", l)
		}
	}
	// mod_status itself shows requests whole, where ExtendedStatus is on.
	if _, ours, _ := strings.Cut(html, "<h2>mod_wsgi</h2>"); strings.Contains(ours, "secret") || strings.Contains(wsgiPart(auto), "secret") {
		t.Errorf("a query string in server-status")
	}
}

// wsgiPart are our lines.
func wsgiPart(auto string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(auto, "\n"), func(l string) bool { return !strings.HasPrefix(l, "WSGI") }), "\n")
}

// metricsKilled wants counts to survive a process that is killed in the midst of
// a request, and the page to be there while no process can answer.
func metricsKilled(t *T) {
	for range 20 {
		t.check(Request{Path: "/"}, Want{}, t.Get("/"))
	}
	before := t.counted([5]int{1: 20})
	c := t.Dial()
	t.notes()
	t.Send(c, Request{Path: "/wait"})
	var pid int
	t.Wait("the application to wait", func() bool {
		list, _ := filepath.Glob(filepath.Join(t.notes(), "waiting-*"))
		return len(list) == 1 && func() bool { _, err := fmt.Sscan(readFile(list[0]), &pid); return err == nil }()
	})
	t.killed(pid)
	r, err := c.Read("GET")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.check(Request{Path: "/wait"}, Want{Status: 502}, r)
	p := t.counted([5]int{1: 20, 4: 1})
	Same(t, "answered by Apache", t.metric(p, "wsgi_relay_failures_total", "code=502"), 1)
	t.becomes(1, "wsgi_process_restarts_total", "cause=signal")
	if a, b := t.metric(before, "wsgi_queue_wait_seconds_count"), t.metric(p, "wsgi_queue_wait_seconds_count"); b < a {
		t.Errorf("waits in the queue went from %d to %d", a, b)
	}
	t.Wait("the next process", func() bool { return t.metric(t.metrics(), "wsgi_processes", "state=ready") == 2 })
	t.becomes(4, "wsgi_threads")
	t.Wait("the threads to be idle", func() bool { return t.metric(t.metrics(), "wsgi_threads_busy") == 0 })

	hosts := t.Server.Children("wsgi-host")
	for _, p := range hosts {
		t.stop(p.PID)
		defer syscall.Kill(p.PID, syscall.SIGCONT)
	}
	Same(t, "processes that stand still", len(hosts), 2)
	Same(t, "requests", t.classes(t.metrics()), [5]int{1: 20, 4: 1})
	for _, p := range hosts {
		t.signal(p.PID, syscall.SIGCONT)
	}
}

// metricsReplaced compares the counts with those of a load that went on while
// processes were replaced again and again.
func metricsReplaced(t *T) {
	l := t.Load(4, "/")
	last := 0
	t.Wait("processes to be replaced under load", func() bool {
		p := t.metrics()
		now := t.classes(p)[1]
		if now < last {
			t.Errorf("the count went from %d to %d", last, now)
		}
		last = now
		return t.metric(p, "wsgi_process_restarts_total", "cause=maximum_requests") >= 4
	})
	l.lostNone()
	p := t.counted([5]int{1: l.served()})
	t.becomes(l.served(), "wsgi_queue_wait_seconds_count")
	t.Notef("%d requests counted over %d processes", l.served(), t.metric(p, "wsgi_process_restarts_total", "cause=maximum_requests"))
}

// metricsRestarts wants counts to go on over graceful restarts, and when the
// group gets another shape and with that another scoreboard.
func metricsRestarts(t *T) {
	made := 0
	ask := func(n int) {
		for range n {
			t.check(Request{Path: "/status/404"}, Want{Status: 404}, t.Get("/status/404"))
			made++
		}
		t.counted([5]int{3: made})
	}
	graceful := func() {
		if err := t.Server.Graceful(t.Context); err != nil {
			t.Fatalf("%v", err)
		}
	}
	ask(7)
	graceful()
	ask(3)
	if t.Mode == Embedded {
		return
	}
	for _, threads := range []string{"threads=5", "threads=4"} {
		for i, l := range t.Server.Conf.Global {
			t.Server.Conf.Global[i] = regexp.MustCompile(`threads=\d`).ReplaceAllString(l, threads)
		}
		if err := t.Server.WriteConf(); err != nil {
			t.Fatalf("%v", err)
		}
		graceful()
		ask(2)
		t.Wait("the new threads", func() bool {
			return t.metric(t.metrics(), "wsgi_threads") == int(threads[len(threads)-1]-'0')
		})
	}
	graceful()
	ask(1)
}

// serverMetrics wants an application to see Apache's scoreboard, with the request
// that it asks in.
func serverMetrics(t *T) {
	type worker struct {
		Thread    int     `json:"thread_num"`
		Status    string  `json:"status"`
		Request   string  `json:"request"`
		Access    int     `json:"access_count"`
		Start     float64 `json:"start_time"`
		VHost     string  `json:"vhost"`
		Client    string  `json:"client"`
		Bytes     *int    `json:"bytes_served"`
		Last      float64 `json:"last_used"`
		Stop      float64 `json:"stop_time"`
		Generated *int    `json:"generation"`
	}
	var s struct {
		ServerLimit int     `json:"server_limit"`
		ThreadLimit int     `json:"thread_limit"`
		Generation  *int    `json:"running_generation"`
		Restart     float64 `json:"restart_time"`
		Current     float64 `json:"current_time"`
		Running     int     `json:"running_time"`
		Processes   []struct {
			Number    int      `json:"process_num"`
			PID       int      `json:"pid"`
			Quiescing *bool    `json:"quiescing"`
			Workers   []worker `json:"workers"`
		} `json:"processes"`
	}
	// The copy may be a tenth of a second old, and from before this request.
	t.Wait("a copy in which a worker is busy", func() bool {
		s.Processes = nil
		t.JSON("/server", &s)
		for _, p := range s.Processes {
			if slices.ContainsFunc(p.Workers, func(w worker) bool { return w.Status == "W" }) {
				return true
			}
		}
		return false
	})
	now := float64(time.Now().UnixMicro()) / 1e6
	if s.ServerLimit < 1 || s.ThreadLimit < 1 || s.Generation == nil || s.Restart < now-600 || s.Restart > s.Current || s.Current > now+1 || s.Running > 600 {
		t.Errorf("limits %d %d, times %v %v %d", s.ServerLimit, s.ThreadLimit, s.Restart, s.Current, s.Running)
	}
	var busy []worker
	for _, p := range s.Processes {
		if !alivePID(p.PID) || p.Quiescing == nil || len(p.Workers) != s.ThreadLimit {
			t.Errorf("process %d: pid %d, %d workers", p.Number, p.PID, len(p.Workers))
		}
		for _, w := range p.Workers {
			if len(w.Status) != 1 || !strings.Contains("_SRWKLDCGI.", w.Status) || w.Bytes == nil || w.Generated == nil {
				t.Errorf("worker %d: status %q", w.Thread, w.Status)
			}
			if w.Status == "W" {
				busy = append(busy, w)
			}
		}
	}
	if len(busy) != 1 || !strings.HasPrefix(busy[0].Request, "GET /server") {
		t.Errorf("busy workers: %+v", busy)
	}
	// A copy of a daemon group is renewed as requests come.
	t.Wait("a later scoreboard", func() bool {
		before := s.Current
		t.JSON("/server", &s)
		return s.Current > before
	})
}

func alivePID(pid int) bool { return pid > 0 && syscall.Kill(pid, 0) == nil }
