package plan

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"modwsgi/internal/hint"
	"modwsgi/internal/words"
)

// maxConfig bounds matrix.toml.
const maxConfig = 1 << 20

// ReadConfig reads the text of a matrix.toml called file. All that is wrong is
// reported at once, each with its line and, of a name that is not known, the nearest
// that is.
func ReadConfig(file, text string) (*Config, error) {
	r := &reader{file: file, c: &Config{file: file, axes: map[Axis][]string{}, at: map[Axis]int{}, timeout: defaultTimeout}}
	if err := r.read(text); err != nil {
		return r.c, hint.Exit(err, hint.Usage)
	}
	slices.SortStableFunc(r.faults, func(a, b fault) int { return a.line - b.line })
	var errs []error
	for _, f := range r.faults {
		errs = append(errs, f.err)
	}
	return r.c, hint.Exit(errors.Join(errs...), hint.Usage)
}

type reader struct {
	file   string
	places places
	c      *Config
	faults []fault
}

// fault is something wrong on a line.
type fault struct {
	line int
	err  error
}

// table is one table of the file that is read.
type table struct {
	name string // "exclude"; "" for what stands before the first
	n    int    // of an array, which one
	m    map[string]any
}

// keys are those of the table in the order of its lines.
func (r *reader) keys(t table) []string {
	return slices.SortedFunc(maps.Keys(t.m), func(a, b string) int {
		if n := r.places.line(t.name, t.n, a) - r.places.line(t.name, t.n, b); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
}

// fail notes what is wrong with a key.
func (r *reader) fail(t table, key, format string, args ...any) {
	r.failAt(r.places.line(t.name, t.n, key), "", format, args...)
}

func (r *reader) failAt(line int, advice, format string, args ...any) {
	err := fmt.Errorf("%s:%d: %s", r.file, line, fmt.Sprintf(format, args...))
	if advice != "" {
		err = hint.New(err, advice)
	}
	r.faults = append(r.faults, fault{line, err})
}

// unknown notes a name that is none of those known.
func (r *reader) unknown(line int, what, name string, list []string) {
	advice := "known are " + strings.Join(list, ", ")
	if near := words.Nearest(name, list); near != "" {
		advice = "did you mean " + near + "?"
	}
	r.failAt(line, advice, "%s %q", what, name)
}

// topKeys are what may stand in the file.
var topKeys = []string{"archives", "axes", "changed", "ci", "exclude", "include", "limit", "order", "require", "retries", "timeout", "xfail"}

func (r *reader) read(text string) error {
	if len(text) > maxConfig {
		return fmt.Errorf("%s: more than %d bytes", r.file, maxConfig)
	}
	top := table{m: map[string]any{}}
	if _, err := toml.Decode(text, &top.m); err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			return fmt.Errorf("%s:%d: %s", r.file, max(at.Position.Line, 1), at.Message)
		}
		return fmt.Errorf("%s: %w", r.file, err)
	}
	r.places = placesOf(text)
	for _, key := range r.keys(top) {
		r.top(top, key)
	}
	return nil
}

// top reads one key of the top level.
func (r *reader) top(top table, key string) {
	switch key {
	case "axes":
		r.axes(r.only(top, key))
	case "archives":
		r.archives(r.only(top, key))
	case "ci":
		r.ci(r.only(top, key))
	case "timeout":
		r.c.timeout = r.duration(top, key)
	case "retries":
		r.c.retries = r.count(top, key, maxRetries)
	case "changed":
		r.c.changed = r.texts(top, key)
		r.patterns(top, key, r.c.changed)
	case "order":
		r.order(top, key)
	case "include", "exclude", "require", "xfail", "limit":
		for _, t := range r.array(top, key) {
			r.cells(t)
		}
	default:
		r.unknown(r.place(top, key), "unknown key", key, topKeys)
	}
}

// place is the line of a key of the top level, which may be a table.
func (r *reader) place(top table, key string) int {
	return max(r.places.line("", 0, key), r.places.line(key, 0, ""))
}

// only is a table that there may be once.
func (r *reader) only(top table, key string) table {
	m, ok := top.m[key].(map[string]any)
	if !ok {
		r.failAt(r.place(top, key), "", "%s is a table: [%s]", key, key)
	}
	return table{name: key, m: m}
}

