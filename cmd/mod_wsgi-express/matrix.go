package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"modwsgi/internal/hint"
	"modwsgi/internal/options"
	"modwsgi/internal/verbs"
	"modwsgi/internal/words"
)

// maxSelectors is how many words may say which cells are meant.
const maxSelectors = 1000

type matrixCommand struct {
	Verb  string   `arg:"" optional:"" help:"What to do: list, plan, run, repro, merge, sheet, github or gitlab."`
	Words []string `arg:"" optional:"" help:"Which cells: a mode (full, pairwise, smoke, changed) and selectors; for merge, folders."`
	findFlags
	Cells      *string `opt:"cells" placeholder:"WORDS" help:"${cells}"`
	Changed    *string `opt:"changed" placeholder:"FILE" help:"${changed}"`
	MatrixFile *string `opt:"matrix_file" placeholder:"FILE" help:"${matrix_file}"`
	Plan       *string `opt:"plan" placeholder:"FILE" help:"${plan}"`
	Results    *string `opt:"results" placeholder:"DIR" help:"${results}"`
	Shard      *string `opt:"shard" placeholder:"I/N" help:"${shard}"`
	Failed     *string `opt:"failed" placeholder:"FILE" help:"${failed}"`
	Here       *string `opt:"here" placeholder:"PROVIDER" help:"${here}"`
	Parallel   *int    `opt:"parallel" placeholder:"N" help:"${parallel}"`
	Budget     *string `opt:"budget" placeholder:"TIME" help:"${budget}"`
	Keep       *bool   `opt:"keep" help:"${keep}"`
	Color      *string `opt:"color" placeholder:"WHEN" help:"${color}"`
	Timings    *string `opt:"timings" placeholder:"FILE" help:"${timings}"`
	Shards     *int    `opt:"shards" placeholder:"N" help:"${shards}"`
	CINodes    *bool   `opt:"ci_nodes" name:"ci-nodes" help:"${ci_nodes}"`
	Dryrun     *bool   `opt:"dryrun" help:"${dryrun}"`
	printFlags
}

// matrixVerbs are what can be asked of the matrix.
var matrixVerbs = []struct {
	name string
	do   func(cells ...string) func(context.Context, *verbs.Job) error
}{
	{"list", verbs.MatrixList}, {"plan", verbs.MatrixPlan}, {"github", verbs.MatrixGithub}, {"gitlab", verbs.MatrixGitlab}, {"merge", verbs.MatrixMerge},
	{"sheet", func(...string) func(context.Context, *verbs.Job) error { return verbs.MatrixSheet() }},
	{"repro", func(cells ...string) func(context.Context, *verbs.Job) error {
		return verbs.MatrixRepro(strings.Join(cells, " "))
	}},
	{"run", func(cells ...string) func(context.Context, *verbs.Job) error { return verbs.MatrixRun(nil, cells...) }},
}

// matrixTarget is what the table of options calls a verb.
func matrixTarget(verb string) string { return "matrix:" + verb }

// matrixVerb is the verb among the words of the command, "" if there is none yet.
func matrixVerb(typed []string) string {
	for _, v := range matrixVerbs {
		if slices.Contains(typed, v.name) {
			return v.name
		}
	}
	return ""
}

// verbsOf are the verbs on which a row of the table of options has an effect.
func verbsOf(row string) (list []string) {
	for _, o := range options.Table() {
		for _, v := range matrixVerbs {
			if o.Name == row && slices.Contains(o.Targets, matrixTarget(v.name)) {
				list = append(list, v.name)
			}
		}
	}
	return list
}

// hideOthers leaves out of the help what has no effect on a verb.
func hideOthers(flags []*kong.Flag, verb string) {
	for _, f := range flags {
		if row := f.Tag.Get("opt"); row != "" && verb != "" {
			f.Hidden = !slices.Contains(verbsOf(row), verb)
		}
	}
}

func (c *matrixCommand) Run(a *app) error {
	var names []string
	for _, v := range matrixVerbs {
		if v.name == c.Verb {
			return a.do(matrixTarget(v.name), c, v.do(c.Words...))
		}
		names = append(names, v.name)
	}
	err := fmt.Errorf("matrix does not know %q", c.Verb)
	if c.Verb == "" {
		err = fmt.Errorf("matrix is to do what?")
	}
	if near := words.Nearest(c.Verb, names); near != "" {
		err = hint.New(err, "did you mean "+near+"?")
	}
	return hint.Exit(err, hint.Usage)
}
