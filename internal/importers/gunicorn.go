package importers

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// gunicornReader is run by Python, since a gunicorn.conf.py is a program.
//
//go:embed gunicorn.py
var gunicornReader string

// gunicornLimit is how long a gunicorn.conf.py may run.
const gunicornLimit = 10 * time.Second

// gunicornSettings are what the reader prints.
type gunicornSettings struct {
	Settings [][3]json.RawMessage `json:"settings"` // name, value, line
	Lost     [][4]json.RawMessage `json:"lost"`     // name, text, kind, line
}

// gunicornOrder are settings that others depend on, which are taken first.
var gunicornOrder = []string{"chdir", "certfile", "worker_class", "threads"}

// importGunicorn reads a gunicorn.conf.py.
func importGunicorn(ctx context.Context, r *run.Runner, t *target) error {
	mode := "literal"
	if t.q.Execute {
		mode = "execute"
	}
	res, err := r.Run(ctx, run.Cmd{
		Path: t.q.Python, Args: []string{"-I", "-B", "-", mode, t.q.Path},
		Stdin: strings.NewReader(gunicornReader), Timeout: gunicornLimit,
	})
	if err != nil {
		return gunicornFailed(res, err, mode)
	}
	var got gunicornSettings
	if err := json.Unmarshal([]byte(res.Stdout), &got); err != nil {
		return fmt.Errorf("what Python said of it: %w", err)
	}
	return t.gunicorn(got)
}

// gunicornFailed says why Python could not read the file.
func gunicornFailed(res run.Result, err error, mode string) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("it ran for more than %s", gunicornLimit)
	}
	if text := strings.TrimSpace(res.Stderr); res.Code == 1 && text != "" {
		lines := strings.Split(text, "\n")
		err = errors.New(lines[len(lines)-1])
	}
	if mode == "execute" {
		return hint.New(err, "without --execute what the file says plainly is read, and none of it is run")
	}
	return err
}

// gunicorn takes over what was read.
func (t *target) gunicorn(got gunicornSettings) error {
	var settings []setting
	values := map[string]any{}
	for _, row := range got.Settings {
		var name string
		var value any
		var line int
		if err := errors.Join(json.Unmarshal(row[0], &name), json.Unmarshal(row[1], &value), json.Unmarshal(row[2], &line)); err != nil {
			return err
		}
		settings = append(settings, setting{name, gunicornText(value), t.line(line)})
		values[name] = value
	}
	slices.SortStableFunc(settings, func(a, b setting) int { return gunicornRank(a.name) - gunicornRank(b.name) })
	rules := gunicornRules(values)
	for i, s := range settings {
		if slices.ContainsFunc(settings[i+1:], func(later setting) bool { return later.name == s.name }) {
			t.same(s, "set again further down")
			continue
		}
		r, known := rules[s.name]
		switch {
		case !known && strings.HasPrefix(s.name, "_"), !known && s.name != strings.ToLower(s.name):
			r = rule{same: "a name of the file's own"}
		case !known:
			r = rule{none: "not a setting of gunicorn that is known here; perhaps a name of the file's own"}
		case values[s.name] == nil:
			r = rule{same: "None is the default"}
		}
		r.apply(t, s)
	}
	for _, row := range got.Lost {
		t.gunicornLost(row)
	}
	gunicornDefaults(t, values)
	return nil
}

func (t *target) line(n int) string {
	if n == 0 {
		return t.q.Path
	}
	return fmt.Sprintf("%s:%d", t.q.Path, n)
}

func gunicornRank(name string) int {
	if i := slices.Index(gunicornOrder, name); i >= 0 {
		return i
	}
	return len(gunicornOrder)
}

// gunicornLost is a function, or an expression that cannot be read.
func (t *target) gunicornLost(row [4]json.RawMessage) {
	var name, text, kind string
	var line int
	json.Unmarshal(row[0], &name)
	json.Unmarshal(row[1], &text)
	json.Unmarshal(row[2], &kind)
	json.Unmarshal(row[3], &line)
	s := setting{name, text, t.line(line)}
	switch {
	case kind == "function":
		t.noEqual(s, noHooks)
	case t.q.Execute:
		t.noEqual(s, "not a value that can be written down")
	default:
		t.noEqual(s, "not a plain value: --execute runs the file to find it")
	}
}

// gunicornText is a value as a rule wants it.
func gunicornText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	text, _ := json.Marshal(value)
	return string(text)
}

// gunicornList is a value that is a list, or text with commas.
func gunicornList(value any) []string {
	var out []string
	switch v := value.(type) {
	case string:
		for _, each := range strings.Split(v, ",") {
			out = append(out, strings.TrimSpace(each))
		}
	case []any:
		for _, each := range v {
			out = append(out, gunicornText(each))
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// gunicornDefaults are what gunicorn does when it is not told.
func gunicornDefaults(t *target, values map[string]any) {
	if values["threads"] == nil && !t.has("threads") {
		t.implied("gunicorn runs one request at a time in a process unless told otherwise", "threads", "1")
	}
	if values["timeout"] == nil {
		t.implied("gunicorn's own; there it is for a process that says nothing, here for a request", "request-timeout", "30")
	}
	if values["bind"] == nil {
		t.implied("gunicorn's own", "host", "127.0.0.1")
	}
}

// atom is one of a log format of gunicorn.
var atom = pattern.New(`%\(([^)]*)\)s|%%|%`)

// gunicornFormat is a log format in Apache's terms. bad is what there is no
// equal for.
func gunicornFormat(format string) (out, bad string) {
	plain := map[string]string{
		"h": "%h", "l": "%l", "u": "%u", "t": "%t", "r": "%r", "s": "%>s", "b": "%b", "B": "%B", "f": "%{Referer}i", "a": "%{User-Agent}i",
		"D": "%D", "T": "%T", "M": "%{ms}T", "p": "%P", "m": "%m", "U": "%U", "q": "%q", "H": "%H",
	}
	out = atom.ReplaceAllStringFunc(format, func(found string) string {
		name := atom.FindStringSubmatch(found)[1]
		if header := regexp.MustCompile(`^\{([A-Za-z0-9_.-]+)\}([ioe])$`).FindStringSubmatch(name); header != nil {
			return "%" + header[0]
		}
		if found == "%%" {
			return found
		}
		apache, there := plain[name]
		if !there {
			bad = found
		}
		return apache
	})
	return out, bad
}
