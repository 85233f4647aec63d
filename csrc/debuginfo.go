package csrc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// Strip writes the linked file from without its debug information to the path
// to, and what it had of that to debug, unless that is "" (rule H-5). The build
// note and the build id stay. It says false, and to is a plain copy, where there
// is no objcopy: a package is larger without one, and not worse.
func Strip(ctx context.Context, r *run.Runner, from, to, debug string) (bool, error) {
	fi, err := os.Stat(from)
	if err != nil {
		return false, fmt.Errorf("stripping: %w", err)
	}
	objcopy, err := r.LookPath("objcopy")
	if errors.Is(err, exec.ErrNotFound) {
		return false, fsx.CopyFile(from, to, 0)
	}
	if err != nil {
		return false, fmt.Errorf("looking for objcopy: %w", err)
	}
	dir, err := os.MkdirTemp("", "modwsgi-strip-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	// The link to the debug file has the file's name in it.
	symbols := filepath.Join(dir, filepath.Base(to)+".debug")
	if debug != "" {
		symbols = filepath.Join(dir, filepath.Base(debug))
	}
	small := filepath.Join(dir, "stripped")
	args := []string{"--strip-unneeded", "--keep-section=" + sectionName}
	if debug != "" {
		if _, err := r.Output(ctx, "", objcopy, "--only-keep-debug", from, symbols); err != nil {
			return false, fmt.Errorf("taking out the debug information of %s: %w", from, err)
		}
		args = append(args, "--add-gnu-debuglink="+symbols)
	}
	if _, err := r.Output(ctx, "", objcopy, append(args, from, small)...); err != nil {
		return false, fmt.Errorf("stripping %s: %w", from, err)
	}
	if err := fsx.CopyFile(small, to, fi.Mode().Perm()); err != nil || debug == "" {
		return true, err
	}
	return true, fsx.CopyFile(symbols, debug, 0o644)
}
