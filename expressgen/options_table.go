package expressgen

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"strings"
)

// Pair is the value of an option that takes two words.
type Pair struct{ Key, Value string }

// Pairs are the values of such an option, in the order they were given.
type Pairs []Pair

// Option is what the command line has to know of an option before it can be
// parsed.
type Option struct {
	Name  string // without the dashes
	Words int    // how many words follow it: 0, 1 or 2
	Kind  Kind
	Many  bool     // may be given several times
	Whole bool     // takes no part in abbreviations
	Of    []string // the words it may be, for completion
	Help  string

	Hidden bool
}

// Kind is what a value must look like.
type Kind int

const (
	Text Kind = iota
	Integer
	Number
)

// fields are the declarations of the options, each with its value in o, in their
// order.
func fields(o *Options) iter.Seq2[reflect.StructField, reflect.Value] {
	return reflect.ValueOf(o).Elem().Fields()
}

// Defaults are the options as the command line fills them in when none is given.
func Defaults() Options {
	var o Options
	for f, v := range fields(&o) {
		text, given := f.Tag.Lookup("default")
		if !given {
			continue
		}
		var err error
		switch v.Kind() {
		case reflect.String:
			v.SetString(text)
		case reflect.Int:
			var n int
			n, err = strconv.Atoi(text)
			v.SetInt(int64(n))
		case reflect.Float64:
			var x float64
			x, err = strconv.ParseFloat(text, 64)
			v.SetFloat(x)
		default:
			err = errors.ErrUnsupported
		}
		if err != nil { // a declaration that no test would let through
			panic(fmt.Sprintf("default of %s: %v", f.Name, err))
		}
	}
	return o
}

// Table lists the options that Options has, in the order of its fields.
func Table() []Option {
	var out []Option
	for f := range reflect.TypeFor[Options]().Fields() {
		has := func(tag string) bool { _, ok := f.Tag.Lookup(tag); return ok }
		o := Option{Name: FlagName(f), Words: 1, Whole: has("whole") || has("ours"), Hidden: has("hidden"), Help: f.Tag.Get("help")}
		o.Many = f.Type.Kind() == reflect.Slice
		t := f.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Bool:
			o.Words = 0
		case reflect.Int:
			o.Kind = Integer
		case reflect.Float64:
			o.Kind = Number
		}
		if t == reflect.TypeFor[Pairs]() {
			o.Words = 2
		}
		if words := f.Tag.Get("words"); words != "" {
			o.Of = strings.Split(words, "|")
		}
		out = append(out, o)
	}
	return out
}

// FlagName is the name of the option that f holds: its name tag, else the
// field's own with dashes between the words.
func FlagName(f reflect.StructField) string {
	if name := f.Tag.Get("name"); name != "" {
		return name
	}
	var b strings.Builder
	for i, c := range f.Name {
		if i > 0 && 'A' <= c && c <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

// isSet is whether the option was given another value than its default.
func isSet(f reflect.StructField, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice:
		return !v.IsZero() && (v.Kind() == reflect.Pointer || v.Len() > 0)
	case reflect.Bool:
		return v.Bool()
	}
	return shown(v) != f.Tag.Get("default")
}
