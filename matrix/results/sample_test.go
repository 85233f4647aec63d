package results

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"modwsgi/matrix/plan"
)

// hostile is what a log can have in it, to mean more where it is shown.
const hostile = `</pre></script><script>document.title='owned'</script><img src=x onerror="document.title='owned'">` +
	"\n]]>&amp;<!-- --><svg onload=document.title='owned'>\n```\n</details>\n| # ::error::owned\n::set-output name=x::owned\n{{.Plan}} javascript:alert(1) \x1b[31m\x00\xff\u202e end"

// sample is a plan of n cells or a few more, and results of all of them: most
// pass, the others end in every way that there is.
func sample(n int) (*plan.Plan, []Result) {
	m := plan.Machine{Apaches: []plan.Server{{Version: "2.4.62", Apxs: "/usr/bin/apxs", MPMs: plan.Closed(plan.MPM)}}}
	for _, version := range []string{"3.9.20", "3.10.15", "3.11.2", "3.12.7", "3.13.5", "3.14.0", "3.13.5t", "3.14.0t"} {
		number, free := strings.CutSuffix(version, "t")
		m.Pythons = append(m.Pythons, plan.Runtime{Request: "/opt/" + version + "/bin/python3", Version: number, Executable: "/opt/" + version + "/bin/python3", Free: free, Shared: true})
	}
	text := "[axes]\nmpm = [\"prefork\", \"event\", \"worker\"]\n"
	if n > 50 { // some Pythons have a further one, two of them two
		text += "gil = [\"default\", \"free\", \"per-interpreter\"]\n"
	}
	c, err := plan.ReadConfig("matrix.toml", text)
	if err != nil {
		panic(err)
	}
	p, err := plan.New(c, m, plan.Request{Mode: plan.Full})
	if err != nil {
		panic(err)
	}
	if len(p.Cells) < n {
		panic(fmt.Sprintf("%d cells", len(p.Cells)))
	}
	random := rand.New(rand.NewPCG(9, uint64(n)))
	var list []Result
	for i, c := range p.Cells {
		list = append(list, sampleResult(random, p.Hash, i, c))
	}
	return p, list
}

func sampleResult(random *rand.Rand, hash string, i int, c plan.Planned) Result {
	status := Pass
	if i%7 == 3 {
		status = Statuses()[i/7%7]
	}
	version, free := strings.CutSuffix(strings.TrimPrefix(c.Cell.Python, "py"), "t")
	facts := map[string]string{FactPython: version + ".5", FactGIL: "on", FactMPM: c.Cell.MPM, FactApache: "2.4.62", FactMMN: "20120211:133",
		"hexversion": "0x30d05f0", "libpython": "/usr/lib/x86_64-linux-gnu/libpython" + version + ".so.1.0"}
	if free && c.Cell.GIL == plan.Free {
		facts[FactGIL] = "off"
	}
	r := Result{Schema: Schema, Plan: hash, ID: c.ID, Axes: c.Cell, Status: status, Attempts: 1, Facts: facts,
		Durations:    map[string]float64{"build": milli(random.Float64() * 3), "start": milli(random.Float64()), "run": milli(2 + random.Float64()*20), "stop": 0.2},
		Fingerprints: map[string]string{"mod_wsgi.so": "sha256:9b1f04c3aa17", "wsgi-host": "sha256:77ce0d2191b4"},
		Host:         "builder-" + string(rune('a'+i%2)), Repro: plan.Targets.Repro(c.ID), Began: time.Date(2026, 11, 21, 20, 0, i, 0, time.UTC)}
	for k := range 20 {
		r.Cases = append(r.Cases, CaseResult{Name: fmt.Sprintf("case-%02d", k), Status: Pass, Seconds: 0.25})
	}
	r.Cases[2].Messages = []string{"31 MiB before, 31 MiB after 1,000 uploads"}
	r.Cases[4] = CaseResult{Name: "sendfile", Status: Skip, Messages: []string{"not root"}}
	switch status {
	case Fail:
		r.Cases[7] = CaseResult{Name: "upload-slow", Status: Fail, Seconds: 3.4, Messages: []string{"the answer has 17 bytes, want 12\n" + hostile, "the error log has: [wsgi:error] MW213: a line nobody announced"}}
		r.Messages, r.Codes, r.Log = []string{"1 of 20 cases failed"}, []string{"MW213"}, strings.Repeat("[Sat Nov 21 20:00:00.000000 2026] [wsgi:info] [pid 4242:tid 4243] mod_wsgi: a process of the group 'site' started\n", 40)+hostile+"\n"
	case Error:
		r.Messages, r.Cases = []string{"build: cc: exit status 1\nwsgi_host.c:12:1: error: expected ';' before 'static'"}, nil
	case Timeout:
		r.Attempts, r.Earlier = 2, []Attempt{{Timeout, 120, []string{"no answer within 120 s"}}}
		r.Messages, r.Log = []string{"no answer within 120 s"}, hostile
	case Skip:
		r.Why, r.Attempts, r.Durations, r.Facts, r.Cases = "interpreter missing", 0, nil, nil, nil
	case XFail, XPass:
		r.Why = "subinterpreters of this Python leak (issue 12)"
		r.Messages = []string{"it leaks 3 MiB per restart"}
	case Pass:
		if i%11 == 5 {
			r.Flaky, r.Attempts, r.Earlier = true, 2, []Attempt{{Error, 4.5, []string{"starting httpd: exit status 1\n" + hostile}}}
		}
	}
	return r
}
