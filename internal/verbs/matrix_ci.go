package verbs

import (
	"context"
	"fmt"
	"io"

	"modwsgi/internal/fsx"
	"modwsgi/matrix/ci"
	"modwsgi/matrix/plan"
)

// MatrixGithub plans the cells that are asked for and gives GitHub Actions the matrix
// of jobs for them: as the output "matrix" of the step, or where there is no step, on
// standard output (rule E-1). plan.json has the shards that the jobs run.
func MatrixGithub(words ...string) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error {
		output := j.R.Getenv("GITHUB_OUTPUT")
		return j.matrixCI(ctx, words, ci.Github, func(text string) error {
			if output == "" {
				_, err := fmt.Fprintln(j.Out, text)
				return err
			}
			return fsx.Append(output, []byte(ci.GithubOutput("matrix", text)))
		})
	}
}

// MatrixGitlab plans the cells that are asked for and prints the child pipeline that
// runs them in GitLab (rule E-2). plan.json has the shards that the jobs run.
func MatrixGitlab(words ...string) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error {
		make := ci.Gitlab
		if j.On("ci_nodes") {
			make = ci.GitlabNodes
		}
		return j.matrixCI(ctx, words, make, func(text string) error {
			_, err := io.WriteString(j.Out, text)
			return err
		})
	}
}

// matrixCI plans, has make spread the plan over jobs, writes plan.json and hands on
// what an engine is told.
func (j *Job) matrixCI(ctx context.Context, words []string, make func(*plan.Plan, plan.Timings, ci.Settings) (string, error), emit func(string) error) error {
	c, err := j.matrixFile()
	if err != nil {
		return err
	}
	p, err := j.matrix(ctx, words)
	if err != nil {
		return err
	}
	timings, err := j.timings()
	if err != nil {
		return err
	}
	s := ci.Settings{CI: c.CI, Jobs: j.Count("shards"), Tool: j.Tool, Plan: matrixFolder + "/plan.json"}
	text, err := make(p, timings, s)
	if err != nil {
		return err
	}
	_, steps, err := j.writePlan(p)
	if err != nil {
		return err
	}
	if j.Dry() {
		return j.Plan(steps)
	}
	return emit(text)
}
