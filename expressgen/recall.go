package expressgen

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"modwsgi/apxs"
	"modwsgi/internal/fsx"
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

// kept is a file of the memory.
type kept[T any] struct {
	Seen  map[string]string `json:"seen"` // path to which file is there
	Value T                 `json:"value"`
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
	if k, ok := readKept[T](path); ok && maps.Equal(k.Seen, look(trail(k.Value))) {
		return k.Value, nil
	}
	value, err := find()
	if err != nil {
		return value, err
	}
	data, err := json.Marshal(kept[T]{look(trail(value)), value})
	if err == nil && m.makeFolder() == nil {
		_ = fsx.WriteFile(path, data, 0o600) // the next start asks again
	}
	return value, nil
}

// file has the answer to a question, put by this program in this environment.
func (m memory) file(question string) string {
	sum := sha256.New()
	program, _ := os.Executable() // "" is a program like any other
	fmt.Fprintf(sum, "%s\x00%s\x00%s\x00", question, program, identity(program))
	for _, name := range variables {
		fmt.Fprintf(sum, "%s\x00", m.r.Getenv(name))
	}
	return filepath.Join(m.folder, fmt.Sprintf("said-%x.json", sum.Sum(nil)[:8]))
}

// makeFolder makes the folder; of an ordinary user nobody else may enter it.
func (m memory) makeFolder() error {
	if os.Geteuid() == 0 {
		return fsx.MkdirAll(m.folder, 0o755)
	}
	if err := fsx.MkdirAll(filepath.Dir(m.folder), 0o700); err != nil {
		return err
	}
	return fsx.MkdirPrivate(m.folder)
}

// readKept reads a file that nobody but this user can have written.
func readKept[T any](path string) (k kept[T], ok bool) {
	for _, at := range []string{filepath.Dir(path), path} {
		fi, err := os.Lstat(at)
		if err != nil || fi.Mode()&os.ModeSymlink != 0 || fi.Mode().Perm()&0o022 != 0 {
			return k, false
		}
		if st, ok := fi.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			return k, false
		}
	}
	data, err := os.ReadFile(path)
	return k, err == nil && json.Unmarshal(data, &k) == nil
}

// look tells which file is at each of paths.
func look(paths []string) map[string]string {
	seen := map[string]string{}
	for _, path := range paths {
		if filepath.IsAbs(path) {
			seen[path] = identity(path)
		}
	}
	return seen
}

// identity is another one when a file is replaced or written, or a folder gets
// or loses an entry; links are followed, and count themselves.
func identity(path string) string {
	var parts []string
	for _, stat := range []func(string) (os.FileInfo, error){os.Lstat, os.Stat} {
		fi, err := stat(path)
		if err != nil {
			return "none"
		}
		st, ok := fi.Sys().(*syscall.Stat_t)
		if !ok {
			return "unknown"
		}
		parts = append(parts, fmt.Sprint(st.Dev, st.Ino, fi.Mode(), fi.Size(), fi.ModTime().UnixNano()))
	}
	return strings.Join(parts, " ")
}
