package doctor

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"modwsgi/internal/pattern"
)

// Redactor takes out of a text what is nobody else's business (rule D-4): what
// environment variables of secret names hold, whatever looks like such an
// assignment, and, if that is wished, whose home folder it is.
type Redactor struct {
	secrets []string
	homes   bool
	home    *regexp.Regexp // one's own; nil where it is not known, or may be told
}

var (
	secretName  = pattern.New(`(?i)KEY|TOKEN|SECRET|PASSWORD`)
	secretValue = pattern.New(`\b(\w*(?:KEY|TOKEN|SECRET|PASSWORD|[a-z_](?:key|token|secret)|token|secret|password)\w*['"]?)(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s'",;)]+)`)
	anyHome     = pattern.New(`/(home|Users)/[^/\s:'",]+`)
)

// minSecret is the length from which a value is looked for wherever it stands: a
// shorter one, as "1" or "yes", is part of too much else.
const minSecret = 6

// NewRedactor makes one for an environment of KEY=value. With homes the folders
// of users lose their names, too.
func NewRedactor(environ []string, homes bool) Redactor {
	r := Redactor{homes: homes}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "HOME" && len(value) > 1:
			if home := strings.TrimRight(value, "/"); homes && home != "" {
				r.home = regexp.MustCompile(regexp.QuoteMeta(home) + `(/|\b|$)`)
			}
		case secretName.MatchString(name) && len(value) >= minSecret:
			r.secrets = append(r.secrets, value)
		}
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) }) // one may hold another
	return r
}

const hidden = "[hidden]"

// Text is s without secrets.
func (r Redactor) Text(s string) string {
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, hidden)
	}
	s = secretValue.ReplaceAllString(s, "${1}${2}"+hidden)
	if !r.homes {
		return s
	}
	if r.home != nil {
		s = r.home.ReplaceAllString(s, "~$1")
	}
	return anyHome.ReplaceAllString(s, "/$1/~")
}

// Results are results without secrets.
func (r Redactor) Results(list []Result) []Result {
	return each(list, func(x *Result) { x.Saw, x.Why, x.Fix = r.Text(x.Saw), r.Text(x.Why), r.texts(x.Fix) })
}

// modules are modules without secrets.
func (r Redactor) modules(list []Loaded) []Loaded {
	return each(list, func(x *Loaded) { x.Path, x.Place = r.Text(x.Path), r.Text(x.Place) })
}

// Findings are findings without secrets.
func (r Redactor) Findings(list []Finding) []Finding {
	return each(list, func(x *Finding) { x.Line, x.Cause, x.Fix = r.Text(x.Line), r.Text(x.Cause), r.texts(x.Fix) })
}

func (r Redactor) texts(list []string) []string {
	return each(list, func(s *string) { *s = r.Text(*s) })
}

// each is a copy of list with every element changed.
func each[T any](list []T, change func(*T)) []T {
	list = slices.Clone(list)
	for i := range list {
		change(&list[i])
	}
	return list
}

// JSON is v as a value of maps and lists without secrets: each text is looked
// at by itself, and a member of a secret name loses its text.
func (r Redactor) JSON(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	return r.walk(tree), nil
}

func (r Redactor) walk(v any) any {
	switch v := v.(type) {
	case string:
		return r.Text(v)
	case []any:
		for i := range v {
			v[i] = r.walk(v[i])
		}
	case map[string]any:
		for name, member := range v {
			if _, text := member.(string); text && secretName.MatchString(name) {
				v[name] = hidden
				continue
			}
			v[name] = r.walk(member)
		}
	}
	return v
}
