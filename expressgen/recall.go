package expressgen

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"modwsgi/apxs"
	"modwsgi/internal/fsx"
	"modwsgi/internal/keep"
	"modwsgi/internal/run"
)

// memory keeps what programs of this machine said of themselves from one start
// of a server to the next: asking them takes longer than all the rest. What was
// kept is believed only while every file it was made of is the one it was. The
// folder is "" where nothing shall be kept.
type memory struct {
	folder string
	r      *run.Runner
}

// told is what Apache's programs say.
type told struct {
	Apache apxs.Info       `json:"apache"`
	Static map[string]bool `json:"static"`
}

// variables of the environment by which programs are found, or which they obey.
var variables = []string{"PATH", "HOME", "APXS", "MODWSGI_APXS", "PYTHON", "MODWSGI_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX", "PERL5LIB", "PERL5OPT",
	"LD_LIBRARY_PATH", "APACHE_CONFDIR", "APACHE_ENVVARS", "APACHE_HTTPD", "SUFFIX"}

// recall is what find found for the same question, if nothing has changed since;
// else find is asked, and its answer kept. Trail lists the files an answer
// depends on. That nothing can be kept is no error.
func recall[T any](m memory, question string, trail func(T) []string, find func() (T, error)) (T, error) {
	if m.folder == "" {
		return find()
	}
	path := m.file(question)
	if value, ok := keep.Read(path, trail); ok {
		return value, nil
	}
	value, err := find()
	if err != nil {
		return value, err
	}
	if fsx.MkdirCache(m.folder) == nil {
		_ = keep.Write(path, value, trail) // the next start asks again
	}
	return value, nil
}

// file has the answer to a question, put by this program in this environment.
func (m memory) file(question string) string {
	sum := sha256.New()
	program, _ := os.Executable() // "" is a program like any other
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00", question, program, keep.Identity(program))
	for _, name := range variables {
		fmt.Fprintf(sum, "%s\x00", m.r.Getenv(name))
	}
	return filepath.Join(m.folder, fmt.Sprintf("said-%x.json", sum.Sum(nil)[:8]))
}
