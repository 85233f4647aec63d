package main

import (
	"context"
	"reflect"

	"github.com/alecthomas/kong"

	"modwsgi/expressgen"
	"modwsgi/internal/options"
	"modwsgi/internal/verbs"
	"modwsgi/matrix/plan"
)

// The options that commands share with the Mage targets are rows of the table in
// package options, which has their help. A field says by its tag opt which row
// it is.

// findFlags choose the Apache and the Python.
type findFlags struct {
	Apxs *string `opt:"apxs" placeholder:"PATH" help:"${apxs}"`
	recordFlags
	Python *string `opt:"python" placeholder:"PYTHON" help:"${python}"`
}

// recordFlags describe those of another machine.
type recordFlags struct {
	ApacheConfig *string `opt:"apache_config" placeholder:"FILE" help:"${apache_config}"`
	PythonConfig *string `opt:"python_config" placeholder:"FILE" help:"${python_config}"`
}

// makeFlags say how it is built.
type makeFlags struct {
	Profile     *string `opt:"profile" placeholder:"PROFILE" help:"${profile}"`
	Builder     *string `opt:"builder" placeholder:"BUILDER" help:"${builder}"`
	Define      *string `opt:"define" placeholder:"WORDS" help:"${define}"`
	Rpath       *string `opt:"rpath" placeholder:"RPATH" help:"${rpath}"`
	AllowStatic *bool   `opt:"allow_static" help:"${allow_static}"`
	Strict      *bool   `opt:"strict" help:"${strict}"`
	Jobs        *int    `opt:"jobs" placeholder:"N" help:"${jobs}"`
	Color       *string `opt:"color" placeholder:"WHEN" help:"${color}"`
}

// fetchFlags say what may be fetched.
type fetchFlags struct {
	Cache           *string `opt:"cache" placeholder:"DIR" help:"${cache}"`
	IndexURL        *string `opt:"index_url" name:"index-url" placeholder:"URL" help:"${index_url}"`
	ReleasesURL     *string `opt:"releases_url" name:"releases-url" placeholder:"URL" help:"${releases_url}"`
	Patches         *string `opt:"patches" placeholder:"DIR" help:"${patches}"`
	VerifyKey       *string `opt:"verify_key" placeholder:"KEY" help:"${verify_key}"`
	AllowHTTP       *bool   `opt:"allow_http" name:"allow-http" help:"${allow_http}"`
	AllowUnverified *bool   `opt:"allow_unverified" help:"${allow_unverified}"`
	Offline         *bool   `opt:"offline" help:"${offline}"`
	Dryrun          *bool   `opt:"dryrun" help:"${dryrun}"`
}

// printFlags choose between text and JSON.
type printFlags struct {
	JSON *bool `opt:"output" name:"json" help:"Print one JSON document."`
}

// helps are the help texts of the table, for kong to put in.
func helps() kong.Vars {
	vars := kong.Vars{}
	for _, o := range options.Table() {
		vars[o.Name] = o.Usage()
	}
	return vars
}

// eachFlag calls f for every field of a command that is an option.
func eachFlag(command any, f func(field reflect.StructField, v reflect.Value)) {
	eachField(reflect.Indirect(reflect.ValueOf(command)), f)
}

func eachField(v reflect.Value, f func(field reflect.StructField, v reflect.Value)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch _, arg := field.Tag.Lookup("arg"); {
		case arg:
		case field.Anonymous:
			eachField(v.Field(i), f)
		default:
			f(field, v.Field(i))
		}
	}
}

// grammarOf is the grammar of a command: its options, and how many other words
// it takes.
func grammarOf(command any, positionals int) grammar {
	g := grammar{positionals: positionals}
	eachFlag(command, func(field reflect.StructField, _ reflect.Value) {
		kind := field.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		o := expressgen.Option{Name: expressgen.FlagName(field), Words: 1}
		switch kind.Kind() {
		case reflect.Bool:
			o.Words = 0
		case reflect.Int:
			o.Kind = expressgen.Integer
		}
		g.options = append(g.options, option{Option: o})
	})
	return g
}

// job is what to do for a target, by the flags of a command.
func (a *app) job(target string, command any) (*verbs.Job, error) {
	if a.bad != nil {
		return nil, a.bad
	}
	flags := options.Flags{}
	eachFlag(command, func(field reflect.StructField, v reflect.Value) {
		switch name := field.Tag.Get("opt"); {
		case name == "output" && !v.IsNil():
			json := "json"
			flags[name] = &json
		case name != "" && name != "output" && !v.IsNil():
			flags[name] = v.Interface()
		}
	})
	j, err := verbs.New(target, flags)
	if err == nil {
		j.Tool = plan.Program
	}
	return j, err
}

// do makes the job of a target and has f do it.
func (a *app) do(target string, command any, f func(context.Context, *verbs.Job) error) error {
	j, err := a.job(target, command)
	if err != nil {
		return err
	}
	return verbs.Run(a.ctx, j, f)
}