// array are tables that there may be several of.
func (r *reader) array(top table, key string) []table {
	var list []table
	add := func(v any) {
		m, ok := v.(map[string]any)
		if !ok {
			r.failAt(r.place(top, key), "", "%s is a list of tables: [[%s]]", key, key)
			return
		}
		list = append(list, table{key, len(list), m})
	}
	switch v := top.m[key].(type) {
	case []map[string]any:
		for _, m := range v {
			add(m)
		}
	case []any:
		for _, m := range v {
			add(m)
		}
	default:
		add(nil)
	}
	return list
}

// axes reads the values of each axis.
func (r *reader) axes(t table) {
	for _, key := range r.keys(t) {
		if !isAxis(key) {
			r.unknown(r.places.line(t.name, t.n, key), "unknown axis", key, axisNames())
			continue
		}
		a := Axis(key)
		values := r.texts(t, key)
		r.c.at[a] = r.places.line(t.name, t.n, key)
		for i, v := range values {
			line := r.places.element(t.name, t.n, key, i)
			switch {
			case slices.Contains(values[:i], v):
				r.failAt(line, "", "%s has %q twice", key, v)
			case Closed(a) != nil && !slices.Contains(Closed(a), v):
				r.unknown(line, "unknown "+key, v, Closed(a))
			case name(v) == "":
				r.failAt(line, "", "%q is no %s", v, key)
			case a == Provider:
				r.provider(line, v)
			}
		}
		r.c.axes[a] = values
	}
}

// provider looks at the kind of a provider, and whether it says which.
func (r *reader) provider(line int, v string) {
	kind := kindOf(name(v))
	switch {
	case !slices.Contains(Kinds(), kind):
		r.unknown(line, "unknown provider", kind, Kinds())
	case (kind == Host) != (name(v) == kind):
		r.failAt(line, "as host, prefix:2.4.66, rootfs:trixie or container:trixie", "%q names no provider", v)
	}
}

func axisNames() []string {
	var list []string
	for _, a := range Axes() {
		list = append(list, string(a))
	}
	return list
}

// cells reads a table that is about some cells.
func (r *reader) cells(t table) {
	about := rule{map[Axis][]string{}, r.places.line(t.name, t.n, "")}
	further := map[string][]string{"xfail": {"reason", "issue"}, "limit": {"timeout", "retries"}}[t.name]
	for _, key := range r.keys(t) {
		switch {
		case slices.Contains(further, key):
		case isAxis(key):
			about.fields[Axis(key)] = r.matching(t, key)
		default:
			r.unknown(r.places.line(t.name, t.n, key), "unknown field", key, append(axisNames(), further...))
		}
	}
	if !slices.ContainsFunc(r.keys(t), func(key string) bool { return !slices.Contains(further, key) }) {
		r.fail(t, "", "%s names no cell: %s is missing, or another axis", t.name, Python)
	}
	switch t.name {
	case "include":
		r.c.include = append(r.c.include, about)
	case "exclude":
		r.c.exclude = append(r.c.exclude, about)
	case "require":
		r.c.require = append(r.c.require, about)
	case "xfail":
		r.c.xfail = append(r.c.xfail, known{about, Xfail{r.needed(t, "reason"), r.needed(t, "issue")}})
	case "limit":
		r.limit(t, about)
	}
}

// matching are the patterns for the values of an axis. Of an include they are
// values; elsewhere one without a wildcard has to be a value that there can be.
func (r *reader) matching(t table, key string) []string {
	list := r.texts(t, key)
	closed := Closed(Axis(key))
	for i, v := range list {
		line := r.places.element(t.name, t.n, key, i)
		glob := isPattern(v)
		_, err := path.Match(v, "")
		switch {
		case glob && t.name == "include":
			r.failAt(line, "", "include: %s = %q: it needs a value, not a pattern", key, v)
		case err != nil || v == "":
			r.failAt(line, "", "%s = %q is no pattern", key, v)
		case !glob && closed != nil && !slices.Contains(closed, v):
			r.unknown(line, "unknown "+key, v, closed)
		case glob && closed != nil && !slices.ContainsFunc(closed, func(c string) bool { ok, _ := path.Match(v, c); return ok }):
			r.failAt(line, "known are "+strings.Join(closed, ", "), "%s = %q matches no %s", key, v, key)
		case !glob && Axis(key) == Provider:
			r.provider(line, v)
		}
	}
	return list
}

