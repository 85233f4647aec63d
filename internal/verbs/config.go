package verbs

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

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

// Config prints what Apache has to be told of a module where it is: the lines, or
// the files of its kind of system, each behind a comment with its path (rule N-5).
func Config(j *Job, l installer.Layout, apache apxs.Info, python pybuild.Info) error {
	lines := installer.Snippet(l, python)
	if j.Text("format") == "file" && !j.JSON() {
		files, err := installer.FamilyOf(apache).Files(filepath.Dir(apache.ConfFile), "", installer.Directives{
			Module: l.Module, Home: installer.HomeFor(l, python), Free: python.ABI.Free})
		if err != nil {
			return err
		}
		lines = nil
		for _, f := range files {
			lines = append(lines, "# "+f.Path, strings.TrimSuffix(f.Text, "\n"))
		}
	}
	return j.Print(struct {
		Schema  int      `json:"schema"`
		Module  string   `json:"module"`
		Snippet []string `json:"snippet"`
	}{1, l.Module, lines}, Lines(lines))
}
