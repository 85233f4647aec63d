package matrix

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Subject is what was built, a tree of ours or a release of the original, for
// [installer.Prove]: with the lines of its snippet, and a server of its own for
// level run.
func Subject(r *run.Runner, built csrc.Artifact, apache apxs.Info, python pybuild.Info) (installer.Subject, error) {
	s := installer.Subject{Module: built.Module, Version: built.Version, Apache: apache, Python: python}
	l := installer.Layout{Module: built.Module}
	if len(built.Halves) > 0 {
		var err error
		if l, err = installer.Locate(built.Dir); err != nil {
			return s, err
		}
		s.Layout = &l
	}
	s.Lines = installer.Snippet(l, python)
	if s.LoadFile = built.LoadFile; s.LoadFile != "" {
		s.Lines = append([]string{csrc.LoadFileLine(python, "")}, s.Lines...)
	}
	return withServer(r, s), nil
}

// Installed is what lies in Apache's modules folder, for [installer.Prove]: with
// the lines that Apache is told.
func Installed(r *run.Runner, l installer.Layout, lines installer.SetupLines, apache apxs.Info, python pybuild.Info) installer.Subject {
	s := installer.Subject{
		Module: l.Module, Layout: &l, Version: l.Apache.Version, Apache: apache, Python: python,
		Lines: lines.Lines, InPlace: lines.Enabled,
	}
	if l.Original != nil {
		s.Layout, s.LoadFile = nil, l.Original.LoadFile
	}
	return withServer(r, s)
}

// withServer gives a subject its server for level run.
func withServer(r *run.Runner, s installer.Subject) installer.Subject {
	if s.Apache.Httpd == "" {
		s.NoRun = "no server binary is known"
	} else {
		s.Run = func(ctx context.Context, s installer.Subject) ([]string, error) { return serve(ctx, r, s) }
	}
	return s
}

// serve is level run: real requests in both modes (rule V-6).
func serve(ctx context.Context, r *run.Runner, s installer.Subject) ([]string, error) {
	o := ProveOptions{Module: s.Module, Apache: s.Apache, Python: s.Python, Classic: s.Layout == nil}
	for _, line := range s.Lines {
		if !strings.HasPrefix(line, "LoadModule ") {
			o.Lines = append(o.Lines, line)
		}
	}
	report, err := Prove(ctx, r, o)
	var looked []string
	for _, outcome := range report.Outcomes {
		looked = append(looked, fmt.Sprintf("%s: %s", outcome.Name, outcome.Status))
		if outcome.Status == Fail {
			err = errors.Join(err, fmt.Errorf("%s: %s", outcome.Name, strings.Join(outcome.Why, "\n")))
		}
	}
	return looked, err
}
