// Package openmetrics reads a page of OpenMetrics 1.0 as strictly as a scraper
// may: it refuses whatever the specification leaves no room for. It is for tests
// of pages, and knows the types that ours have.
package openmetrics

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Page is what one scrape gave.
type Page struct {
	Types   map[string]string  // by name of the family
	Samples map[string]float64 // by name and labels, "a_total{code=\"2xx\",group=\"g\"}", labels sorted
}

// Value is that of a sample; labels are "name=value", in any order. It is an
// error if there is no such sample.
func (p Page) Value(name string, labels ...string) (float64, error) {
	list := make([]label, len(labels))
	for i, l := range labels {
		list[i].name, list[i].value, _ = strings.Cut(l, "=")
	}
	v, ok := p.Samples[key(name, list)]
	if !ok {
		return 0, fmt.Errorf("no sample %s", key(name, list))
	}
	return v, nil
}

type label struct{ name, value string }

func key(name string, labels []label) string {
	if len(labels) == 0 {
		return name
	}
	list := make([]string, len(labels))
	for i, l := range labels {
		list[i] = fmt.Sprintf("%s=%q", l.name, l.value)
	}
	slices.Sort(list)
	return name + "{" + strings.Join(list, ",") + "}"
}

// suffixes are those of the samples of a type.
var suffixes = map[string][]string{
	"gauge":     {""},
	"counter":   {"_total"},
	"info":      {"_info"},
	"histogram": {"_bucket", "_sum", "_count"},
}

var nameLike = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

// Parse reads a page.
func Parse(text string) (Page, error) {
	r := reader{page: Page{Types: map[string]string{}, Samples: map[string]float64{}}}
	body, found := strings.CutSuffix(text, "# EOF\n")
	if !found {
		return r.page, fmt.Errorf("the page does not end with # EOF")
	}
	if body != "" && !strings.HasSuffix(body, "\n") {
		return r.page, fmt.Errorf("# EOF is not on a line of its own")
	}
	for i, line := range strings.Split(strings.TrimSuffix(body, "\n"), "\n") {
		if body == "" {
			break
		}
		if err := r.line(line); err != nil {
			return r.page, fmt.Errorf("line %d: %w: %s", i+1, err, line)
		}
	}
	return r.page, r.endFamily()
}

type bucket struct{ bound, count float64 }

// series is one histogram of a family.
type series struct {
	buckets    []bucket
	sum, count float64
	seen       map[string]bool // suffixes
}

type reader struct {
	page      Page
	family    string
	unit      string
	samples   int
	histogram map[string]*series // of the family, by labels without le
}

func (r *reader) line(line string) error {
	if rest, ok := strings.CutPrefix(line, "# "); ok {
		return r.comment(rest)
	}
	return r.sample(line)
}

func (r *reader) comment(rest string) error {
	word, rest, _ := strings.Cut(rest, " ")
	name, value, ok := strings.Cut(rest, " ")
	if !ok || !nameLike.MatchString(name) {
		return fmt.Errorf("a comment without name and text")
	}
	if word == "TYPE" {
		return r.begin(name, value)
	}
	if name != r.family || r.samples > 0 {
		return fmt.Errorf("%s of another family, or behind its samples", word)
	}
	switch word {
	case "UNIT":
		r.unit = value
		if !strings.HasSuffix(name, "_"+value) {
			return fmt.Errorf("the name does not end in its unit")
		}
	case "HELP":
		if strings.TrimSpace(value) == "" {
			return fmt.Errorf("an empty help")
		}
	default:
		return fmt.Errorf("an unknown comment")
	}
	return nil
}

func (r *reader) begin(name, kind string) error {
	if err := r.endFamily(); err != nil {
		return err
	}
	if _, ok := r.page.Types[name]; ok {
		return fmt.Errorf("the family comes twice")
	}
	if suffixes[kind] == nil {
		return fmt.Errorf("an unknown type")
	}
	if kind == "counter" && strings.HasSuffix(name, "_total") {
		return fmt.Errorf("the family of a counter has no _total")
	}
	r.page.Types[name] = kind
	r.family, r.unit, r.samples = name, "", 0
	r.histogram = map[string]*series{}
	return nil
}

