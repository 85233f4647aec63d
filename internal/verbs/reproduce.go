package verbs

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"modwsgi/csrc"
	"modwsgi/installer"
)

// reproduced is the outcome of building twice, as JSON has it.
type reproduced struct {
	Schema int `json:"schema"`
	csrc.Reproduction
}

// Reproduce builds twice from nothing, in two temporary folders, and compares
// every file (rule H-4). What differs is an error that names the first section.
func Reproduce(ctx context.Context, j *Job) error {
	o, fetching, err := j.resolve(ctx, BuildRequest{})
	if err != nil {
		return err
	}
	if len(fetching) > 0 {
		return j.Plan(append(fetching, "build it twice, and compare the results"))
	}
	if j.Dry() {
		return j.Plan([]string{BuildStep(o) + " twice, each time below the folder for temporary files", "compare the results, remove them"})
	}
	o.Runtime = installer.Runtime()
	progress := j.Steps()
	progress.Start(fmt.Sprintf("building twice for %s", forWhom(o.Apache, o.Python)))
	o.Progress = told(progress)
	done, err := csrc.Reproduce(ctx, j.R, o)
	if err != nil {
		progress.Fail()
		return err
	}
	progress.Done(fmt.Sprintf("%d files", len(done.Sums)))
	if err := j.Print(reproduced{1, done}, printSums(done)); err != nil {
		return err
	}
	return done.Err()
}

// printSums writes what sha256sum would, and what differs.
func printSums(r csrc.Reproduction) func(io.Writer) error {
	return func(w io.Writer) error {
		var lines []string
		for _, name := range slices.Sorted(maps.Keys(r.Sums)) {
			lines = append(lines, r.Sums[name]+"  "+name)
		}
		for _, d := range r.Differences {
			lines = append(lines, fmt.Sprintf("differs: %s in %s", d.File, d.Section))
		}
		return Lines(lines)(w)
	}
}
