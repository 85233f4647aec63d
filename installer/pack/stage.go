package pack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"modwsgi/csrc"
	"modwsgi/internal/run"
)

// stage is a temporary folder with what is packed of linked files: without
// debug information, and that apart (rule H-5).
type stage struct {
	r   *run.Runner
	dir string
	n   int
}

// shipped is a linked file as it is packed.
type shipped struct {
	file  string
	debug string // its debug information; "" where there is no objcopy
}

// add stages the linked file at path.
func (s *stage) add(ctx context.Context, path string) (shipped, error) {
	s.n++
	dir := filepath.Join(s.dir, fmt.Sprint(s.n))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return shipped{}, fmt.Errorf("staging %s: %w", path, err)
	}
	f := shipped{filepath.Join(dir, filepath.Base(path)), filepath.Join(dir, filepath.Base(path)+".debug")}
	apart, err := csrc.Strip(ctx, s.r, path, f.file, f.debug)
	if err != nil {
		return f, fmt.Errorf("staging: %w", err)
	}
	if !apart {
		f.debug = ""
	}
	return f, nil
}

// addAll stages several, and reads what they need.
func (s *stage) addAll(ctx context.Context, paths ...string) ([]shipped, Facts, error) {
	var list []shipped
	var files []string
	for _, path := range paths {
		f, err := s.add(ctx, path)
		if err != nil {
			return nil, Facts{}, err
		}
		list, files = append(list, f), append(files, f.file)
	}
	facts, err := factsOf(files...)
	return list, facts, err
}
