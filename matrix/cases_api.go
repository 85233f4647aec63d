package matrix

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// apiCases are about the modules mod_wsgi and apache: what they say, whom they
// tell of what, and what they count.
func apiCases() []Case {
	return []Case{
		{Name: "api-attributes", Covers: "PY01 PY13", App: "api", Ours: true, Own: true, Do: apiAttributes},
		{Name: "api-subscribe", Covers: "PY02", App: "api", Ours: true, Own: true, AtStop: Announce{`told of process_stopping`}, Do: func(t *T) {
			var f apiFacts
			t.JSON("/decorators", &f)
			Same(t, "subscribe_* return the function", f.Decorator, true)
			Same(t, "a subscriber that is no function", f.NotCallable, "TypeError")
			Same(t, "registered", fmt.Sprint(f.Callbacks), "[1 1]")
		}},
		{Name: "api-events", Covers: "PY03 PY06", App: "api", Ours: true, Own: true, Do: apiEvents},
		{Name: "api-events-sub", App: "api", Ours: true, Own: true, Interpreter: "of-its-own", Do: apiEvents},
		{Name: "api-replace", Covers: "PY04 PY05", App: "api", Ours: true, Own: true, Announced: append(frames(`ValueError: a subscriber fails`), `WSGIM0650: a subscriber to the event 'request_started' failed`), Do: apiReplace},
		{Name: "api-exception", Covers: "PY07", App: "api", Ours: true, Own: true, Announced: traceback(`KeyError: 'midway'`), Do: apiException},
		{Name: "api-stopping", Covers: "PY08", App: "api", Ours: true, Own: true, AtStop: Announce{`told of process_stopping: \{'shutdown_reason': '(shutdown_signal)?'\}$`}, Do: func(t *T) {
			var group string
			t.JSON("/shutdown", &group)
			Same(t, "in a daemon process", group != "", t.Mode == Daemon)
		}},
		{Name: "api-stopping-reason", Covers: "PY08", App: "api", Ours: true, Modes: []Mode{Daemon}, Daemon: "threads=1 maximum-requests=2",
			Announced: Announce{`told of process_stopping: \{'shutdown_reason': 'maximum_requests'\}$`}, Do: func(t *T) {
				var group string
				t.JSON("/shutdown", &group)
				t.Get("/heard")
				t.WaitLog(`told of process_stopping`)
			}},
		{Name: "api-signal", Covers: "DP11", App: "api", Ours: true, Modes: []Mode{Daemon}, Own: true, Daemon: "threads=2",
			Announced: Announce{`told of process_signal: \{'signame': 'SIGHUP', 'signum': 1\}$`, `told of process_signal: \{'signame': 'SIGUSR2', 'signum': 12\}$`}, Do: apiSignal},
		{Name: "api-restarts", Ours: true, Modes: []Mode{Daemon}, Daemon: "threads=1", Do: apiRestarts},
		{Name: "api-active", Covers: "PY09", App: "api", Ours: true, Modes: []Mode{Daemon}, Daemon: "threads=4", Do: apiActive},
		{Name: "api-metrics", Covers: "PY10 PY11", App: "api", Ours: true, Own: true, Daemon: "threads=3", Announced: Announce{`start_response was not called`}, Do: apiMetrics},
	}
}

// apiFacts is what the application says of the modules.
type apiFacts struct {
	ModWSGI        map[string]string `json:"mod_wsgi"`
	Apache         map[string]string `json:"apache"`
	Version        []int             `json:"version"`
	Groups         []string          `json:"groups"`
	Counts         []int             `json:"counts"`
	ApacheCounts   []int             `json:"apache_counts"`
	HTTPD          []any             `json:"httpd"`
	Bases          []string          `json:"bases"`
	Types          map[string]string `json:"types"`
	Implementation map[string]any    `json:"implementation"`
	Decorator      bool              `json:"decorator"`
	NotCallable    string            `json:"not_callable"`
	DataOutside    []string          `json:"data_outside"`
	Callbacks      []int             `json:"callbacks"`
}

