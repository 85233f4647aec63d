package csrc

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"modwsgi/internal/fsx"
)

// stateSchema is counted up when the meaning of a state file changes; one of
// another number is not used.
const stateSchema = 2

// state is what a build folder knows of how its files were made, kept in
// obj/state.json. With it, a build that has nothing to do reads that file and
// asks the file system for times; it starts no program.
//
// Losing it costs one build, nothing else, so what cannot be read is ignored.
type state struct {
	Schema   int               `json:"schema"`
	Compiler knownCompiler     `json:"compiler"`
	Layout   layout            `json:"layout,omitempty"`
	Sources  string            `json:"sources,omitempty"` // the folder below src/
	Objects  map[string]object `json:"objects"`           // by path from the build folder
	Links    map[string]linked `json:"links"`             // by output

	Preflights map[string]object `json:"preflights,omitempty"` // that passed, by their file
	Foreign    knownForeign      `json:"foreign,omitzero"`

	Runtime map[string]stamped `json:"runtime,omitempty"` // the Python package, by path below RuntimeFolder/python
	Files   map[string]stamped `json:"files"`             // headers and libraries from elsewhere, by absolute path

	path  string
	dirty bool
	mu    sync.Mutex      // Files, while objects are made
	fresh map[string]bool // entries of Files that were looked at in this run
}

// knownCompiler is a probed compiler, good as long as its programs are the same
// files.
type knownCompiler struct {
	Key      string   `json:"key"`
	Compiler Compiler `json:"compiler"`
}

// knownForeign are flags of others that were tried, good as long as they and the
// compiler are the same.
type knownForeign struct {
	Key   string  `json:"key"`
	Flags Foreign `json:"flags"`
}

// object is how an object file was made.
type object struct {
	Key    string   `json:"key"`    // of the command
	Inputs string   `json:"inputs"` // hash of names and contents of Read
	Read   []string `json:"read"`   // the source and all headers
	File   stamped  `json:"file"`
}

// linked is how a target was made.
type linked struct {
	Key    string  `json:"key"`
	Inputs string  `json:"inputs"`
	File   stamped `json:"file"`
}

// stamped is a file's content hash with what tells cheaply that it is still the
// same file.
type stamped struct {
	Size  int64  `json:"size"`
	Time  int64  `json:"time"` // of the last change, nanoseconds
	Inode uint64 `json:"inode"`
	Sum   string `json:"sum"`
}

// same says whether s and o were taken of one unchanged file.
func (s stamped) same(o stamped) bool {
	return s.Size == o.Size && s.Time == o.Time && s.Inode == o.Inode
}

// look stamps the file at path without reading it.
func look(path string) (stamped, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return stamped{}, err
	}
	s := stamped{Size: fi.Size(), Time: fi.ModTime().UnixNano()}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		s.Inode = uint64(st.Ino)
	}
	return s, nil
}

// read stamps the file at path and hashes its content.
func read(path string) (stamped, error) {
	s, err := look(path)
	if err != nil {
		return s, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	s.Sum = sum(data)
	return s, nil
}

// loadState reads the state of the build folder dir.
func loadState(dir string) *state {
	s := &state{path: filepath.Join(dir, "obj", "state.json")}
	data, err := os.ReadFile(s.path)
	if err != nil || json.Unmarshal(data, s) != nil || s.Schema != stateSchema {
		*s = state{Schema: stateSchema, path: s.path, dirty: true}
	}
	if s.Objects == nil {
		s.Objects = map[string]object{}
	}
	if s.Preflights == nil {
		s.Preflights = map[string]object{}
	}
	if s.Links == nil {
		s.Links = map[string]linked{}
	}
	if s.Files == nil {
		s.Files = map[string]stamped{}
	}
	s.fresh = map[string]bool{}
	return s
}

// save writes s if it changed. Objects that are gone are forgotten, and so are
// files that nothing was made from.
func (s *state) save(dir string) error {
	if !s.dirty {
		return nil
	}
	used := map[string]bool{}
	for name, o := range s.Objects {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			delete(s.Objects, name)
			continue
		}
		for _, path := range o.Read {
			used[path] = true
		}
	}
	for _, o := range s.Preflights {
		for _, path := range o.Read {
			used[path] = true
		}
	}
	for path := range s.Files {
		if !used[path] && !s.fresh[path] {
			delete(s.Files, path)
		}
	}
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing the build's state: %w", err)
	}
	if err := fsx.WriteFile(s.path, data, 0o644); err != nil {
		return fmt.Errorf("writing the build's state: %w", err)
	}
	s.dirty = false
	return nil
}

// sum returns the content hash of a file outside the build folder. It is read
// only when its size, time or inode are others than when it was last read.
func (s *state) sum(path string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.Files[path]
	if ok && s.fresh[path] {
		return known.Sum, nil
	}
	now, err := look(path)
	if err != nil {
		return "", err
	}
	if !ok || !known.same(now) {
		if now, err = read(path); err != nil {
			return "", err
		}
		s.Files[path] = now
		s.dirty = true
		known = now
	}
	s.fresh[path] = true
	return known.Sum, nil
}

// inputs hashes the names and contents of what an object was made from: names
// without a slash are of the source tree.
func (s *state) inputs(t *tree, names []string) (string, error) {
	list := make([]string, 0, 2*len(names))
	for _, name := range names {
		var sum string
		if filepath.IsAbs(name) {
			var err error
			if sum, err = s.sum(name); err != nil {
				return "", err
			}
		} else {
			var ok bool
			if sum, ok = t.sums[name]; !ok {
				return "", fmt.Errorf("%s: %w", name, fs.ErrNotExist)
			}
		}
		list = append(list, name, sum)
	}
	return hash(list), nil
}

// current says whether the object c plans is there and as it would be made now.
func (s *state) current(dir string, t *tree, c Compile) bool {
	known, ok := s.Objects[c.Object]
	if !ok || known.Key != c.Key || !unchanged(dir, c.Object, known.File) {
		return false
	}
	return s.inputsAre(t, known.Read, known.Inputs)
}

// inputsAre says whether the files called names hold what they held when want
// was taken of them.
func (s *state) inputsAre(t *tree, names []string, want string) bool {
	inputs, err := s.inputs(t, names)
	return err == nil && inputs == want
}

// linkInputs hashes what l is linked from. All of it must be there.
func (s *state) linkInputs(l Link) (string, error) {
	list := slices.Clone(l.Objects)
	for _, name := range l.Objects {
		list = append(list, s.Objects[name].File.Sum)
	}
	if l.LibPython != "" {
		sum, err := s.sum(l.LibPython)
		if err != nil {
			return "", err
		}
		list = append(list, sum)
	}
	return hash(list), nil
}

func unchanged(dir, name string, known stamped) bool {
	now, err := look(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil && known.same(now)
}
