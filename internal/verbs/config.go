package verbs

import (
	"context"
	"fmt"

	"modwsgi/apxs"
	"modwsgi/installer"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// Locate is the first built module in dirs that fits the Apache and the Python.
func Locate(apache *apxs.Info, python *pybuild.Info, dirs []string) (installer.Layout, bool) {
	for _, dir := range dirs {
		if l, err := installer.Locate(dir); err == nil && l.Fits(apache, python) {
			return l, true
		}
	}
	return installer.Layout{}, false
}

// Built is the module for the Apache and the Python of the options, in the first
// of some folders that has one. advice says how it would get there.
func (j *Job) Built(ctx context.Context, folders func(*apxs.Info) []string, advice func(*apxs.Info) string) (installer.Layout, apxs.Info, pybuild.Info, error) {
	var none installer.Layout
	apache, err := j.Apache(ctx)
	if err != nil {
		return none, apache, pybuild.Info{}, err
	}
	python, err := j.Python(ctx)
	if err != nil {
		return none, apache, python, err
	}
	if l, ok := Locate(&apache, &python, folders(&apache)); ok {
		return l, apache, python, nil
	}
	return none, apache, python, hint.Exit(hint.New(
		fmt.Errorf("no module is built for the Apache at %s and Python %s", apache.Httpd, python.Version),
		advice(&apache)), hint.NotFound)
}

// Config prints the lines that load a module where it is.
func Config(j *Job, l installer.Layout, python pybuild.Info) error {
	lines := installer.Snippet(l, python)
	return j.Print(struct {
		Schema  int      `json:"schema"`
		Module  string   `json:"module"`
		Snippet []string `json:"snippet"`
	}{1, l.Module, lines}, Lines(lines))
}
