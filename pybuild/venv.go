package pybuild

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Environment is a virtual environment, as its pyvenv.cfg tells (rule P-8).
type Environment struct {
	Dir        string `json:"dir"`         // "" for none
	Home       string `json:"home"`        // the folder with the interpreter it was made from
	Version    string `json:"version"`     // "3.12.4" or "3.12.4.final.0"; "" when it does not say
	SystemSite bool   `json:"system_site"` // packages of the interpreter it was made from are seen in it

	Verdicts []Verdict `json:"verdicts,omitempty"`
}

// Verdict is what became of an environment since it was made.
type Verdict string

// The verdicts of rule P-8.
const (
	Orphaned     Verdict = "orphaned"      // the folder of its interpreter is gone
	VersionDrift Verdict = "version_drift" // its interpreter is another X.Y now
)

// ReadEnvironment reads the pyvenv.cfg in dir. Without one the error wraps
// [fs.ErrNotExist]: dir is no virtual environment.
func ReadEnvironment(dir string) (Environment, error) {
	data, err := os.ReadFile(filepath.Join(dir, "pyvenv.cfg"))
	if err != nil {
		return Environment{}, fmt.Errorf("reading a virtual environment: %w", err)
	}
	env := Environment{Dir: dir}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "home":
			env.Home = value
		case "version", "version_info":
			env.Version = value
		case "include-system-site-packages":
			env.SystemSite = strings.EqualFold(value, "true")
		}
	}
	if env.Home != "" && !fsx.IsDir(env.Home) {
		env.Verdicts = append(env.Verdicts, Orphaned)
	}
	return env, nil
}

// Is tells whether v was found.
func (e Environment) Is(v Verdict) bool { return slices.Contains(e.Verdicts, v) }

// XY is the version as "3.12".
func (e Environment) XY() string {
	parts := strings.SplitN(e.Version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// environmentOf reads the environment that the interpreter at exe is in: the
// interpreter itself, run with -S, does not tell before 3.14.
func environmentOf(exe string) Environment {
	for _, dir := range []string{filepath.Dir(filepath.Dir(exe)), filepath.Dir(exe)} {
		if env, err := ReadEnvironment(dir); err == nil {
			return env
		}
	}
	return Environment{}
}

// compare adds what there is to say of an environment in which p runs, and
// returns it as sentences.
func (e *Environment) compare(p *probe) (notes []string) {
	if e.Is(Orphaned) {
		notes = append(notes, fmt.Sprintf("the Python that %s was made from is gone from %s", e.Dir, e.Home))
	}
	if e.Version != "" && e.XY() != p.xy() {
		e.Verdicts = append(e.Verdicts, VersionDrift)
		notes = append(notes, fmt.Sprintf("%s was made for Python %s and runs %s: packages in it are not found", e.Dir, e.Version, p.version()))
	}
	return notes
}

// lost is the error of an environment without an interpreter that runs.
func (e Environment) lost() error {
	err := fmt.Errorf("the virtual environment lost its Python, %s of %s", e.Version, e.Home)
	return hint.New(err, "make it again: "+run.Line("python3", "-m", "venv", "--clear", e.Dir))
}

// emptyFolder says why no interpreter is in dir.
func emptyFolder(dir string) error {
	if env, err := ReadEnvironment(dir); err == nil {
		return env.lost()
	}
	return errors.New("there is no bin/python3 in this folder")
}
