package options

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"modwsgi/internal/hint"
)

// Flags are the flags of one command line by the names of their options: a
// *string, *bool or *int, nil where the flag was not given.
type Flags map[string]any

// given is the flag's text, and whether it was given.
func (f Flags) given(name string) (string, bool) {
	switch v := f[name].(type) {
	case *string:
		if v != nil {
			return *v, true
		}
	case *bool:
		if v != nil {
			return strconv.FormatBool(*v), true
		}
	case *int:
		if v != nil {
			return strconv.Itoa(*v), true
		}
	}
	return "", false
}

// source is which of the places a value came from.
type source int

const (
	fromDefault source = iota
	fromFile
	fromVariable
	fromFlag
)

// value is what holds for an option, and where it was said.
type value struct {
	text  string
	from  source
	place string // "-jobs", "MODWSGI_JOBS", "modwsgi.toml:3"
}

// Resolve finds what holds for each option of a target: flags come before the
// variables of environ, those before the file modwsgi.toml in the folder dir,
// that before the default. Everything that is wrong is reported at once, each
// with its place, as an error with exit status 2.
//
// The whole file has to be right; of the variables only those that the target
// heeds.
func Resolve(target string, flags Flags, environ []string, dir string) (Set, error) {
	s := Set{values: map[string]value{}, base: environ}
	table := Table()
	file, errs := readFile(filepath.Join(dir, FileName), table)
	for name := range flags {
		if o, ok := find(table, name); !ok || !slices.Contains(o.Targets, target) {
			errs = append(errs, fmt.Errorf("-%s has no effect on %s", name, target))
		}
	}
	for _, o := range table {
		v, ok := file[o.Name]
		heeded := slices.Contains(o.Targets, target)
		if text, place := variable(o, environ); place != "" && heeded {
			v, ok = value{text, fromVariable, place}, true
		}
		if text, given := flags.given(o.Name); given && heeded {
			v, ok = value{text, fromFlag, "-" + o.Name}, true
		}
		if !ok {
			v = value{text: o.Default}
		}
		var err error
		if v.text, err = o.check(v, dir); err != nil {
			errs = append(errs, err)
		}
		s.values[o.Name] = v
	}
	err := errors.Join(errs...)
	if hint.Code(err) == hint.Failed {
		err = hint.Exit(err, hint.Usage) // but a file that is not trusted is refused
	}
	return s, err
}

// variable is the value of the option's environment variable and the name under
// which it is set; "" if it is not, or set to nothing.
func variable(o Option, environ []string) (text, name string) {
	for _, name := range []string{o.Variable(), o.Other} {
		for _, kv := range slices.Backward(environ) { // the last one counts, as for exec
			if k, v, ok := strings.Cut(kv, "="); ok && k == name && name != "" {
				if v != "" {
					return v, name
				}
				break
			}
		}
	}
	return "", ""
}

// check gives the value in its one form.
func (o Option) check(v value, dir string) (string, error) {
	if v.from == fromDefault {
		return v.text, nil
	}
	wrong := func(want string) error {
		place := v.place + "=" + v.text
		if v.from == fromFile {
			place = fmt.Sprintf("%s: %s = %q", v.place, o.Name, v.text)
		}
		return fmt.Errorf("%s: it is %s", place, want)
	}
	if strings.ContainsRune(v.text, 0) {
		return "", wrong("a text without NUL")
	}
	switch o.Kind {
	case Path:
		if v.text == "" {
			return "", wrong("a path")
		}
		if v.from != fromFile { // a flag or variable means the folder where it is typed
			return filepath.Abs(v.text)
		}
		if filepath.IsAbs(v.text) {
			return v.text, nil
		}
		return filepath.Abs(filepath.Join(dir, v.text))
	case Choice:
		if !slices.Contains(o.Values, v.text) {
			return "", wrong(strings.Join(o.Values, " or "))
		}
	case Count:
		if n, err := strconv.Atoi(v.text); err != nil || n < 0 {
			return "", wrong("a whole number from 0 on")
		}
	case Span:
		if d, err := time.ParseDuration(v.text); err != nil || d <= 0 {
			return "", wrong("a time such as 90s, 30m or 2h")
		}
	case Switch:
		on, err := parseSwitch(v.text)
		if err != nil {
			return "", wrong("1 or 0, true or false, yes or no, on or off")
		}
		return strconv.FormatBool(on), nil
	}
	return v.text, nil
}

func parseSwitch(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "1", "true", "yes", "on":
		return true, nil
	case "0", "false", "no", "off":
		return false, nil
	}
	return false, errors.New("not a switch")
}
