package installer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"modwsgi/internal/fsx"
	"modwsgi/internal/journal"
)

// wasAt sees what stands at path now.
func wasAt(path string) (Was, error) {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Was{Path: path}, nil
	case err == nil && fi.IsDir():
		return Was{Path: path, Folder: true}, nil
	}
	f, err := describe(filepath.Dir(path), filepath.Base(path))
	if err != nil {
		return Was{}, fmt.Errorf("looking at what is there: %w", err)
	}
	w := Was{Path: path, SHA256: f.SHA256, Mode: f.Mode, Link: f.Link}
	if w.SHA256 != "" {
		o := fsx.OwnedBy(fi)
		w.Owned = &o
	}
	return w, nil
}

func wasAll(paths []string) ([]Was, error) {
	list := make([]Was, 0, len(paths))
	for _, path := range paths {
		w, err := wasAt(path)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

// is tells whether what is there now is w.
func (w Was) is() (bool, error) {
	now, err := wasAt(w.Path)
	now.Package, now.Owned = w.Package, w.Owned
	return now == w, err
}

func (w Was) nothing() bool { return w.SHA256 == "" && w.Link == "" && !w.Folder }

// restore is the step that makes it so again, its content taken from the objects.
func (s state) restore(w Was) (journal.Step, error) {
	switch {
	case w.Folder:
		return journal.Step{Kind: journal.Mkdir, Path: w.Path, Mode: 0o755}, nil
	case w.nothing():
		if isFolder(w.Path) {
			return journal.Step{Kind: journal.Tidy, Path: w.Path}, nil
		}
		return journal.Step{Kind: journal.Remove, Path: w.Path}, nil
	case w.Link != "":
		return journal.Step{Kind: journal.Link, Path: w.Path, To: w.Link}, nil
	}
	mode, err := ManifestFile{Path: w.Path, Mode: w.Mode}.mode()
	return journal.Step{Kind: journal.Write, Path: w.Path, Mode: mode, From: s.object(w.SHA256), SHA256: w.SHA256, Owned: w.Owned}, err
}

// switchBack are the steps that revert what was enabled or disabled, as far as
// nobody has changed it since; what somebody has is left.
func (s state) switchBack(w Switched) (steps []journal.Step, left []string, err error) {
	for i, before := range slices.Backward(w.Before) {
		same, err := before.is()
		if err != nil {
			return nil, nil, err
		}
		if same {
			continue
		}
		if i < len(w.After) {
			same, err = w.After[i].is()
		}
		switch {
		case err != nil:
			return nil, nil, err
		case !same:
			left = append(left, before.Path)
			continue
		}
		step, err := s.restore(before)
		if err != nil {
			return nil, nil, err
		}
		steps = append(steps, step)
	}
	return steps, left, nil
}
