package check

import (
	"context"
	"errors"
	"os"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// cWarnings builds every target with more warnings than users see, and each of
// them an error: a user's newer compiler must not fail on a warning, so -Werror
// lives here only.
func cWarnings(ctx context.Context, r *run.Runner, _ string) (err error) {
	apache, err := apxs.Find(ctx, r, "")
	if err != nil {
		return err
	}
	python, err := pybuild.Find(ctx, r, "")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "modwsgi-lint-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	strict := &run.Runner{Env: append(os.Environ(), "CC=gcc -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror")}
	_, err = csrc.Build(ctx, strict, csrc.Options{Apache: &apache, Python: []pybuild.Info{python}, Dir: dir})
	return err
}
