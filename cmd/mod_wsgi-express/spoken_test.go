package main

import (
	"reflect"
	"testing"

	"modwsgi/expressgen"
)

// P-5: the parser of the options that were typed reads a command line as that of
// all options does: nothing typed, each option alone, and all of them.
func TestSpokenAsWhole(t *testing.T) {
	lines := [][]string{nil, {"--", "app.wsgi"}, {"--setenv=KEY", "--port"}, {"--setenv=A", "1", "--setenv=A", "--debug-mode", "--", "-x"}}
	var all []string
	for _, o := range expressgen.Table() {
		words := sample(o)
		lines = append(lines, words)
		all = append(all, words...)
	}
	lines = append(lines, append(all, "--config=express.toml", "--", "app.wsgi"))
	for _, name := range []string{"start-server", "setup-server"} {
		full := commandField(name).Type
		line := alone(name, full)
		parser, err := newParser(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range lines {
			got, ok := parseSpoken(name, full, words)
			if !ok {
				t.Errorf("%s %q: not understood", name, words)
				continue
			}
			if _, err := parser.Parse(append([]string{name}, words...)); err != nil {
				t.Fatal(err)
			}
			if want := line.Elem().Field(0).Addr().Interface(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s %q: got\n%+v, want\n%+v", name, words, got, want)
			}
		}
	}
}

// sample are the words of an option with a value.
func sample(o expressgen.Option) []string {
	value := "text"
	switch {
	case len(o.Of) > 0:
		value = o.Of[0]
	case o.Kind == expressgen.Integer:
		value = "7"
	case o.Kind == expressgen.Number:
		value = "0.5"
	}
	switch o.Words {
	case 0:
		return []string{"--" + o.Name}
	case 1:
		return []string{"--" + o.Name + "=" + value}
	}
	return []string{"--" + o.Name + "=KEY", value}
}

// What is not right is left to the parser of all options.
func TestSpokenRefuses(t *testing.T) {
	for _, words := range [][]string{{"--no-such"}, {"--port=x"}, {"--port"}, {"--", "a", "b"}} {
		if got, ok := parseSpoken("start-server", commandField("start-server").Type, words); ok {
			t.Errorf("%q: understood as %+v", words, got)
		}
	}
}
