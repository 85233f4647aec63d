package matrix

import (
	"strings"
	"testing"
)

func TestParseRecord(t *testing.T) {
	const stamp = "[Sat Nov 21 02:41:58.144040 2026] "
	for _, c := range []struct {
		line, level, from, text string
		grave                   bool
	}{
		{stamp + "[wsgi:error] [pid 1:tid 2] [client 127.0.0.1:35830] boom", "error", "wsgi", "boom", true},
		{stamp + "[wsgi:error] [pid 1:tid 2] [client 127.0.0.1:35830]   File \"x\", line 1", "error", "wsgi", "  File \"x\", line 1", true},
		{stamp + "[wsgi:error] [pid 1:tid 2] [remote 127.0.0.1:1] [script /a b.wsgi] text", "error", "wsgi", "text", true},
		{stamp + "[core:notice] [pid 1:tid 2] AH00094: Command line", "notice", "core", "AH00094: Command line", false},
		{stamp + "[mpm_event:notice] [pid 9] AH1", "notice", "mpm_event", "AH1", false},
		{stamp + "[core:notice] [pid 1:tid 2] AH00052: child pid 7 exit signal Segmentation fault (11)", "notice", "core", "AH00052: child pid 7 exit signal Segmentation fault (11)", true},
		{stamp + "[core:notice] [pid 1:tid 2] AH00052: child pid 7 exit signal Killed (9)", "notice", "core", "AH00052: child pid 7 exit signal Killed (9)", false},
		{stamp + "[core:trace8] [pid 1:tid 2] x", "trace8", "core", "x", false},
		{stamp + "[wsgi:alert] [pid 1:tid 2] (2)No such file or directory: [client ::1:5] gone", "alert", "wsgi", "gone", true},
		{stamp + "[wsgi:warn] [pid 1:tid 2] (2)No such file or directory: gone", "warn", "wsgi", "(2)No such file or directory: gone", true},
		{stamp + "[wsgi:info] [pid 1:tid 2] WSGI0001: it cannot start", "info", "wsgi", "WSGI0001: it cannot start", true}, // V-8
		{stamp + "[wsgi:info] [pid 1:tid 2] WSGIM0001: it starts", "info", "wsgi", "WSGIM0001: it starts", false},
		{"Fatal Python error: none", "raw", "", "Fatal Python error: none", true},
		{stamp + "[wsgi:error] [pid 1:tid 2] [client 1.2.3.4:5] ", "error", "wsgi", "", true},
	} {
		r := ParseRecord(c.line)
		if r.Level != c.level || r.From != c.from || r.Text != c.text || r.Grave() != c.grave {
			t.Errorf("ParseRecord(%q) = %+v, grave %v", c.line, r, r.Grave())
		}
	}
	if n := len(ParseLog("one\n\ntwo\nhalf a li")); n != 2 {
		t.Errorf("ParseLog gave %d records, want the 2 whole ones", n)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add("[Sat Nov 21 02:41:58.144040 2026] [wsgi:error] [pid 1:tid 2] [client 127.0.0.1:35830] boom")
	f.Add("[")
	f.Fuzz(func(t *testing.T, line string) {
		if r := ParseRecord(line); r.Line != line || !strings.HasSuffix(line, r.Text) {
			t.Errorf("%q is not the end of %q", r.Text, line)
		}
	})
}

func TestJudge(t *testing.T) {
	grave := func(text string) Record { return Record{Level: "error", Text: text, Line: text} }
	records := []Record{grave("boom one"), {Level: "info", Text: "boom info"}, grave("trace")}
	for _, c := range []struct {
		name                 string
		announced            Announce
		unannounced, missing int
	}{
		{"as announced", Announce{"^boom", "^trace$"}, 0, 0},
		{"one pattern for both", Announce{"."}, 0, 0},
		{"nothing announced", nil, 2, 0},
		{"one not announced", Announce{"^boom"}, 1, 0},
		{"missing", Announce{"^boom", "^trace", "^never"}, 0, 1},
		{"may be missing", Announce{"^boom", "^trace", "?^never"}, 0, 0},
		{"an info line is no announced one", Announce{"boom info", "?."}, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := Judge(records, c.announced)
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Unannounced) != c.unannounced || len(v.Missing) != c.missing {
				t.Errorf("verdict %+v", v)
			}
			if v.OK() != (c.unannounced+c.missing == 0) || len(v.Complaints()) != c.unannounced+c.missing {
				t.Errorf("complaints %q", v.Complaints())
			}
		})
	}
	if _, err := Judge(nil, Announce{"("}); err == nil {
		t.Error("a bad expression was accepted")
	}
}
