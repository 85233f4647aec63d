package csrc

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Reproduction is the result of building twice.
type Reproduction struct {
	Sums        map[string]string `json:"sums"` // sha256 by path; of a link, where it leads
	Differences []Difference      `json:"differences,omitempty"`
}

// Difference is a file that is not the same in two builds.
type Difference struct {
	File    string `json:"file"`
	Section string `json:"section"` // the first that differs, or what is to be said in its place
}

// Err is nil if both builds gave the same bytes.
func (r Reproduction) Err() error {
	if len(r.Differences) == 0 {
		return nil
	}
	d := r.Differences[0]
	return hint.Exit(fmt.Errorf("building twice gives different files: %d of %d, first %s in %s", len(r.Differences), len(r.Sums), d.File, d.Section), hint.Unverified)
}

// Reproduce builds o twice from nothing, in two folders whose names differ in
// length, and compares every file (rule H-4). It works for each kind of source
// tree, and leaves nothing behind.
func Reproduce(ctx context.Context, r *run.Runner, o Options) (Reproduction, error) {
	var builds [2]map[string]string
	var roots [2]string
	for i, name := range []string{"a", "a folder of another length"} {
		temp, err := os.MkdirTemp("", "modwsgi-twice-")
		if err != nil {
			return Reproduction{}, err
		}
		defer func() { _ = fsx.RemoveAll(temp) }()
		roots[i] = filepath.Join(temp, name)
		twice := o
		twice.Dir, twice.Cache = roots[i], ""
		if twice.InstallDir == "" {
			twice.InstallDir = o.Dir // not the temporary one: origin is relative to it
		}
		if _, err := Build(ctx, r, twice); err != nil {
			return Reproduction{}, err
		}
		if builds[i], err = ArtifactSums(roots[i]); err != nil {
			return Reproduction{}, err
		}
	}
	done := Reproduction{Sums: builds[0]}
	names := slices.Concat(slices.Collect(maps.Keys(builds[0])), slices.Collect(maps.Keys(builds[1])))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if builds[0][name] == builds[1][name] {
			continue
		}
		section, err := FirstDifference(filepath.Join(roots[0], name), filepath.Join(roots[1], name))
		if err != nil {
			section = err.Error()
		}
		done.Differences = append(done.Differences, Difference{File: name, Section: section})
	}
	return done, nil
}

// ArtifactSums hashes what a build folder has for others, by path: all but objects
// and sources. Of a link it is where that leads.
func ArtifactSums(dir string) (map[string]string, error) {
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case e.IsDir() && (rel == "obj" || rel == "src"):
			return filepath.SkipDir
		case e.IsDir():
			return nil
		case e.Type()&fs.ModeSymlink != 0:
			m[rel], err = os.Readlink(path)
			return err
		}
		s, err := read(path)
		m[rel] = s.Sum
		return err
	})
	return m, err
}

// FirstDifference names the first section in which two files differ; "" if they
// are the same. What is no ELF file is one section, "its content".
func FirstDifference(a, b string) (string, error) {
	one, err := os.ReadFile(a)
	if err != nil {
		return "", err
	}
	other, err := os.ReadFile(b)
	if err != nil {
		return "", err
	}
	if bytes.Equal(one, other) {
		return "", nil
	}
	f, err := elf.NewFile(bytes.NewReader(one))
	if err != nil {
		return "its content", nil
	}
	g, err := elf.NewFile(bytes.NewReader(other))
	if err != nil {
		return "its content", nil
	}
	for i, s := range f.Sections {
		if i >= len(g.Sections) || g.Sections[i].Name != s.Name {
			return "the list of sections, from " + s.Name + " on", nil
		}
		if s.Type == elf.SHT_NOBITS {
			if s.Size != g.Sections[i].Size {
				return s.Name, nil
			}
			continue
		}
		x, errX := s.Data()
		y, errY := g.Sections[i].Data()
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			return s.Name, nil
		}
	}
	if len(g.Sections) > len(f.Sections) {
		return "the list of sections, from " + g.Sections[len(f.Sections)].Name + " on", nil
	}
	return "its headers", nil
}
