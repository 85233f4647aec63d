package matrix

import (
	"fmt"
	"path/filepath"
	"strings"

	"modwsgi/internal/telemetry"
)

// telemetryConf sends telemetry to a socket beside the application.
var telemetryConf = []string{`WSGITelemetryService "unix:@APP@/t.sock" interval=0.5`, "WSGISlowRequests 0.6"}

func telemetryCases() []Case {
	return []Case{
		{Name: "telemetry", Covers: "TL01 PY14", App: "api", Ours: true, Own: true, Global: telemetryConf, Do: telemetryLife},
		{Name: "telemetry-slow", Covers: "TL02", App: "api", Ours: true, Own: true, Global: telemetryConf, Do: telemetrySlow},
		{Name: "telemetry-agent", Covers: "TL02", App: "api", Ours: true, Own: true, Global: append([]string{"WSGITelemetryOptions +CaptureUserAgent"}, telemetryConf...), Do: telemetryAgent},
		{Name: "telemetry-nobody", Covers: "TL03", App: "api", Ours: true, Own: true, Global: append([]string{"LogLevel wsgi:info"}, telemetryConf...), Do: telemetryNobody},
	}
}

// ingest listens at the place that telemetryConf names, and wants everything
// that comes to be right.
func (t *T) ingest(use func(*Ingester)) {
	in, err := Ingest(filepath.Join(t.Dir, "t.sock"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer in.Close()
	use(in)
	for _, err := range in.Errors() {
		t.Errorf("a datagram is wrong: %v", err)
	}
}

// waitFor waits for a datagram that is as wanted.
func (t *T) waitFor(in *Ingester, what string, kind telemetry.Kind, pid uint32, wanted func(telemetry.Datagram) bool) telemetry.Datagram {
	var found telemetry.Datagram
	err := t.Server.await(t.Context, telemetryDeadline, what, func() bool {
		for _, d := range in.Got(kind, pid) {
			if wanted == nil || wanted(d) {
				found = d
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("%v (%v)", err, in.Errors())
	}
	return found
}

// telemetryLife follows a process of each generation from its start to its end.
func telemetryLife(t *T) {
	t.Get("/heard") // in embedded mode Python runs from the first request on
	t.ingest(func(in *Ingester) {
		first := t.waitFor(in, "a sample", telemetry.KindSample, 0, nil)
		Same(t, "the group", first.Text(6) != "", t.Mode == Daemon)
		if err := t.Server.Graceful(t.Context); err != nil {
			t.Fatalf("%v", err)
		}
		stopping := t.waitFor(in, "the end of a process", telemetry.KindStopping, first.PID, nil)
		stopped := t.waitFor(in, "its last word", telemetry.KindStopped, first.PID, nil)
		Same(t, "its reason", stopping.Text(130), map[Mode]string{Embedded: "", Daemon: "graceful_signal"}[t.Mode])
		Same(t, "the same reason", stopped.Text(130), stopping.Text(130))
		Same(t, "no request was lost", fmt.Sprint(stopped.Number(134), stopped.Number(135)), "0 1")
		if stopped.Sequence <= stopping.Sequence || stopping.Float(131) <= 0 {
			t.Errorf("sequence %d then %d, uptime %v", stopping.Sequence, stopped.Sequence, stopping.Float(131))
		}
		t.Do(Request{Method: "POST", Path: "/work?0.02", Body: []byte("12345")})
		var w window
		t.JSON("/metrics", &w)
		if w.Request != nil || w.Process != nil {
			t.Errorf("metrics beside telemetry: %v", w)
		}
		t.Get("/collect")
		busy := t.waitFor(in, "a sample with the request", telemetry.KindSample, 0, func(d telemetry.Datagram) bool { return d.Number(100) == 5 })
		started := t.waitFor(in, "the start of the process", telemetry.KindStarted, busy.PID, nil)
		if !strings.HasPrefix(started.Text(3), "Apache/2.4.") || started.Text(2) == "" || started.Text(4) != t.Server.Conf.MPM || started.Number(7) != uint64(t.Server.PID) {
			t.Errorf("identity: %v", started.Fields)
		}
		if busy.Number(121) == 0 || busy.Float(83) < 0.019 || busy.Number(40) < 1<<20 || busy.Float(10) < 0.3 || busy.Float(11) != 0.5 {
			t.Errorf("a sample: %v", busy.Fields)
		}
		gc := t.waitFor(in, "counts of the collector", telemetry.KindGC, busy.PID, func(d telemetry.Datagram) bool { return d.Number(308) >= 3 })
		Same(t, "the collector runs", gc.Number(315), 1)
		t.Get("/collect")
		t.waitFor(in, "a pass of the collector", telemetry.KindGCEvent, busy.PID, func(d telemetry.Datagram) bool { return d.Number(322) == 2 })
	})
}

func telemetrySlow(t *T) {
	t.ingest(func(in *Ingester) {
		q := Request{Path: "/work?1.6", Header: []string{"User-Agent: secret"}}
		t.check(q, Want{Body: "0"}, t.Do(q))
		running := t.waitFor(in, "a request that runs", telemetry.KindSlow, 0, func(d telemetry.Datagram) bool { return d.Number(200) == 0 })
		done := t.waitFor(in, "its end", telemetry.KindSlow, running.PID, func(d telemetry.Datagram) bool { return d.Number(200) == 1 })
		Same(t, "the request", done.Text(204), running.Text(204))
		Same(t, "status", fmt.Sprint(running.Number(240), done.Number(240)), "0 200")
		Same(t, "what was asked for", done.Text(210)+" "+done.Text(211)+" "+done.Text(214)+" "+done.Text(215)+" "+done.Text(216), "GET http /work HTTP/1.1 127.0.0.1")
		if d := done.Float(202); d < 1.5 || d > 20 || running.Float(202) < 0.6 || running.Float(202) > d || done.Float(250)+done.Float(251) <= 0 || done.Number(260) != 1 {
			t.Errorf("while it runs %v, at its end %v", running.Fields, done.Fields)
		}
		for _, d := range in.Got(telemetry.KindSlow, 0) {
			for id, v := range d.Fields {
				if s, ok := v.(string); ok && (strings.Contains(s, "1.6") || strings.Contains(s, "secret")) {
					t.Errorf("field %d tells %q", id, s)
				}
			}
		}
		n := len(in.Got(telemetry.KindSlow, 0))
		t.Get("/work?0.01")
		t.waitFor(in, "a sample with the quick request", telemetry.KindSample, running.PID, func(d telemetry.Datagram) bool { return d.Time > done.Time && d.Number(20) > 0 })
		Same(t, "slow requests", len(in.Got(telemetry.KindSlow, 0)), n)
	})
}

func telemetryAgent(t *T) {
	t.ingest(func(in *Ingester) {
		long := strings.Repeat("p", 600)
		t.Do(Request{Path: "/soon/" + long, Header: []string{"User-Agent: an agent"}}) // answers at once
		t.Do(Request{Path: "/work?0.8", Header: []string{"User-Agent: an agent"}})
		done := t.waitFor(in, "the end of a slow request", telemetry.KindSlow, 0, func(d telemetry.Datagram) bool { return d.Number(200) == 1 })
		Same(t, "the agent", done.Text(217), "an agent")
	})
}

// telemetryNobody wants a service that is not there to disturb nobody, and to be
// found when it comes.
func telemetryNobody(t *T) {
	for range 3 {
		t.check(Request{Path: "/work?0.01"}, Want{Body: "0"}, t.Get("/work?0.01"))
	}
	t.WaitLog(`telemetry cannot be sent to '.*t\.sock' and is dropped`)
	t.ingest(func(in *Ingester) {
		t.waitFor(in, "a sample", telemetry.KindSample, 0, func(d telemetry.Datagram) bool { return d.Sequence > 1 })
		t.WaitLog(`telemetry is sent to '.*t\.sock' again`)
	})
	lines := 0
	for _, r := range t.Log() {
		if strings.Contains(r.Text, "telemetry cannot be sent") {
			lines++
		}
	}
	// One process may be told of in each of its lives, the children are several.
	if processes := len(t.Server.Children("")) + 1; lines > 2*processes {
		t.Errorf("%d lines about a service that is not there", lines)
	}
}