func apiAttributes(t *T) {
	var f apiFacts
	t.JSON("/facts", &f)
	for name, kind := range map[string]string{
		"version": "tuple", "process_group": "str", "application_group": "str", "maximum_processes": "int", "threads_per_process": "int",
		"FileWrapper": "type", "RequestTimeout": "type", "LogHandler": "type", "active_requests": "dict",
		"event_callbacks": "list", "shutdown_callbacks": "list", "signal_callbacks": "list",
		"process_metrics": "builtin_function_or_method", "request_metrics": "builtin_function_or_method", "start_recording_metrics": "builtin_function_or_method",
		"server_metrics": "builtin_function_or_method", "subscribe_events": "builtin_function_or_method",
		"subscribe_shutdown": "builtin_function_or_method", "subscribe_signals": "builtin_function_or_method", "request_data": "builtin_function_or_method",
		"implementation": "SimpleNamespace",
	} {
		Same(t, "mod_wsgi."+name, f.ModWSGI[name], kind)
	}
	for name, kind := range map[string]string{
		"version": "tuple", "maximum_processes": "int", "threads_per_process": "int", "description": "str", "mpm_name": "str", "build_date": "str",
	} {
		Same(t, "apache."+name, f.Apache[name], kind)
	}
	Same(t, "the version", fmt.Sprint(f.Version), "[6 0 5]")
	Same(t, "the bases of RequestTimeout", fmt.Sprint(f.Bases), "[BaseException]")
	Same(t, "the names of the types", fmt.Sprint(f.Types), "map[FileWrapper:<class 'mod_wsgi.FileWrapper'> LogHandler:<class 'mod_wsgi.LogHandler'> RequestTimeout:<class 'mod_wsgi.RequestTimeout'>]")
	Same(t, "request_data outside of requests", fmt.Sprint(f.DataOutside), "[RuntimeError RuntimeError]")
	Same(t, "the name of the MPM", fmt.Sprint(f.HTTPD[2]), t.Server.Conf.MPM)
	if d := fmt.Sprint(f.HTTPD[1]); !strings.HasPrefix(d, "Apache/2.4.") {
		t.Errorf("apache.description is %q", d)
	}
	if fmt.Sprint(f.HTTPD[3]) == "" || f.Implementation["version"] == nil {
		t.Errorf("build date %q, implementation %v", f.HTTPD[3], f.Implementation)
	}
	if t.Mode == Embedded {
		Same(t, "counts of processes and threads", fmt.Sprint(f.Counts), fmt.Sprint(f.ApacheCounts))
	}
	if f.Counts[0] < 1 || f.Counts[1] < 1 || f.ApacheCounts[0] < 1 || f.ApacheCounts[1] < 1 {
		t.Errorf("processes and threads are %v, Apache's %v", f.Counts, f.ApacheCounts)
	}
}

// apiEvent is what a subscriber was told.
type apiEvent struct {
	Event     string
	Payload   map[string]any
	Types     map[string]string
	InRequest *bool `json:"in_request"`
}

// eventsOf are the events since the last call, without those of asking for them.
func eventsOf(t *T) []apiEvent {
	var all []apiEvent
	t.JSON("/heard", &all)
	// The request that asks has begun, and the one that subscribed has ended.
	started := slices.IndexFunc(all, func(e apiEvent) bool { return e.Event == "request_started" })
	if started < 0 {
		t.Fatalf("no event in %v", all)
	}
	return all[started:]
}

func keysOf(m map[string]string) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// sorted is a list of words in order.
func sorted(words string) string {
	list := strings.Fields(words)
	slices.Sort(list)
	return strings.Join(list, " ")
}

