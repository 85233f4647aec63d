package verbs

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/keep"
	"modwsgi/internal/run"
)

// Program is what a Go compiler makes of a folder.
type Program struct {
	Cmd  run.Cmd
	Made string // the file
	Of   string // the folder of the sources
}

// goVariables change what a Go compiler makes of the same files.
var goVariables = []string{"GOFLAGS", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOROOT", "GOTOOLCHAIN", "GOWORK", "GOEXPERIMENT", "GOENV"}

// Compiled makes a program, as a step. The compiler finds out by itself that
// nothing is to be done, which takes it several times as long as all the rest: it
// is not started while what it made and everything below the folder are as they
// were.
func (j *Job) Compiled(ctx context.Context, p Program) error {
	question := fmt.Sprintf("%s %q made", p.Cmd.Line(), p.Cmd.Env)
	for _, name := range goVariables {
		question += "\x00" + j.R.Getenv(name)
	}
	compiler, _ := j.R.LookPath(p.Cmd.Path) // if it is not there, starting it says so
	trail := func(string) []string { return append(sourcesBelow(p.Of), p.Made, compiler) }
	m := keep.Memory{Folder: fsx.CacheFolder(j.R.Getenv), R: j.R}
	_, err := keep.Recall(m, question, trail, func() (string, error) { return p.Made, j.compile(ctx, p.Cmd) })
	return err
}

func (j *Job) compile(ctx context.Context, c run.Cmd) error {
	steps := j.Steps()
	steps.Start(c.Line())
	if _, err := j.R.Run(ctx, c); err != nil {
		steps.Fail()
		if j.R.Offline && strings.Contains(err.Error(), "GOPROXY=off") {
			return hint.Exit(err, hint.Refused) // it would have downloaded a module
		}
		return err
	}
	steps.Done("")
	return nil
}

// sourcesBelow are the folders and files of a Go module that a program may be made
// of: what is embedded counts, tests and results do not.
func sourcesBelow(dir string) []string {
	var list []string
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil:
			return nil // it is gone, and its folder another one
		case e.IsDir() && path != dir && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "__pycache__" || filepath.Dir(path) == dir && (name == "build" || name == "bin")):
			return filepath.SkipDir
		case e.IsDir() && path == dir, strings.HasSuffix(name, "_test.go"): // results come and go beside the sources
			return nil
		}
		list = append(list, path)
		return nil
	})
	return list
}