// limit reads what some cells may take.
func (r *reader) limit(t table, about rule) {
	l := limit{rule: about, retries: -1}
	if _, ok := t.m["timeout"]; ok {
		l.timeout = r.duration(t, "timeout")
	}
	if _, ok := t.m["retries"]; ok {
		l.retries = r.count(t, "retries", maxRetries)
	}
	if l.timeout == 0 && l.retries < 0 {
		r.fail(t, "", "limit says neither timeout nor retries")
	}
	r.c.limits = append(r.c.limits, l)
}

// order reads which axis varies slowest.
func (r *reader) order(t table, key string) {
	for i, v := range r.texts(t, key) {
		line := r.places.element(t.name, t.n, key, i)
		switch {
		case !isAxis(v):
			r.unknown(line, "unknown axis", v, axisNames())
		case slices.Contains(r.c.order, Axis(v)):
			r.failAt(line, "", "order has %q twice", v)
		default:
			r.c.order = append(r.c.order, Axis(v))
		}
	}
}

// ci reads what engines are told.
func (r *reader) ci(t table) {
	for _, key := range r.keys(t) {
		switch key {
		case "runs_on":
			r.c.CI.RunsOn = r.plain(t, key)
		case "image":
			r.c.CI.Image = r.plain(t, key)
		case "tags":
			r.c.CI.Tags = r.texts(t, key)
			r.plainAll(t, key, r.c.CI.Tags)
		case "setup":
			r.c.CI.Setup = r.texts(t, key)
		default:
			r.unknown(r.places.line(t.name, t.n, key), "unknown key", key, []string{"image", "runs_on", "setup", "tags"})
		}
	}
}

// plain is a text that may stand in the file of an engine as it is (rule E-4).
func (r *reader) plain(t table, key string) string {
	v := r.needed(t, key)
	r.plainAll(t, key, []string{v})
	return v
}

func (r *reader) plainAll(t table, key string, list []string) {
	for i, v := range list {
		if !Plain(v) {
			r.failAt(r.places.element(t.name, t.n, key, i), "", "%s = %q: letters, digits and ._:+/=- alone are allowed", key, v)
		}
	}
}

// Plain tells whether a value may be put into the file of a CI engine or a line of
// shell as it is (rule E-4).
func Plain(v string) bool {
	return v != "" && strings.Trim(v, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:+/=-") == ""
}

// patterns complains about those that are none.
func (r *reader) patterns(t table, key string, list []string) {
	for i, v := range list {
		if _, err := path.Match(strings.ReplaceAll(v, "**", "*"), ""); err != nil || v == "" {
			r.failAt(r.places.element(t.name, t.n, key, i), "", "%s: %q is no pattern of paths", key, v)
		}
	}
}

// texts is a text, or a list of them.
func (r *reader) texts(t table, key string) []string {
	list, ok := t.m[key].([]any)
	if !ok {
		list = []any{t.m[key]}
	}
	if len(list) == 0 {
		r.fail(t, key, "%s has no value", key)
	}
	out := make([]string, 0, len(list))
	for i, v := range list {
		text, ok := v.(string)
		if !ok {
			advice := ""
			if _, number := v.(float64); number {
				advice = "a number such as 3.10 would be 3.1: put it in quotes"
			}
			r.failAt(r.places.element(t.name, t.n, key, i), advice, "%s: %v is no text in quotes", key, v)
			continue
		}
		out = append(out, text)
	}
	return out
}

// needed is a text that may not be missing.
func (r *reader) needed(t table, key string) string {
	text, ok := t.m[key].(string)
	if !ok || strings.TrimSpace(text) == "" {
		r.fail(t, key, "%s needs %s, a text in quotes", t.name, key)
	}
	return text
}

func (r *reader) duration(t table, key string) time.Duration {
	text, _ := t.m[key].(string)
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > MaxTimeout {
		r.fail(t, key, "%s = %v: it is a time in quotes, such as \"90s\" or \"10m\", of at most a week", key, t.m[key])
		return defaultTimeout
	}
	return d
}

func (r *reader) count(t table, key string, most int) int {
	n, ok := t.m[key].(int64)
	if !ok || n < 0 || n > int64(most) {
		r.fail(t, key, "%s = %v: it is a whole number from 0 to %d", key, t.m[key], most)
		return 0
	}
	return int(n)
}
