// Package keep remembers from one run to the next what programs of this machine
// said: asking them takes longer than all the rest. What was kept is believed
// only while every file it was made of is the one it was.
package keep

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"modwsgi/internal/fsx"
)

// entry is a kept file.
type entry[T any] struct {
	Seen  map[string]string `json:"seen"` // path to which file is there
	Value T                 `json:"value"`
}

// Read is the value kept at path, if nobody but this user can have written it
// and none of the files in its trail has changed.
func Read[T any](path string, trail func(T) []string) (value T, ok bool) {
	for _, p := range []string{filepath.Dir(path), path} {
		if _, ours := fsx.Ours(p); !ours {
			return value, false
		}
	}
	var e entry[T]
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &e) != nil {
		return value, false
	}
	return e.Value, maps.Equal(e.Seen, look(trail(e.Value)))
}

// Write keeps value at path. Its folder is there.
func Write[T any](path string, value T, trail func(T) []string) error {
	data, err := json.Marshal(entry[T]{look(trail(value)), value})
	if err != nil {
		return fmt.Errorf("keeping what was learnt: %w", err)
	}
	return fsx.WriteFile(path, data, 0o600)
}

// look tells which file is at each of paths.
func look(paths []string) map[string]string {
	seen := map[string]string{}
	for _, path := range paths {
		if filepath.IsAbs(path) {
			seen[path] = Identity(path)
		}
	}
	return seen
}

// Identity is another one when a file is replaced or written, or a folder gets
// or loses an entry; links are followed, and count themselves.
func Identity(path string) string {
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
