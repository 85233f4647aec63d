package verbs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/words"
	"modwsgi/matrix/plan"
	"modwsgi/matrix/results"
	"modwsgi/matrix/runner"
)

// merged is what a merge came to, as JSON has it.
type merged struct {
	Schema int                    `json:"schema"`
	Folder string                 `json:"folder"`
	Plan   string                 `json:"plan"` // its hash
	Counts map[results.Status]int `json:"counts"`
	Flaky  []string               `json:"flaky"`
	Failed []string               `json:"failed"`
	Line   string                 `json:"line"`
}

// MatrixMergeLine is MatrixMerge for folders that were typed as one word, quoted as
// for a shell where there are several.
func MatrixMergeLine(line string) func(context.Context, *Job) error {
	dirs, err := words.Split(line)
	if err != nil {
		return func(context.Context, *Job) error {
			return hint.Exit(fmt.Errorf("the folders %q: %w", line, err), hint.Usage)
		}
	}
	return MatrixMerge(dirs...)
}

// MatrixMerge puts the results of shards together and makes all reports again (rule
// M-14). The error is for cells that failed, or of which there is no result.
func MatrixMerge(dirs ...string) func(context.Context, *Job) error {
	return func(_ context.Context, j *Job) error {
		if len(dirs) == 0 {
			return hint.Exit(hint.New(errors.New("whose results are to be merged is not said"), "name the folders that runs of the matrix wrote"), hint.Usage)
		}
		m, err := j.merge(dirs)
		if err != nil {
			return err
		}
		folder := j.resultsFolder()
		if j.Dry() {
			return j.Plan([]string{"write the plan, the results and the reports into " + folder + ": " + m.Line()})
		}
		if err := m.Write(folder); err != nil {
			return err
		}
		if err := j.tell(folder, m.Report); err != nil {
			return err
		}
		return m.Err()
	}
}

// merge reads folders and puts them together.
func (j *Job) merge(dirs []string) (m results.Merged, err error) {
	var p *plan.Plan
	if path := j.Text("plan"); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return m, hint.Exit(fmt.Errorf("reading the plan: %w", err), hint.Usage)
		}
		if p, err = plan.ReadPlan(data); err != nil {
			return m, err
		}
		p.Tool = j.Tool
	}
	var paths []string
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(j.Dir, dir)
		}
		paths = append(paths, dir)
	}
	parts, err := results.ReadParts(paths, p)
	if err != nil {
		return m, err
	}
	for _, part := range parts { // whoever ran them, what is missing is run by who merges
		part.Plan.Tool = j.Tool
	}
	return results.Merge(p, parts)
}

// resultsFolder is where a run of the matrix writes.
func (j *Job) resultsFolder() string {
	if dir := j.Text("results"); dir != "" {
		return dir
	}
	return filepath.Join(j.Dir, matrixFolder)
}

// tell says what came of a matrix: to the CI service that runs it, if there is
// one, and whoever asked. The last line on standard output is the counts (rule
// M-10).
func (j *Job) tell(folder string, rep results.Report) error {
	if err := rep.Publish(j.Err, j.R.Getenv); err != nil {
		return err
	}
	doc := merged{Schema: 1, Folder: folder, Plan: rep.Plan.Hash, Counts: map[results.Status]int{}, Flaky: []string{}, Failed: []string{}, Line: rep.Line()}
	for _, r := range rep.Results {
		doc.Counts[r.Status]++
		if r.Flaky {
			doc.Flaky = append(doc.Flaky, r.ID)
		}
		if r.Status.Bad() {
			doc.Failed = append(doc.Failed, r.ID)
		}
	}
	return j.Print(doc, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n%s", filepath.Join(folder, "report.html"), rep.Text())
		return err
	})
}

// MatrixSheet writes the conformance sheet of a run, or of shards that were merged,
// into its folder. The sheet of a release is made by CI: it says who made it.
func MatrixSheet() func(context.Context, *Job) error {
	return func(_ context.Context, j *Job) error {
		folder := j.resultsFolder()
		part, err := results.ReadPart(folder, nil)
		if err != nil {
			return err
		}
		path := filepath.Join(folder, "sheet.md")
		if j.Dry() {
			return j.Plan([]string{"write " + path})
		}
		text := runner.Sheet(results.NewReport(part.Plan, part.Results), maker(j.R.Getenv))
		if err := fsx.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
		return j.Print(map[string]any{"schema": 1, "sheet": path}, Lines([]string{path}))
	}
}

// maker is who makes a sheet: the run of a CI engine, or somebody.
func maker(getenv func(string) string) string {
	switch {
	case getenv("GITHUB_RUN_ID") != "":
		return fmt.Sprintf("made by %s/%s/actions/runs/%s", getenv("GITHUB_SERVER_URL"), getenv("GITHUB_REPOSITORY"), getenv("GITHUB_RUN_ID"))
	case getenv("CI_JOB_URL") != "":
		return "made by " + getenv("CI_JOB_URL")
	case getenv("CI") != "":
		return "made by CI"
	}
	return "made by hand, which no release is"
}
