package keep

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// Memory keeps the answers to questions that are put to programs, in the cache
// folder Folder; "" where nothing shall be kept. An answer is of this program in
// this environment, as far as R knows it.
type Memory struct {
	Folder string
	R      *run.Runner
}

// variables of the environment by which programs are found, or which they obey.
var variables = []string{"PATH", "HOME", "APXS", "MODWSGI_APXS", "PYTHON", "MODWSGI_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX", "PERL5LIB", "PERL5OPT",
	"LD_LIBRARY_PATH", "APACHE_CONFDIR", "APACHE_ENVVARS", "APACHE_HTTPD", "SUFFIX"}

// Recall is what find found for the same question, if nothing has changed since;
// else find is asked, and its answer kept. Trail lists the files an answer
// depends on. That nothing can be kept is no error.
func Recall[T any](m Memory, question string, trail func(T) []string, find func() (T, error)) (T, error) {
	if m.Folder == "" {
		return find()
	}
	path := m.file(question)
	if value, ok := Read(path, trail); ok {
		return value, nil
	}
	value, err := find()
	if err != nil {
		return value, err
	}
	if fsx.MkdirCache(m.Folder) == nil {
		_ = Write(path, value, trail) // the next start asks again
	}
	return value, nil
}

// file has the answer to a question, put by this program in this environment.
func (m Memory) file(question string) string {
	sum := sha256.New()
	program, _ := os.Executable() // "" is a program like any other
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00", question, program, Identity(program))
	for _, name := range variables {
		fmt.Fprintf(sum, "%s\x00", m.R.Getenv(name))
	}
	return filepath.Join(m.Folder, fmt.Sprintf("said-%x.json", sum.Sum(nil)[:8]))
}
