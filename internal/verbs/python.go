package verbs

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"modwsgi/matrix/provider"
	"modwsgi/pybuild"
)

// madePython is a Python that was made, as JSON has it.
type madePython struct {
	Schema     int     `json:"schema"`
	Version    string  `json:"version"`
	ABI        string  `json:"abi"`
	Executable string  `json:"executable"`
	Folder     string  `json:"folder"`
	From       string  `json:"from"`
	Sum        string  `json:"sum"`
	Seconds    float64 `json:"seconds"`
}

// MakePython makes a CPython of its sources, if there is none of that version in
// the cache yet, and says where it is (rule M-17).
func MakePython(version string) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error {
		store, err := provider.OpenStore(j.R)
		if err != nil {
			return err
		}
		from, err := j.pythonArchive(version)
		if err != nil {
			return err
		}
		maker := provider.Maker{R: j.R, Store: store, Mirror: provider.Mirror{R: j.R}, Agent: j.Agent(), Jobs: j.Count("jobs")}
		if j.Dry() {
			steps, err := maker.PythonSteps(version, from)
			if err != nil {
				return err
			}
			return j.Plan(steps)
		}
		steps := j.Steps()
		maker.Log = func(line string) { steps.Start(line) }
		store.Waiting = func(what string, pid int) {
			steps.Start(fmt.Sprintf("waiting for process %d, which makes %s", pid, what))
		}
		dir, stamp, err := maker.Python(ctx, version, from)
		if err != nil {
			steps.Fail()
			return err
		}
		steps.Done("")
		info, err := pybuild.Find(ctx, j.R, dir)
		if err != nil {
			return err
		}
		m := madePython{1, info.Version, info.ABI.ID(), info.Executable, dir, stamp.From, stamp.Sum, stamp.Seconds}
		return j.Print(m, m.print)
	}
}

// pythonArchive is what a Python is made of, if it is said: by the option, or for its
// version in matrix.toml.
func (j *Job) pythonArchive(version string) (string, error) {
	if from := j.Text("cpython"); from != "" {
		return from, nil
	}
	c, err := j.matrixFile()
	if err != nil {
		return "", err
	}
	return c.Archives.Python[version], nil
}

func (m madePython) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "Python %s (%s) of the %s\n  archive  %s\n  folder   %s\n  use it   PYTHON=%s\n", m.Version, m.ABI, m.From, m.Sum, m.Folder, filepath.Join(m.Folder, "bin", "python3"))
	return err
}