// eventKeys are those of the payload of each event of a request.
func eventKeys(mode Mode) map[string]string {
	started := "request_id thread_id server_pid request_start queue_start daemon_start application_start application_object callable_object request_environ request_data"
	if mode == Daemon {
		started += " daemon_connects daemon_restarts"
	}
	return map[string]string{
		"request_started":   sorted(started),
		"response_started":  sorted("request_id response_status response_headers exception_info request_data"),
		"request_exception": sorted("request_id exception_info request_data"),
		"request_finished": sorted("request_id thread_id server_pid request_start queue_start daemon_start application_start application_finish application_time status " +
			"input_reads input_length input_time output_writes output_length output_time cpu_user_time cpu_system_time cpu_time gil_wait_time gil_wait_count request_data"),
	}
}

// judgeEvents compares the events of one request with what they have to be.
func judgeEvents(t *T, events []apiEvent, names ...string) {
	keys := eventKeys(t.Mode)
	if len(events) < len(names) {
		t.Fatalf("%d events, want %v", len(events), names)
	}
	for i, name := range names {
		e := events[i]
		Same(t, "event "+strconv.Itoa(i), e.Event, name)
		Same(t, "keys of "+name, keysOf(e.Types), keys[name])
		Same(t, "request_id of "+name, e.Payload["request_id"], events[0].Payload["request_id"])
		if e.InRequest == nil || !*e.InRequest {
			t.Errorf("%s: request_data is not that of the request", name)
		}
	}
}

func apiEvents(t *T) {
	t.Get("/subscribe")
	body := []byte(strings.Repeat("x", 5000))
	t.check(Request{Method: "POST", Path: "/work?0.01", Body: body}, Want{Body: "5000"}, t.Do(Request{Method: "POST", Path: "/work?0.01", Body: body}))
	t.Get("/stream")
	events := eventsOf(t)
	judgeEvents(t, events, "request_started", "response_started", "request_finished")
	judgeEvents(t, events[3:], "request_started", "response_started", "request_finished")
	for key, kind := range map[string]string{
		"request_id": "str", "thread_id": "int", "server_pid": "int", "request_start": "float", "queue_start": "float", "daemon_start": "float", "application_start": "float",
		"application_object": "function", "callable_object": "str", "request_environ": "dict", "request_data": "dict",
	} {
		Same(t, "request_started "+key, events[0].Types[key], kind)
	}
	done := events[2]
	for key, kind := range map[string]string{
		"application_finish": "float", "application_time": "float", "status": "int", "input_reads": "int", "input_length": "int", "input_time": "float", "output_writes": "int", "output_length": "int",
		"output_time": "float", "cpu_user_time": "float", "cpu_system_time": "float", "cpu_time": "float", "gil_wait_time": "float", "gil_wait_count": "int",
	} {
		Same(t, "request_finished "+key, done.Types[key], kind)
	}
	Same(t, "status", done.Payload["status"], any(200.0))
	Same(t, "input_length", done.Payload["input_length"], any(5000.0))
	Same(t, "input_reads", done.Payload["input_reads"], any(1.0))
	Same(t, "output_length", done.Payload["output_length"], any(4.0))
	Same(t, "output_length of a stream", events[5].Payload["output_length"], any(6.0))
	Same(t, "output_writes of a stream", events[5].Payload["output_writes"], any(2.0))
	start, finish, took := done.Payload["application_start"].(float64), done.Payload["application_finish"].(float64), done.Payload["application_time"].(float64)
	if took < 0.009 || took > 5 || finish-start < 0.009 || done.Payload["cpu_time"].(float64) <= 0 {
		t.Errorf("10 ms of work began at %v, ended at %v and took %v s, CPU %v s", start, finish, took, done.Payload["cpu_time"])
	}
	Same(t, "what was seen of one request", fmt.Sprint(done.Payload["request_data"]), "map[seen:[request_started response_started request_finished] shared:true]")
	Same(t, "an environ of the request", events[0].Payload["request_environ"].(map[string]any)["PATH_INFO"], any("/work"))
	var d struct {
		Same, Subscribers bool
		Data              map[string]any
	}
	t.JSON("/data?mine", &d)
	Same(t, "request_data twice", d.Same, true)
	Same(t, "request_data of application and subscribers", d.Subscribers, true)
	Same(t, "what the application put there", d.Data["mark"], any("mine"))
}