func (r *reader) sample(line string) error {
	end := strings.IndexAny(line, "{ ")
	if end < 0 {
		return fmt.Errorf("neither comment nor sample")
	}
	name, rest := line[:end], line[end:]
	suffix, ok := strings.CutPrefix(name, r.family)
	if r.family == "" || !ok || !slices.Contains(suffixes[r.page.Types[r.family]], suffix) {
		return fmt.Errorf("a sample that is not of the family %q", r.family)
	}
	labels, rest, err := parseLabels(rest)
	if err != nil {
		return err
	}
	text, ok := strings.CutPrefix(rest, " ")
	if !ok {
		return fmt.Errorf("no space before the value")
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.TrimSpace(text) != text {
		return fmt.Errorf("value %q is no number", text)
	}
	k := key(name, labels)
	if _, ok := r.page.Samples[k]; ok {
		return fmt.Errorf("the sample comes twice")
	}
	r.page.Samples[k] = value
	r.samples++
	return r.judge(suffix, labels, value)
}

// judge checks a value by the type of its family.
func (r *reader) judge(suffix string, labels []label, value float64) error {
	switch kind := r.page.Types[r.family]; {
	case kind == "info" && value != 1:
		return fmt.Errorf("an info that is not 1")
	case kind == "counter" && (value < 0 || math.IsNaN(value)):
		return fmt.Errorf("a counter below zero")
	case kind != "histogram":
		return nil
	}
	bound := ""
	others := slices.DeleteFunc(slices.Clone(labels), func(l label) bool {
		if l.name == "le" {
			bound = l.value
		}
		return l.name == "le"
	})
	s := r.histogram[key("", others)]
	if s == nil {
		s = &series{seen: map[string]bool{}}
		r.histogram[key("", others)] = s
	}
	s.seen[suffix] = true
	switch suffix {
	case "_sum":
		s.sum = value
	case "_count":
		s.count = value
	default:
		le, err := strconv.ParseFloat(bound, 64)
		if err != nil || (bound != "+Inf" && !strings.Contains(bound, ".")) {
			return fmt.Errorf("le=%q is not a number as it should be written", bound)
		}
		if n := len(s.buckets); n > 0 && (le <= s.buckets[n-1].bound || value < s.buckets[n-1].count) {
			return fmt.Errorf("buckets out of order")
		}
		s.buckets = append(s.buckets, bucket{le, value})
	}
	return nil
}

// endFamily checks what can be checked only once a family is complete.
func (r *reader) endFamily() error {
	for k, s := range r.histogram {
		n := len(s.buckets)
		if n == 0 || !math.IsInf(s.buckets[n-1].bound, 1) || !s.seen["_sum"] || !s.seen["_count"] {
			return fmt.Errorf("the histogram %s%s is not complete", r.family, k)
		}
		if s.buckets[n-1].count != s.count {
			return fmt.Errorf("the histogram %s%s counts %v in buckets and %v in all", r.family, k, s.buckets[n-1].count, s.count)
		}
		if s.count == 0 && s.sum != 0 {
			return fmt.Errorf("the histogram %s%s has a sum of nothing", r.family, k)
		}
	}
	return nil
}

// parseLabels reads {name="value",…}, if that is what s begins with.
func parseLabels(s string) (labels []label, rest string, err error) {
	s, ok := strings.CutPrefix(s, "{")
	if !ok {
		return nil, s, nil
	}
	for {
		name, after, ok := strings.Cut(s, `="`)
		if !ok || !nameLike.MatchString(name) || strings.Contains(name, ":") {
			return nil, "", fmt.Errorf("a label without a name")
		}
		if slices.ContainsFunc(labels, func(l label) bool { return l.name == name }) {
			return nil, "", fmt.Errorf("the label %s comes twice", name)
		}
		value, after, err := unquote(after)
		if err != nil {
			return nil, "", err
		}
		labels = append(labels, label{name, value})
		switch {
		case strings.HasPrefix(after, ","):
			s = after[1:]
		case strings.HasPrefix(after, "}"):
			return labels, after[1:], nil
		default:
			return nil, "", fmt.Errorf("neither , nor } behind a label")
		}
	}
}

// unquote reads up to the closing quote.
func unquote(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			i++
			escaped, ok := map[string]byte{`\`: '\\', `"`: '"', "n": '\n'}[s[i:min(i+1, len(s))]]
			if !ok {
				return "", "", fmt.Errorf("an unknown escape")
			}
			b.WriteByte(escaped)
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("a label without its closing quote")
}
