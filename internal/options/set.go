package options

import (
	"fmt"
	"strconv"
	"time"

	"modwsgi/internal/run"
)

// Set is what holds for every option. The zero Set holds the defaults of none:
// it comes from [Resolve].
type Set struct {
	values map[string]value
	base   []string
}

// Text is the option's value as text.
func (s Set) Text(name string) string { return s.value(name).text }

// On tells whether a switch is on.
func (s Set) On(name string) bool { return s.value(name).text == "true" }

// Count is the value of an option that is a number.
func (s Set) Count(name string) int {
	n, _ := strconv.Atoi(s.value(name).text) // Resolve has checked it
	return n
}

// Span is the value of an option that is a time; 0 if nobody says it.
func (s Set) Span(name string) time.Duration {
	d, _ := time.ParseDuration(s.value(name).text) // Resolve has checked it
	return d
}

// JSON tells whether one JSON document is wanted.
func (s Set) JSON() bool { return s.Text("output") == "json" }

// Named is the value if a flag or the file says it, else "". What looks at the
// environment itself is given this, so that it can name the variable it heard.
func (s Set) Named(name string) string {
	if v := s.value(name); v.from == fromFlag || v.from == fromFile {
		return v.text
	}
	return ""
}

// Said tells whether somebody says the option, in whatever way.
func (s Set) Said(name string) bool { return s.value(name).from != fromDefault }

// Blame puts the line of the file in front of an error over an option that the
// file says.
func (s Set) Blame(name string, err error) error {
	if v := s.value(name); err != nil && v.from == fromFile {
		return fmt.Errorf("%s: %w", v.place, err)
	}
	return err
}

func (s Set) value(name string) value {
	v, ok := s.values[name]
	if !ok {
		panic("options: the table has no " + name)
	}
	return v
}

// Runner starts programs in the environment of this process, in which stands
// what flags and the file say: whoever asks for MODWSGI_NAME hears what holds.
// Where the network is not to be used it refuses to start what downloads.
func (s Set) Runner() *run.Runner {
	env := append([]string{}, s.base...)
	for _, o := range Table() {
		v := s.values[o.Name]
		switch {
		case v.from == fromDefault, v.from == fromVariable && o.Kind == Text:
		case o.Kind == Switch:
			env = append(env, o.Variable()+"="+map[bool]string{true: "1"}[s.On(o.Name)])
		default:
			env = append(env, o.Variable()+"="+v.text)
		}
	}
	return &run.Runner{Env: env, Offline: s.On("offline")}
}
