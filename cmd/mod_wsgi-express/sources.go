package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"modwsgi/internal/hint"
	"modwsgi/internal/options"
	"modwsgi/internal/words"
)

// Options of a server may stand in a file and in the environment. What is said
// there becomes words in front of those that were typed, and is checked as they
// are; of an option that was typed nothing else is heard.

// configOption is the option that names the file.
const configOption = "config"

// variablePrefix begins the name of the variable of an option, which goes on with
// the option's in capitals.
const variablePrefix = "MODWSGI_EXPRESS_"

// source is an option as a file or the environment says it.
type source struct {
	place string // "express.toml:3", "MODWSGI_EXPRESS_PORT"
	name  string
	words []string // the option with its values, several times if it has several
}

// fromElsewhere adds to what was typed what the environment and the file say.
func (g grammar) fromElsewhere(typed result, environ []string) result {
	vars, errs := g.fromEnvironment(environ)
	file := typed.file
	for i, v := range vars {
		if v.name == configOption {
			if file == "" {
				file = v.words[1]
			}
			vars = slices.Delete(vars, i, i+1)
			break
		}
	}
	said, fileErrs := g.fromFile(file)
	said, errs = append(said, vars...), append(fileErrs, errs...)
	var before []string
	heard := map[string]bool{} // the environment comes before the file
	for _, s := range slices.Backward(said) {
		if typed.given[s.name] || heard[s.name] {
			continue
		}
		heard[s.name] = true
		r := g.rewrite(s.words)
		for _, err := range flatten(r.err) {
			errs = append(errs, fmt.Errorf("%s: %w", s.place, err))
		}
		before = append(r.words, before...)
		typed.notes = append(typed.notes, r.notes...)
	}
	typed.words = append(before, typed.words...)
	typed.err = errors.Join(append([]error{typed.err}, errs...)...)
	return typed
}

// fromEnvironment reads the variables of options. A value of several words is
// written as for a shell.
func (g grammar) fromEnvironment(environ []string) (list []source, errs []error) {
	slices.Sort(environ)
	for _, entry := range environ {
		key, value, _ := strings.Cut(entry, "=")
		name, ours := strings.CutPrefix(key, variablePrefix)
		if !ours {
			continue
		}
		name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		o, err := g.named(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
			continue
		}
		s := source{place: key, name: o.target()}
		switch {
		case o.Words == 0:
			on, err := strconv.ParseBool(value)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s=%s: must be true or false", key, value))
			} else if on {
				s.words = []string{"--" + name}
			}
		case o.Many:
			parts, err := words.Split(value)
			if err != nil || len(parts)%o.Words != 0 {
				errs = append(errs, fmt.Errorf("%s: its words cannot be told apart, or there are too few: each value of the option is %s", key, count(o.Words)))
			}
			for ; err == nil && len(parts) >= o.Words; parts = parts[o.Words:] {
				s.words = append(append(s.words, "--"+name), parts[:o.Words]...)
			}
		default:
			s.words = []string{"--" + name, value}
		}
		list = append(list, s)
	}
	return list, errs
}

// fromFile reads a file of options; "" is none.
func (g grammar) fromFile(path string) (list []source, errs []error) {
	if path == "" {
		return nil, nil
	}
	text, err := options.ReadFile(path)
	if err != nil {
		return nil, []error{fmt.Errorf("--%s %s: %w", configOption, path, err)}
	}
	list, errs = g.fromTOML(path, text)
	return list, errs
}

// fromTOML reads the text of a file of options.
func (g grammar) fromTOML(path, text string) (list []source, errs []error) {
	var raw map[string]any
	if _, err := toml.Decode(text, &raw); err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			return nil, []error{fmt.Errorf("%s:%d: %s", path, max(at.Position.Line, 1), at.Message)}
		}
		return nil, []error{fmt.Errorf("%s: %w", path, err)}
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		place := fmt.Sprintf("%s:%d", path, options.LineOf(text, key))
		o, err := g.named(key)
		if err == nil && key == configOption {
			err = errors.New("a file cannot name another one")
		}
		var values []string
		if err == nil {
			values, err = o.fromTOML(raw[key])
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", place, err))
			continue
		}
		list = append(list, source{place, o.target(), values})
	}
	return list, errs
}

// target is the name that an option goes by now.
func (o option) target() string {
	if o.now != "" {
		return o.now
	}
	return o.Name
}

// named is the option of exactly this name.
func (g grammar) named(name string) (option, error) {
	for _, o := range g.options {
		if o.Name == name {
			return o, nil
		}
	}
	err := fmt.Errorf("unknown option %q", name)
	if near := words.Nearest(name, g.names()); near != "" {
		return option{}, hint.New(err, "did you mean "+near+"?")
	}
	return option{}, err
}

// fromTOML are the words of an option with its value in a file: a list has a value
// each, and where an option takes two words a table has them, or a list of two.
func (o option) fromTOML(raw any) ([]string, error) {
	flag := "--" + o.Name
	list, many := raw.([]any)
	switch table, ok := raw.(map[string]any); {
	case o.Words == 0:
		if on, ok := raw.(bool); !ok {
			return nil, fmt.Errorf("%s is true or false", o.Name)
		} else if !on {
			return nil, nil
		}
		return []string{flag}, nil
	case o.Words == 2 && ok:
		for key, value := range table {
			list = append(list, []any{key, value})
		}
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.([]any)[0].(string), b.([]any)[0].(string)) })
	case o.Words == 2 && !many:
		return nil, fmt.Errorf("%s is a table, or a list of lists of two", o.Name)
	case many && !o.Many:
		return nil, fmt.Errorf("%s has one value", o.Name)
	case !many:
		list = []any{raw}
	}
	var out []string
	for _, item := range list {
		parts, ok := item.([]any)
		if !ok {
			parts = []any{item}
		}
		if len(parts) != o.Words {
			return nil, fmt.Errorf("%s: each value is %s", o.Name, count(o.Words))
		}
		out = append(out, flag)
		for _, part := range parts {
			text, err := scalar(part)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", o.Name, err)
			}
			out = append(out, text)
		}
	}
	return out, nil
}

// scalar is a single value of a file as it would be typed.
func scalar(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	}
	return "", errors.New("it is a text in quotes or a number")
}
