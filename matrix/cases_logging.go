package matrix

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// loggingCases are about what applications write to the error log.
func loggingCases() []Case {
	hit := func(path string) []Exchange { return []Exchange{{Request{Path: path}, Want{}}} }
	ways := Announce{`^way print$`, `^way stderr$`, `^way write$`, `^way flushed$`, `^way writelines$`, `^way bytes$`, `^way bytearray$`, `^way memoryview$`, `^way open$`}
	return []Case{
		{Name: "logging", Covers: "LG02 LG03", Ours: true, Steps: hit("/lines"), Announced: Announce{
			`^first line$`, `^second line$`, `^third line$`, `^flushed before its end$`, `^a print$`, `^to stderr$`, `^no newline at the end$`}},
		{Name: "logging-ways", App: "logging", Covers: "LG01 LG05", Ours: true, Steps: hit("/ways"), Announced: ways, Do: func(t *T) {
			t.WaitLog(`^way open$`)
			for _, r := range t.Log() {
				if strings.HasPrefix(r.Text, "way ") {
					Same(t, "level of "+r.Text, r.Level, "error")
				}
			}
		}},
		{Name: "logging-hidden", App: "logging", Covers: "LG05", Ours: true, Conf: []string{"LogLevel crit"}, Steps: hit("/ways"), Do: func(t *T) {
			t.settle()
			for _, r := range t.Log() {
				if strings.Contains(r.Text, "way ") {
					t.Errorf("LogLevel crit lets %q through", r.Line)
				}
			}
		}},
		{Name: "logging-level", App: "logging", Steps: hit("/lines"), Announced: Announce{`line$|^a print$|its end$|^to stderr$|at the end$`}, Do: func(t *T) {
			t.WaitLog(`^third line$`)
			for _, r := range t.Log() {
				if r.Text == "third line" || r.Text == "a print" {
					Same(t, "level of "+r.Text, r.Level, "error")
				}
			}
		}},
		{Name: "logging-module", App: "logging", Steps: hit("/logging"),
			Announced: Announce{`^from logging$`, `Traceback`, `File ".*app.wsgi", line \d+, in application`, `ZeroDivisionError`, `?^ {4,}\S`}},
		{Name: "logging-object", App: "logging", Announced: Announce{`^after close$`}, Ours: true, Steps: []Exchange{{Request{Path: "/object"}, Want{Body: "no fileno False"}}}},
		{Name: "logging-odd", App: "logging", Covers: "LG04", Announced: Announce{`^nul .*shown$`, `wide .* end$`, `^bytes$`, `^long x+`, `x* tail$`, `?^x+$`}, Ours: true, Steps: hit("/odd")},
		{Name: "logging-big", App: "logging", Covers: "LG04", Ours: true, Steps: hit("/big"), Do: longLines,
			Announced: Announce{`^big [0-9]+$`, `^[0-9]+$`, `^[0-9]+ tail$`, `^before empty$`, `^$`, `^after empty$`, `^quoted \\?"\\\\ (\\x..)+$`, `^(\\x..)+( done)?$`}},
		{Name: "logging-surrogates", App: "logging", Covers: "LG08", Ours: true, Steps: hit("/surrogates"), Announced: Announce{`^lone .*surrogates$`, `^invalid .* bytes$`, `^printed .* too$`}},
		{Name: "logging-threads", App: "logging", Covers: "LG07", Ours: true, Steps: hit("/threads"), Announced: Announce{`^(\[daemon '\w+'\] )?(a{20}|b{20}) \d+ end$`}, Do: func(t *T) {
			lines := map[string]int{}
			t.Wait("the lines of both threads", func() bool {
				clear(lines)
				for _, r := range t.Log() {
					if strings.Contains(r.Text, "aa") || strings.Contains(r.Text, "bb") {
						lines[r.Text]++
					}
				}
				return len(lines) >= 400
			})
			for l, n := range lines {
				if n != 1 {
					t.Errorf("%d times %q", n, l)
				}
			}
		}},
		{Name: "logging-handler", App: "logging", Covers: "LG06", Ours: true, Conf: []string{"LogLevel wsgi:info"}, Do: handlerLevels,
			Announced: append(frames(`KeyError: 'missing'`), `^level (60|50|45|40|30)$`, `^two \\?"lines\\?"$`, `^of \\\\ one record$`, `^an exception$`)},
		{Name: "logging-place", App: "logging", Ours: true, Own: true, Global: []string{`ErrorLogFormat "[%{u}t] [%-m:%l] [pid %P] %F: %M"`, "LogLevel wsgi:debug"}, Do: handlerPlace,
			Announced: Announce{`app\.wsgi\(\d+\): .*level 60`, `?.*`}},
		{Name: "logging-prefix", App: "logging", Covers: "LG09", Ours: true, Steps: hit("/lines"), Announced: Announce{`line$|^a print$|its end$|^to stderr$|at the end$`}, Do: requestPrefix},
		{Name: "logging-traceback", App: "logging", Covers: "LG11", Ours: true, Steps: []Exchange{{Request{Path: "/raise"}, Want{Status: 500}}},
			Announced: append(traceback(`^LookupError: first line$`), `^second \\?"line\\?"$`)},
		{Name: "logging-verbose", App: "logging", Covers: "LG10", Ours: true, Own: true, Global: []string{"LogLevel wsgi:trace1"}, Steps: hit("/object"), Announced: Announce{`^after close$`}, Do: func(t *T) { verbose(t, true) }},
		{Name: "logging-quiet", App: "logging", Covers: "LG10", Ours: true, Own: true, Global: []string{"LogLevel wsgi:info"}, Steps: hit("/object"), Announced: Announce{`^after close$`}, Do: func(t *T) { verbose(t, false) }},
		{Name: "logging-vhost", App: "logging", Ours: true, Own: true, Modes: []Mode{Daemon}, Mount: "-",
			Conf:  []string{"WSGIDaemonProcess of-the-host threads=2", `WSGIScriptAlias / "@APP@/app.wsgi" process-group=of-the-host`},
			Steps: hit("/outside"), Announced: Announce{`from a thread of its own$`, `^raw text$`, `^from the request$`}, Do: func(t *T) {
				for _, line := range []string{"from a thread of its own", "raw text", "from the request"} {
					t.WaitLog(line + "$")
					if strings.Contains(t.Server.LogText("error.log"), line) {
						t.Errorf("%q is in the log of the main server", line)
					}
				}
			}},
		{Name: "logging-json", App: "logging", Ours: true, Own: true, Conf: []string{"WSGILogFormat json", "LogLevel wsgi:info"}, Do: jsonLines, Announced: Announce{`^\{"time":".*\}$`}},
	}
}

