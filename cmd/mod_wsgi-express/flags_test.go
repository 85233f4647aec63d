package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"modwsgi/expressgen"
	"modwsgi/internal/options"
)

// targetOf are the rows of the option table that stand for commands which have
// another name there.
var targetOf = map[string]string{"module-config": "config", "module-location": "config", "verify-artifacts": "verifyartifacts"}

// T-4: a command has the options that the table gives its target, each of the
// type of its kind, with the table's help; and none of them under a name of its
// own. The original's helper commands take no options: there variables and
// modwsgi.toml say the same.
func TestCommandsHaveTheirOptions(t *testing.T) {
	line := reflect.TypeFor[commandLine]()
	compared := 0
	for _, c := range commands {
		field, ok := line.FieldByName(fieldName(c.name))
		if !ok {
			t.Fatalf("%s is no field of the command line", c.name)
		}
		target := c.name
		if t, ok := targetOf[c.name]; ok {
			target = t
		}
		of := func(list []string) bool { // a command with verbs has the options of all of them
			return slices.ContainsFunc(list, func(t string) bool { return t == target || strings.HasPrefix(t, target+":") })
		}
		if !of(options.Targets()) {
			continue // it knows nothing of the toolchain's options
		}
		compared++
		has := map[string]bool{}
		eachFlag(reflect.New(field.Type).Interface(), func(f reflect.StructField, _ reflect.Value) {
			name := f.Tag.Get("opt")
			if name == "" && (c.name == "build" || c.name == "package") && f.Name == "Python" { // several, each as the option python
				name = "python"
			}
			if name == "" {
				return
			}
			has[name] = true
			checkFlag(t, c.name, name, f)
		})
		for _, o := range options.Table() {
			want := of(o.Targets)
			if c.public { // of these the original has none
				want = want && o.Name == "dryrun" && c.name == "install-module"
			}
			if has[o.Name] != want {
				t.Errorf("%s has --%s: %v, the table says %v", c.name, o.Flag(), has[o.Name], want)
			}
			delete(has, o.Name)
		}
		for name := range has {
			t.Errorf("--%s of %s is not in the table", name, c.name)
		}
	}
	if compared < 11 {
		t.Errorf("%d commands were compared", compared)
	}
}

// checkFlag compares one field with the row of the table that it names.
func checkFlag(t *testing.T, command, name string, f reflect.StructField) {
	t.Helper()
	i := slices.IndexFunc(options.Table(), func(o options.Option) bool { return o.Name == name })
	if i < 0 {
		return // which is said by who asked
	}
	o := options.Table()[i]
	want := map[options.Kind]reflect.Type{options.Count: reflect.TypeFor[*int](), options.Switch: reflect.TypeFor[*bool]()}[o.Kind]
	if want == nil {
		want = reflect.TypeFor[*string]()
	}
	switch {
	case name == "output": // text or json: as a command it is --json
		if f.Type != reflect.TypeFor[*bool]() || expressgen.FlagName(f) != "json" {
			t.Errorf("%s has no --json", command)
		}
	case (command == "build" || command == "package") && name == "python":
		if f.Type != reflect.TypeFor[[]string]() || !strings.HasPrefix(f.Tag.Get("help"), "${python}") {
			t.Errorf("--python of build is %v, %s", f.Type, f.Tag.Get("help"))
		}
	case f.Type != want || expressgen.FlagName(f) != o.Flag() || f.Tag.Get("help") != "${"+name+"}":
		t.Errorf("--%s of %s is %v with help %q; the table has --%s, %v", expressgen.FlagName(f), command, f.Type, f.Tag.Get("help"), o.Flag(), want)
	}
}
