package verbs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/docs"
	"modwsgi/installer"
	"modwsgi/installer/doctor"
	"modwsgi/internal/distro"
	"modwsgi/matrix"
	"modwsgi/pybuild"
)

// Verify builds what is out of date, takes the result through every level of
// proof (rule V-1) and says what became of each.
func Verify(ctx context.Context, j *Job) error {
	steps, err := j.sourceSteps()
	if err != nil || j.Dry() && len(steps) > 0 {
		return firstError(err, j.Plan, append(steps, "build it, and prove the result"))
	}
	source, output, err := j.source(ctx, "")
	if err != nil {
		return err
	}
	apache, err := j.Apache(ctx)
	if err != nil {
		return err
	}
	python, err := j.Python(ctx)
	if err != nil {
		return err
	}
	o := csrc.Options{Apache: &apache, Python: []pybuild.Info{python}, Dir: output, Source: source, Jobs: j.Count("jobs")}
	if j.Dry() {
		return j.Plan([]string{BuildStep(o), "start temporary Apaches, make requests, stop and remove them"})
	}
	artifact, err := j.Compile(ctx, o)
	if err != nil {
		return err
	}
	proof, err := j.Proof(ctx, artifact, apache, python)
	if err != nil {
		return err
	}
	if err := j.Print(proof, proof.Print); err != nil {
		return err
	}
	return proof.Err()
}

// Proof proves what was built: a tree of ours or a release of the original.
func (j *Job) Proof(ctx context.Context, built csrc.Artifact, apache apxs.Info, python pybuild.Info) (installer.Proof, error) {
	s := installer.Subject{Module: built.Module, Version: built.Version, Apache: apache, Python: python}
	l := installer.Layout{Module: built.Module}
	if len(built.Halves) > 0 {
		var err error
		if l, err = installer.Locate(built.Dir); err != nil {
			return installer.Proof{}, err
		}
		s.Layout = &l
	}
	s.Lines = installer.Snippet(l, python)
	if apache.Httpd == "" {
		s.NoRun = "no server binary is known"
	} else {
		s.Run = func(ctx context.Context) ([]string, error) { return j.serve(ctx, s) }
	}
	return installer.Prove(ctx, j.R, s), nil
}

// serve is level run: real requests in both modes. What is wrong is explained
// where its words are known (rule V-8).
func (j *Job) serve(ctx context.Context, s installer.Subject) ([]string, error) {
	o := matrix.ProveOptions{Module: s.Module, Apache: s.Apache, Python: s.Python, Classic: s.Layout == nil}
	for _, line := range s.Lines {
		if !strings.HasPrefix(line, "LoadModule ") {
			o.Lines = append(o.Lines, line)
		}
	}
	report, err := matrix.Prove(ctx, j.R, o)
	var looked []string
	for _, outcome := range report.Outcomes {
		looked = append(looked, fmt.Sprintf("%s: %s", outcome.Name, outcome.Status))
		if outcome.Status == matrix.Fail {
			err = errors.Join(err, fmt.Errorf("%s: %s", outcome.Name, strings.Join(outcome.Why, "\n")))
		}
	}
	if err == nil {
		return looked, nil
	}
	found, _ := doctor.Explain(strings.NewReader(err.Error()), distro.Here(), doctor.Messages(docs.Messages)) // nothing known: nothing is added
	for _, f := range found {
		err = errors.Join(err, fmt.Errorf("%s: %s %s", f.Code, f.Cause, strings.Join(f.Fix, "; ")))
	}
	return looked, err
}