// longLines wants all of a line that is longer than a record to be there.
func longLines(t *T) {
	t.WaitLog(` done$`)
	var digits, chars int
	for _, r := range t.Log() {
		if len(r.Line) > 8192 {
			t.Errorf("a record of %d bytes", len(r.Line))
		}
		digits += strings.Count(r.Text, "0123456789")
		chars += strings.Count(r.Text, `\xe2\x82\xac`)
	}
	// A record may end within one of the tens.
	if digits < 9980 || digits > 10000 {
		t.Errorf("%d of 10000 tens of digits", digits)
	}
	var all strings.Builder
	for _, r := range t.Log() {
		if regexp.MustCompile(`^(big )?[0-9]+( tail)?$`).MatchString(r.Text) {
			all.WriteString(strings.TrimSuffix(strings.TrimPrefix(r.Text, "big "), " tail"))
		}
	}
	Same(t, "digits", all.Len(), 100000)
	Same(t, "characters", chars, 5000)
}

func handlerLevels(t *T) {
	r := t.Get("/levels")
	Same(t, "records that were formatted", string(r.Body), "Level 60 CRITICAL Level 45 ERROR WARNING Level 25 INFO ERROR ERROR ERROR")
	t.WaitLog(`^KeyError: 'missing'$`)
	levels := map[string]string{}
	for _, r := range t.Log() {
		levels[r.Text] = r.Level
	}
	for text, want := range map[string]string{"level 60": "crit", "level 50": "crit", "level 45": "error", "level 40": "error", "level 30": "warn",
		"level 25": "info", "level 20": "info", "level 10": "", "level 5": "", "an exception": "error", `of \\ one record`: "error"} {
		Same(t, "level of "+text, levels[text], want)
	}
}

