package installer

import (
	"path/filepath"

	"modwsgi/internal/run"
)

// steps are the commands that would come to the same as the run: one for each
// file that is to be there, and for each that is not any more.
func (in *installation) steps() []string {
	if in.old != nil && in.complete() {
		return nil
	}
	var steps []string
	at := func(path string) string { return filepath.Join(in.to.Dir, filepath.FromSlash(path)) }
	for _, folder := range in.folders() {
		steps = append(steps, run.Line("install", "-d", "-m", "755", at(folder.Path)))
	}
	for _, f := range in.manifest.Files {
		switch {
		case f.Link != "":
			steps = append(steps, run.Line("ln", "-sfn", f.Link, at(f.Path)))
		case in.sources[f.Path] != at(f.Path): // a half that stays lies there
			steps = append(steps, run.Line("install", "-m", f.Mode, in.sources[f.Path], at(f.Path)))
		}
	}
	if in.old == nil {
		return steps
	}
	for _, f := range in.old.Files {
		if _, stays := in.manifest.find(f.Path); !stays {
			steps = append(steps, run.Line("rm", at(f.Path)))
		}
	}
	return steps
}