// apiRestarts changes the script: the request that sees it first is sent twice.
func apiRestarts(t *T) {
	first := Exchange{Want: Want{Body: "1 0"}}
	t.check(first.Request, first.Want, t.Get("/"))
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(t.Dir, "app.wsgi"), later, later); err != nil {
		t.Fatalf("%v", err)
	}
	var sent, refused int
	if _, err := fmt.Sscan(string(t.Get("/").Body), &sent, &refused); err != nil || refused < 1 || sent != refused+1 {
		t.Errorf("after a change of the script a request was sent %d times, %d of them refused: %v", sent, refused, err)
	}
	// Until it is told to drain, the process before may take one more, and refuse it.
	t.Wait("a request to be sent once again", func() bool { return string(t.Get("/").Body) == first.Want.Body })
}

func apiReplace(t *T) {
	t.Get("/subscribe")
	t.Get("/heard")
	t.check(Request{Path: "/replaced"}, Want{Status: 202, Reason: "Replaced", Body: "another application"}, t.Get("/replaced"))
	var names []string
	for _, e := range eventsOf(t) {
		names = append(names, e.Event)
	}
	Same(t, "what happened", fmt.Sprint(names[:6]), "[request_started merged after response_started request_finished request_started]")
}

func apiException(t *T) {
	t.Get("/subscribe")
	c := t.Dial()
	t.Send(c, Request{Path: "/raise"})
	if r, err := c.Read("GET"); err == nil && r.End == EndFramed {
		t.Errorf("a response that broke off ended well: %q", r.Body)
	}
	events := eventsOf(t)
	judgeEvents(t, events, "request_started", "response_started", "request_exception", "request_finished")
	info, _ := events[2].Payload["exception_info"].([]any)
	if len(info) != 3 || info[0] != "<class 'KeyError'>" || info[1] != "KeyError('midway')" || !strings.HasPrefix(fmt.Sprint(info[2]), "<traceback object") {
		t.Errorf("exception_info is %v", info)
	}
}

func apiSignal(t *T) {
	var f struct {
		Process map[string]any
	}
	t.Get("/record")
	t.JSON("/metrics", &f)
	pid := int(f.Process["pid"].(float64))
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR2} {
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatalf("signal to %d: %v", pid, err)
		}
		t.WaitLog(fmt.Sprintf(`told of process_signal: .*'signum': %d\}`, s))
	}
	t.JSON("/metrics", &f)
	Same(t, "the process", int(f.Process["pid"].(float64)), pid)
}

// apiActive asks for the requests that run while two of them wait.
func apiActive(t *T) {
	waiting := []*Conn{t.Dial(), t.Dial()}
	for _, c := range waiting {
		t.Send(c, Request{Path: "/wait"})
	}
	var active map[string]map[string]any
	t.Wait("two requests that wait", func() bool {
		active = nil
		t.JSON("/active", &active)
		marked := 0
		for _, data := range active {
			if data["mark"] != nil {
				marked++
			}
		}
		return marked == 3
	})
	for id, data := range active {
		if data["mark"] != nil {
			Same(t, "the request of an entry", data["mark"], any(id))
		}
	}
	t.Get("/go")
	for _, c := range waiting {
		r, err := c.Read("GET")
		var id string
		if err != nil || json.Unmarshal(r.Body, &id) != nil || active[id]["mark"] != id {
			t.Errorf("request %s is not among the active ones %v (%v)", r.Body, active, err)
		}
	}
	t.Wait("only one request that runs", func() bool {
		active = nil
		t.JSON("/active", &active)
		return len(active) == 1
	})
}

