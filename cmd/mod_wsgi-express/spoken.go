package main

import (
	"reflect"
	"strings"

	"modwsgi/expressgen"
)

// A server has so many options that making a parser of all of them takes longer
// than what is done with them. A person types a few: the parser is made of those,
// and the others have their defaults as the parser would have set them, which a
// test compares.

// runnable is a command with its options.
type runnable interface{ Run(*app) error }

// parseSpoken is the command name, of the type full, as words say it. Words that
// are not right have none.
func parseSpoken(name string, full reflect.Type, words []string) (runnable, bool) {
	line := alone(name, spoken(full, words))
	parser, err := newParser(line)
	if err != nil {
		return nil, false
	}
	if _, err := parser.Parse(append([]string{name}, words...)); err != nil {
		return nil, false
	}
	command := reflect.New(full)
	complete(command.Elem(), line.Elem().Field(0))
	run, ok := command.Interface().(runnable)
	return run, ok
}

// spoken is a struct type with those fields of the struct t whose options occur in
// words, and those that are no options. It may have more: of a value that looks
// like an option, too.
func spoken(t reflect.Type, words []string) reflect.Type {
	heard := map[string]bool{}
	for _, word := range words {
		if name, ok := strings.CutPrefix(word, "--"); ok {
			name, _, _ = strings.Cut(name, "=")
			heard[name] = true
		}
	}
	var fields []reflect.StructField
	eachDeclared(t, func(f reflect.StructField) {
		if _, arg := f.Tag.Lookup("arg"); arg || heard[expressgen.FlagName(f)] {
			fields = append(fields, reflect.StructField{Name: f.Name, Type: f.Type, Tag: f.Tag})
		}
	})
	return reflect.StructOf(fields)
}

// eachDeclared calls f for each field of t and of what is embedded in it.
func eachDeclared(t reflect.Type, f func(reflect.StructField)) {
	for field := range t.Fields() {
		if field.Anonymous {
			eachDeclared(field.Type, f)
		} else {
			f(field)
		}
	}
}

// complete sets the command to: from the fields of said, which spoken made the type
// of, and the others to their defaults.
func complete(to, said reflect.Value) {
	to.FieldByName("Options").Set(reflect.ValueOf(expressgen.Defaults()))
	for f, v := range said.Fields() {
		to.FieldByName(f.Name).Set(v)
	}
}
