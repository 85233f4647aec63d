package fetch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
)

// LockFile is the name of the file that remembers what each source was.
const LockFile = "modwsgi.lock"

// lockSchema is the layout of the lock file.
const lockSchema = 1

// Lock is the content of the lock file (rule G-6): by form without checksum,
// where it came from and what it was.
type Lock struct {
	Schema  int      `json:"schema"`
	Sources []Origin `json:"sources"` // sorted by form
}

// ReadLock reads the lock file at path. One that is not there is empty.
func ReadLock(path string) (Lock, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Lock{Schema: lockSchema}, nil
	}
	if err != nil {
		return Lock{}, fmt.Errorf("reading the lock file: %w", err)
	}
	var l Lock
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Lock{}, fmt.Errorf("reading the lock file %s: %w", path, err)
	}
	if l.Schema != lockSchema {
		return Lock{}, fmt.Errorf("the lock file %s has schema %d, this program knows %d", path, l.Schema, lockSchema)
	}
	for _, o := range l.Sources {
		if o.Form == "" || o.Tree == "" {
			return Lock{}, fmt.Errorf("the lock file %s has an entry without form or tree", path)
		}
	}
	return l, nil
}

// Write writes the lock file, sorted, so that it can be reviewed as a diff.
func (l Lock) Write(path string) error {
	by := map[string]Origin{}
	for _, o := range l.Sources {
		by[o.Form] = o
	}
	l.Schema, l.Sources = lockSchema, nil
	for _, form := range slices.Sorted(maps.Keys(by)) {
		l.Sources = append(l.Sources, by[form])
	}
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return fsx.WriteFile(path, append(data, '\n'), 0o644)
}

// With is the lock with o in it, in place of an older entry of that form.
func (l Lock) With(o Origin) Lock {
	kept := slices.DeleteFunc(slices.Clone(l.Sources), func(x Origin) bool { return x.Form == o.Form })
	return Lock{Schema: lockSchema, Sources: append(kept, o)}
}

// Find returns the entry of a form.
func (l Lock) Find(form string) (Origin, bool) {
	i := slices.IndexFunc(l.Sources, func(o Origin) bool { return o.Form == form })
	if i < 0 {
		return Origin{}, false
	}
	return l.Sources[i], true
}

// check compares what was brought with what was locked.
func (l Lock) check(got Origin) error {
	locked, ok := l.Find(got.Form)
	if !ok {
		return nil
	}
	for _, c := range []struct{ what, locked, got string }{
		{"sha256 of the archive", locked.Sum, got.Sum},
		{"commit", locked.Commit, got.Commit},
		{"hash of the tree", locked.Tree, got.Tree},
		{"version", locked.Version, got.Version},
		{"hash of the patched tree", orNone(locked.Patched), orNone(got.Patched)},
	} {
		if c.locked != "" && c.locked != c.got {
			return hint.Exit(hint.New(fmt.Errorf("%s: %s is %s, %s has %s", got.Form, c.what, c.got, LockFile, c.locked),
				"if the change is known and wanted: fetch it with -update"), hint.Refused)
		}
	}
	return nil
}

// orNone is a value for a comparison in which nothing is a value too: a tree that
// was locked without patches is another one with them.
func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
