package verbs

import (
	"context"
	"path/filepath"

	"modwsgi/csrc/fetch"
	"modwsgi/installer/pack"
)

// VerifyArtifacts reads a folder of packages again, with all that lies beside them
// (rule B-3).
func VerifyArtifacts(_ context.Context, j *Job) error {
	lock, err := fetch.ReadLock(filepath.Join(j.Dir, fetch.LockFile))
	if err != nil {
		return err
	}
	r, err := pack.ReviewFolder(j.dist(), lock)
	if err != nil {
		return err
	}
	if err := j.Print(r, r.Print); err != nil {
		return err
	}
	return r.Err()
}

// dist is the folder for packages.
func (j *Job) dist() string {
	if dir := j.Text("dist"); dir != "" {
		return dir
	}
	return filepath.Join(j.Dir, "dist")
}
