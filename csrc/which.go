package csrc

import (
	"modwsgi/apxs"
	"modwsgi/internal/run"
)

// FindCompiler is the command of the compiler that a build for apache, which may
// be nil, would take, and the files it stands for. Nothing is run.
func FindCompiler(r *run.Runner, apache *apxs.Info) (command, programs []string, err error) {
	return chooseCompiler(r, apache)
}
