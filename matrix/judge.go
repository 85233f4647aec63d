package matrix

import (
	"fmt"
	"regexp"
	"strings"

	"modwsgi/installer"
	"modwsgi/internal/pattern"
)

// Record is one line of an error log.
type Record struct {
	Level string // "warn", "error"; "raw" for text that is no record of httpd
	From  string // the module: "wsgi", "core"
	Text  string // the message without prefixes of time, process and client
	Line  string // all of it
}

// levels are httpd's, the gravest first.
var levels = []string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}

// Grave tells whether the record is a warning or worse, so that a case must
// have announced it. Text that reached the log past httpd (a crash, a
// sanitizer, a loader) counts, and so does, at any level, that Python could not
// start (rule V-8) or that a child of httpd crashed, which to httpd is a notice.
func (r Record) Grave() bool {
	if r.Level == "raw" || installer.Grave(r.Text) || crashed.MatchString(r.Text) {
		return true
	}
	for i, l := range levels {
		if l == r.Level {
			return i <= 4
		}
	}
	return false // trace1 to trace8
}

// crashed is what httpd says of a child that did not end by itself: other than by
// SIGTERM or SIGKILL, which others send it.
var crashed = pattern.New(`^AH0005[12]: child pid \d+ exit signal (?:Abort|Bus|Floating|Illegal|Segmentation|Trace)`)

var (
	recordStart = pattern.New(`^\[[^\]]*\d{4}\] \[([\w-]*):(\w+)\] (?:\[pid [^\]]*\] )?`)
	// What httpd and the modules put between the prefix and the message.
	recordPrefix = pattern.New(`^(?:\([^)]*\)[^:]*: )?(?:\[(?:client|remote|script|host) [^\]]*\] ?)`)
)

// ParseRecord reads one line in httpd's default ErrorLogFormat.
func ParseRecord(line string) Record {
	m := recordStart.FindStringSubmatch(line)
	if m == nil {
		return Record{Level: "raw", Text: line, Line: line}
	}
	r := Record{From: m[1], Level: m[2], Text: line[len(m[0]):], Line: line}
	for {
		p := recordPrefix.FindString(r.Text)
		if p == "" {
			return r
		}
		r.Text = r.Text[len(p):]
	}
}

// ParseLog reads whole lines; a last line without its end is left out.
func ParseLog(text string) []Record {
	var records []Record
	for {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			return records
		}
		if line != "" {
			records = append(records, ParseRecord(line))
		}
		text = rest
	}
}

// Announce is what a case says beforehand about the log: regular expressions
// on the text of grave records. One that starts with "?" may be missing.
type Announce []string

// optional is the same lines, each of which may be missing.
func (a Announce) optional() Announce {
	out := make(Announce, len(a))
	for i, text := range a {
		out[i] = "?" + strings.TrimPrefix(text, "?")
	}
	return out
}

// traceback announces an exception of the application: the line that names it
// and the script, the frames, and the exception itself (a regular expression).
func traceback(exception string) Announce {
	return append(frames(exception), `processing WSGI script`)
}

// raised announces an exception that may have come without any frame.
func raised(exception string) Announce {
	return Announce{exception, `processing WSGI script`, `?Traceback \(most recent call last\):`, `?^\s*File ".*", line \d+`, `?^ {4,}\S`}
}

// frames announces a traceback alone.
func frames(exception string) Announce {
	return Announce{
		`Traceback \(most recent call last\):`, `^\s*File ".*", line \d+`, exception,
		`?^ {4,}\S`, // source lines and the marks below them
	}
}

// announced is an expression of an Announce while a log is judged.
type announced struct {
	expr     *regexp.Regexp
	optional bool
	seen     bool
}

func (a Announce) compile() ([]announced, error) {
	patterns := make([]announced, 0, len(a))
	for _, text := range a {
		expr, optional := strings.CutPrefix(text, "?")
		re, err := regexp.Compile(expr)
		if err != nil {
			return nil, fmt.Errorf("announced log line: %w", err)
		}
		patterns = append(patterns, announced{expr: re, optional: optional})
	}
	return patterns, nil
}

// Verdict is what judging a log came to. Both lists empty: as announced.
type Verdict struct {
	Unannounced []Record // grave and not announced
	Missing     []string // announced and not there
}

// OK tells whether the log was as announced.
func (v Verdict) OK() bool { return len(v.Unannounced) == 0 && len(v.Missing) == 0 }

// Complaints gives one sentence for each thing that was not as announced.
func (v Verdict) Complaints() []string {
	var out []string
	for _, r := range v.Unannounced {
		out = append(out, "log line that was not announced: "+r.Line)
	}
	for _, m := range v.Missing {
		out = append(out, "announced log line is missing: "+m)
	}
	return out
}

// Judge compares records with what was announced.
func Judge(records []Record, a Announce) (Verdict, error) {
	patterns, err := a.compile()
	if err != nil {
		return Verdict{}, err
	}
	var v Verdict
	for _, r := range records {
		if !r.Grave() {
			continue
		}
		known := false
		for i := range patterns {
			if patterns[i].expr.MatchString(r.Text) {
				patterns[i].seen, known = true, true
			}
		}
		if !known {
			v.Unannounced = append(v.Unannounced, r)
		}
	}
	for _, p := range patterns {
		if !p.seen && !p.optional {
			v.Missing = append(v.Missing, p.expr.String())
		}
	}
	return v, nil
}
