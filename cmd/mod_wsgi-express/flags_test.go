package main

import (
	"reflect"
	"slices"
	"testing"

	"modwsgi/internal/options"
)

// T-4: a command takes the options that the table gives its target, and no other.
func TestFlagsOfTheTable(t *testing.T) {
	commands := map[string]any{
		"build": buildCommand{}, "doctor": doctorCommand{}, "explain": explainCommand{}, "fetch": fetchCommand{},
		"inspect": inspectCommand{}, "reproduce": reproduceCommand{}, "verify": verifyCommand{},
	}
	for target, command := range commands {
		has := map[string]string{}
		eachFlag(command, func(field reflect.StructField, _ reflect.Value) {
			name := field.Tag.Get("opt")
			if name == "" && field.Name == "Python" {
				name = "python" // of build: repeatable
			}
			has[name] = flagName(field)
		})
		for _, o := range options.Table() {
			flag, ok := has[o.Name]
			if heeded := slices.Contains(o.Targets, target); heeded != ok {
				t.Errorf("%s: --%s: heeded %v, can be said %v", target, o.Flag(), heeded, ok)
			}
			if ok && flag != o.Flag() && o.Name != "output" { // which is --json
				t.Errorf("%s: --%s stands for %s", target, flag, o.Name)
			}
		}
	}
}