// window is what request_metrics and process_metrics returned.
type window struct {
	Request, Process map[string]any
	Server           any
}

// requestKeys are those of request_metrics.
func requestKeys() string {
	keys := strings.Fields("pid start_time stop_time sample_period request_count request_throughput capacity_utilization request_threads_maximum request_threads_started request_threads_active " +
		"request_threads_completed request_threads_buckets request_threads_busy_time request_threads_cpu_time request_threads_current_elapsed request_threads_max_duration " +
		"gil_wait_count input_bytes input_reads output_bytes output_writes status_1xx status_2xx status_3xx status_4xx status_5xx " +
		"cpu_user_utilization cpu_system_utilization cpu_utilization cpu_user_time cpu_system_time cpu_time memory_rss memory_max_rss")
	for _, phase := range strings.Fields("server_time queue_time daemon_time application_time request_time gil_wait_time input_read_time output_write_time") {
		keys = append(keys, phase, phase+"_min_us", phase+"_max_us", phase+"_buckets")
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

func apiMetrics(t *T) {
	var w window
	t.JSON("/metrics", &w)
	if w.Request != nil || w.Process != nil {
		t.Errorf("before recording: %v", w)
	}
	t.Get("/record")
	t.JSON("/metrics", &w) // the request that began to record is not counted
	t.Do(Request{Method: "POST", Path: "/work?0.03", Body: []byte("12345")})
	t.Get("/none")
	t.JSON("/metrics", &w)
	Same(t, "keys of request_metrics", keysOf(stringsOf(w.Request)), requestKeys())
	Same(t, "keys of process_metrics", keysOf(stringsOf(w.Process)),
		sorted("pid request_count request_busy_time memory_rss memory_max_rss cpu_user_time cpu_system_time cpu_time restart_time current_time running_time request_threads active_requests threads"))
	m := w.Request
	number := func(key string) float64 { f, _ := m[key].(float64); return f }
	// The one before asked for the metrics, and ended in this window.
	Same(t, "request_count", number("request_count"), 3)
	Same(t, "2xx", number("status_2xx"), 2)
	Same(t, "5xx", number("status_5xx"), 1) // start_response was never called
	Same(t, "input_bytes", number("input_bytes"), 5)
	if number("start_time") >= number("stop_time") || number("sample_period") <= 0 || number("application_time_max_us") < 29000 || number("capacity_utilization") <= 0 || number("memory_rss") < 1<<20 {
		t.Errorf("start %v stop %v period %v longest %v capacity %v memory %v", m["start_time"], m["stop_time"], m["sample_period"], m["application_time_max_us"], m["capacity_utilization"], m["memory_rss"])
	}
	for _, phase := range strings.Fields("server_time application_time request_time gil_wait_time input_read_time output_write_time") {
		sum := 0.0
		buckets, _ := m[phase+"_buckets"].([]any)
		for _, n := range buckets {
			sum += n.(float64)
		}
		Same(t, "buckets of "+phase, len(buckets), 65)
		Same(t, "requests in "+phase, sum, 3)
	}
	if got := m["queue_time"] != nil && m["daemon_time"] != nil; got != (t.Mode == Daemon) {
		t.Errorf("queue_time %v, daemon_time %v", m["queue_time"], m["daemon_time"])
	}
	if t.Mode == Daemon {
		Same(t, "maximum of threads", number("request_threads_maximum"), 3)
	}
	Same(t, "threads", len(m["request_threads_completed"].([]any)), int(number("request_threads_maximum")))
	Same(t, "requests since the start", w.Process["request_count"], any(3.0))
	t.JSON("/metrics", &w)
	Same(t, "a window without requests but the one that asked", w.Request["request_count"], any(1.0))
	if w.Server != nil {
		t.Errorf("server_metrics without permission: %v", w.Server)
	}
}

func stringsOf(m map[string]any) map[string]string {
	out := map[string]string{}
	for k := range m {
		out[k] = ""
	}
	return out
}
