package verbs

import (
	"context"
	"fmt"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/docs"
	"modwsgi/installer"
	"modwsgi/installer/doctor"
	"modwsgi/internal/distro"
	"modwsgi/internal/run"
	"modwsgi/matrix"
	"modwsgi/pybuild"
)

// Verify builds what is out of date, takes the result through every level of
// proof (rule V-1) and says what became of each.
func Verify(ctx context.Context, j *Job) error {
	o, fetching, err := j.resolve(ctx, BuildRequest{})
	if err != nil {
		return err
	}
	if len(fetching) > 0 {
		return j.Plan(append(fetching, "build it, and prove the result"))
	}
	if j.Dry() {
		return j.Plan([]string{BuildStep(o), "start temporary Apaches, make requests, stop and remove them"})
	}
	artifact, err := j.Compile(ctx, o)
	if err != nil {
		return err
	}
	proof, err := j.Proof(ctx, artifact, *o.Apache, o.Python[0])
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
	s, err := matrix.Subject(j.R, built, apache, python)
	if err != nil {
		return installer.Proof{}, err
	}
	return prove(ctx, j.R, s), nil
}

func prove(ctx context.Context, r *run.Runner, s installer.Subject) installer.Proof {
	proof := installer.Prove(ctx, r, s)
	for i := range proof.Levels {
		explain(&proof.Levels[i])
	}
	return proof
}

// explain adds what is known about what is wrong, where it is said in words that
// the doctor knows (rule V-8).
func explain(l *installer.LevelReport) {
	if len(l.Wrong) == 0 || len(l.Advice) > 0 {
		return
	}
	found, _ := doctor.Explain(strings.NewReader(strings.Join(l.Wrong, "\n")), distro.Here(), doctor.Messages(docs.Messages)) // nothing known: nothing is added
	for _, f := range found {
		l.Advice = append(l.Advice, fmt.Sprintf("%s: %s: %s", f.Code, f.Cause, strings.Join(f.Fix, "; ")))
	}
}
