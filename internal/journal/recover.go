package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Recover ends what was interrupted: what was committed is finished, all else is
// undone. It says what it did, a line each; nothing if nothing was pending.
func Recover(ctx context.Context, dir string) ([]string, error) { return resume(ctx, dir, nil) }

func resume(ctx context.Context, dir string, after func(string, int) error) ([]string, error) {
	if _, err := os.Lstat(filepath.Join(dir, logName)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	unlock, err := lock(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	list, err := read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // its owner was still at work and has ended it
	}
	if err != nil {
		return nil, err
	}
	if len(list) == 0 { // it had not begun
		return nil, remove(dir)
	}
	what, steps := list[0], list[1:]
	if n := len(steps); n > 0 && steps[n-1].Commit {
		if err := finish(steps[n-1]); err != nil {
			return nil, err
		}
		return []string{"finished: " + what.What}, remove(dir)
	}
	lines, err := undo(dir, what.PID, steps, after)
	if err != nil {
		return lines, err
	}
	return append(lines, "as before: "+what.What), remove(dir)
}

// read reads the log in dir. A last line that is not whole was being written when
// the end came: its step was not begun.
func read(dir string) ([]record, error) {
	data, err := os.ReadFile(filepath.Join(dir, logName))
	if err != nil {
		return nil, err
	}
	list, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(dir, logName), err)
	}
	return list, nil
}

func parse(data []byte) (list []record, err error) {
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			break
		}
		var rec record
		if err := json.Unmarshal(line, &rec); err != nil {
			return nil, fmt.Errorf("record %d: %w", len(list)+1, err)
		}
		if err := rec.check(len(list) == 0); err != nil {
			return nil, fmt.Errorf("record %d: %w", len(list)+1, err)
		}
		list = append(list, rec)
		data = rest
	}
	return list, nil
}

// check refuses what no journal of this program says: undoing follows it.
func (r record) check(first bool) error {
	switch {
	case first && r.Schema != schema:
		return fmt.Errorf("it is of schema %d, this program knows %d", r.Schema, schema)
	case first:
		return nil
	case r.Commit:
		for _, path := range r.Discard {
			if !clean(path) {
				return fmt.Errorf("%q is no absolute path", path)
			}
		}
		return nil
	case r.Step == nil:
		return errors.New("it has no step")
	}
	paths := r.Step.paths()
	if len(r.Before) != len(paths) || r.Step.Kind == Run && len(r.Step.Args) == 0 {
		return errors.New("it does not say what was there")
	}
	for i, was := range r.Before {
		known := slices.Contains([]string{isNothing, isFile, isLink, isFolder}, was.Is)
		backedUp := was.Is != isFile || r.Step.renames() || was.Time != nil && was.Backup != "" && filepath.IsLocal(was.Backup)
		if was.Path != paths[i] || !clean(was.Path) || !known || !backedUp {
			return fmt.Errorf("%q: it does not say what was there", was.Path)
		}
	}
	return nil
}

func clean(path string) bool {
	return filepath.IsAbs(path) && path == filepath.Clean(path) && path != "/"
}