// handlerPlace wants the place in the application where Apache's format has one.
func handlerPlace(t *T) {
	t.Get("/levels")
	t.Wait("the place of a record", func() bool {
		return regexp.MustCompile(`app\.wsgi\(\d+\): .*level 10`).MatchString(t.Server.LogText(t.ownLog()) + t.Server.LogText("error.log"))
	})
}

func requestPrefix(t *T) {
	t.WaitLog(`^third line$`)
	script := regexp.MustCompile(`\[client 127\.0\.0\.1:\d+\] \[script ([^\]]+/app\.wsgi)\] (third line|a print|to stderr)$`)
	seen := 0
	for _, r := range t.Log() {
		if m := script.FindStringSubmatch(r.Line); m != nil {
			seen++
			Same(t, "the script of "+m[2], m[1], t.Dir+"/app.wsgi")
			Same(t, "prefixes", strings.Count(r.Line, "[script "), 1)
		}
	}
	Same(t, "lines with client and script", seen, 3)
}

// verbose compares what the server says at a verbose level with what it must
// not say at info.
func verbose(t *T, want bool) {
	t.WaitLog(`^after close$`)
	more := 0
	for _, r := range t.Log() {
		if r.From == "wsgi" && (r.Level == "debug" || strings.HasPrefix(r.Level, "trace")) {
			more++
		}
	}
	// What is said at the start belongs to it.
	for _, r := range ParseLog(t.Server.LogText("error.log")) {
		if r.From == "wsgi" && (r.Level == "debug" || strings.HasPrefix(r.Level, "trace")) {
			more++
		}
	}
	if (more > 0) != want {
		t.Errorf("%d lines below info", more)
	}
}

// jsonLines wants each line of the application to be one object, escaped once,
// that names the request.
func jsonLines(t *T) {
	q := Request{Path: "/levels"}
	t.Do(q)
	t.Do(Request{Path: "/lines"})
	t.WaitLog(`"message":"no newline at the end"`)
	var texts []string
	ids := map[string]bool{}
	for _, l := range strings.Split(strings.TrimSpace(t.Server.LogText(t.ownLog())), "\n") {
		if !strings.HasPrefix(l, "{") {
			continue // httpd's own
		}
		var o map[string]any
		if err := json.Unmarshal([]byte(l), &o); err != nil {
			t.Fatalf("%v in %s", err, l)
		}
		for _, key := range []string{"time", "level", "request_id", "server", "client", "script", "pid", "message"} {
			if o[key] == nil {
				t.Errorf("no %s in %s", key, l)
			}
		}
		ids[o["request_id"].(string)] = true
		texts = append(texts, o["level"].(string)+" "+o["message"].(string))
		if strings.HasPrefix(o["message"].(string), "level 40") && (!strings.HasSuffix(o["file"].(string), "/app.wsgi") || o["line"].(float64) < 10) {
			t.Errorf("no place in %s", l)
		}
	}
	Same(t, "requests", len(ids), 2)
	for _, want := range []string{"crit level 50", "warn level 30", "info level 20", "error first line", "error a print"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no %q among %q", want, texts)
		}
	}
	// Quotes and backslashes come back as they were written.
	if all := strings.Join(texts, "|"); !strings.Contains(all, `two "lines"`) || !strings.Contains(all, `of \ one record`) {
		t.Errorf("escaped wrongly: %q", all)
	}
}
