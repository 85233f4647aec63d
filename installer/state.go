package installer

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"modwsgi/apxs"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/journal"
	"modwsgi/internal/pattern"
)

// rootsState is where it is noted what is installed on the machine.
const rootsState = "/var/lib/modwsgi"

// StateFolder is where it is noted what is installed, by the environment that
// getenv reads: root's installations are the machine's, anybody else's their own
// (rule X-3). It is "" if there is no such place.
func StateFolder(getenv func(string) string) string {
	if dir := getenv("MODWSGI_STATE"); filepath.IsAbs(dir) {
		return dir
	}
	if os.Geteuid() == 0 {
		return rootsState
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "modwsgi")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "modwsgi")
	}
	return ""
}

// recordSchema is counted up when the meaning of a record changes.
const recordSchema = 1

// kept is how many earlier generations a record has (rule X-5).
const kept = 3

// Record is what is known of one installation, by the modules folder that it is
// in: what it consists of now, and before.
type Record struct {
	Schema  int          `json:"schema"`
	Current Generation   `json:"current"`
	Earlier []Generation `json:"earlier,omitempty"` // newest first
}

// Generation is an installation as one run made it.
type Generation struct {
	Time     time.Time        `json:"time"`
	Tool     string           `json:"tool"`    // version of this program
	Version  string           `json:"version"` // of the sources, and their sum
	Source   string           `json:"source"`
	Modules  string           `json:"modules_dir"`
	Flavour  Flavour          `json:"flavour,omitempty"`   // of a release of the original
	LoadFile string           `json:"load_file,omitempty"` // that Apache loads before it
	Again    string           `json:"again,omitempty"`     // the command that installs the same, if it is not the plain one
	Apache   *RecordedApache  `json:"apache,omitempty"`
	Pythons  []RecordedPython `json:"pythons,omitempty"`
	Home     string           `json:"home,omitempty"` // what WSGIPythonHome names
	Files    []Entry          `json:"files"`          // sorted by path
	Folders  []string         `json:"folders,omitempty"`
	Enabling []Switched       `json:"enabling,omitempty"` // what was enabled, and what disabled for it
	Proof    []LevelReport    `json:"proof,omitempty"`
}

// RecordedApache is the server an installation is for.
type RecordedApache struct {
	Httpd    string   `json:"httpd"`
	Version  string   `json:"version"`
	MMN      apxs.MMN `json:"mmn"`
	ConfFile string   `json:"conf_file,omitempty"`
	Root     string   `json:"root,omitempty"`
	Family   string   `json:"family,omitempty"`
}

// RecordedPython is one that an installation has a half for.
type RecordedPython struct {
	ABI        string `json:"abi"`
	Version    string `json:"version"`
	Executable string `json:"executable,omitempty"`
	Library    string `json:"library,omitempty"`   // the libpython, by the name it is found by
	LibPython  string `json:"libpython,omitempty"` // and its real path
	SONAME     string `json:"soname,omitempty"`
	SHA256     string `json:"sha256,omitempty"` // of the library, as it was then
}

// Entry is a file or link of an installation. What was there before, of somebody
// else, is among the objects.
type Entry struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"`
	Mode   string `json:"mode,omitempty"`
	Link   string `json:"link,omitempty"`
	Part   string `json:"part"` // one of the constants below
	Was    *Was   `json:"was,omitempty"`
}

const (
	partModule  = "module" // below the modules folder
	partSnippet = "snippet"
)

// Was is what stood at a path: nothing if it has neither sum nor link.
type Was struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"` // its content, among the objects
	Mode   string `json:"mode,omitempty"`
	Link   string `json:"link,omitempty"`
	Folder bool   `json:"folder,omitempty"`
	// Owned is whose file it was, and when it was written.
	Owned   *fsx.Owned `json:"owned,omitempty"`
	Package string     `json:"package,omitempty"` // that it belonged to
}

// Switched is something enabled or disabled, and what that changed.
type Switched struct {
	What   string `json:"what"`            // "wsgi is enabled"
	Other  bool   `json:"other,omitempty"` // something else that was disabled
	Before []Was  `json:"before"`
	After  []Was  `json:"after"`
}

// state is the folder of all that is noted.
type state struct{ dir string }

func (s state) journal() string { return filepath.Join(s.dir, "journal") }
func (s state) objects() string { return filepath.Join(s.dir, "objects") }

// record is the file for an installation.
func (s state) record(p place) string {
	sum := sha256.Sum256([]byte(p.dir))
	return filepath.Join(s.dir, fmt.Sprintf("modules-%x%s.json", sum[:6], p.flavour.in("{-}")))
}

func (s state) object(sum string) string { return filepath.Join(s.objects(), sum) }

// read reads the record for an installation; nil if there is none.
func (s state) read(p place) (*Record, error) { return readRecord(s.record(p)) }

func readRecord(name string) (*Record, error) {
	for _, path := range []string{filepath.Dir(name), name} { // S15: files are removed by what it says
		if err := fsx.Trusted(path); err != nil {
			return nil, hint.Exit(fmt.Errorf("reading what is installed: %w", err), hint.Refused)
		}
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what is installed: %w", err)
	}
	r, err := parseRecord(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return r, nil
}

// parseRecord refuses what no installation writes: files are removed by it.
func parseRecord(data []byte) (*Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	if r.Schema != recordSchema {
		return nil, fmt.Errorf("it is of schema %d, this program knows %d", r.Schema, recordSchema)
	}
	for _, g := range append([]Generation{r.Current}, r.Earlier...) {
		if g.Flavour != "" && !flavourName.MatchString(string(g.Flavour)) {
			return nil, fmt.Errorf("%q is no release of the original for a Python", g.Flavour)
		}
		for _, path := range g.paths() {
			if !filepath.IsAbs(path) || path != filepath.Clean(path) || path == "/" {
				return nil, fmt.Errorf("%q is no absolute path", path)
			}
		}
		for _, sum := range g.sums() {
			if !isSum(sum) {
				return nil, fmt.Errorf("%q is no sum", sum)
			}
		}
	}
	return &r, nil
}

var flavourName = pattern.New(`^py3\d+t?d?$`)

func isSum(s string) bool {
	return len(s) == 64 && !slices.ContainsFunc([]byte(s), func(c byte) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'f') })
}

// paths are all that a generation names.
func (g Generation) paths() []string {
	list := append([]string{g.Modules}, g.Folders...)
	for _, e := range g.Files {
		list = append(list, e.Path)
		if e.Was != nil {
			list = append(list, e.Was.Path)
		}
	}
	for _, s := range g.Enabling {
		for _, w := range append(slices.Clone(s.Before), s.After...) {
			list = append(list, w.Path)
		}
	}
	return list
}

// sums are those of all contents that a generation names.
func (g Generation) sums() []string {
	var list []string
	for _, e := range g.Files {
		if e.SHA256 != "" {
			list = append(list, e.SHA256)
		}
	}
	return append(list, g.foreignSums()...)
}

// foreignSums are those of what was there before and was not ours.
func (g Generation) foreignSums() []string {
	var list []string
	add := func(w Was) {
		if w.SHA256 != "" {
			list = append(list, w.SHA256)
		}
	}
	for _, e := range g.Files {
		if e.Was != nil {
			add(*e.Was)
		}
	}
	for _, s := range g.Enabling {
		for _, w := range append(slices.Clone(s.Before), s.After...) {
			add(w)
		}
	}
	return list
}

// Noted are all installations that are noted, as they are now.
func Noted(o Options) ([]Generation, error) {
	_, st, err := o.ready()
	if err != nil {
		return nil, err
	}
	list, err := st.records(place{}, nil)
	var all []Generation
	for _, r := range list {
		all = append(all, r.Current)
	}
	return all, err
}

// Server is the Apache that it was installed for, as far as that is noted; nil if
// it is not.
func (g Generation) Server() *apxs.Info {
	a := g.Apache
	if a == nil {
		return nil
	}
	return &apxs.Info{Httpd: a.Httpd, Version: a.Version, MMN: a.MMN, ConfFile: a.ConfFile, ConfDir: filepath.Dir(a.ConfFile), Root: a.Root, Family: a.Family, ModulesDir: g.Modules}
}

// encode is the text of the record.
func (r Record) encode() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing down what is installed: %w", err)
	}
	return append(data, '\n'), nil
}

// keep are the steps that copy the contents sums from files into the objects,
// those that are not there yet.
func (s state) keep(contents map[string]string) []journal.Step {
	var steps []journal.Step
	for _, sum := range sortedKeys(contents) {
		if fi, err := os.Lstat(s.object(sum)); err == nil && fi.Mode().IsRegular() {
			continue
		}
		steps = append(steps, journal.Step{Kind: journal.Write, Path: s.object(sum), Mode: 0o600, From: contents[sum], SHA256: sum})
	}
	if len(steps) > 0 {
		steps = append([]journal.Step{{Kind: journal.Mkdir, Path: s.objects(), Mode: 0o700}}, steps...)
	}
	return steps
}

// unneeded are the objects that nobody has a use for once the record for p is r;
// nil: there will be none.
func (s state) unneeded(p place, r *Record) ([]string, error) {
	entries, err := os.ReadDir(s.objects())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking at what is kept: %w", err)
	}
	needed := map[string]bool{}
	others, err := s.records(p, r)
	if err != nil {
		return nil, err
	}
	for _, each := range others {
		for _, sum := range each.Current.foreignSums() {
			needed[sum] = true
		}
		for _, g := range each.Earlier {
			for _, sum := range g.sums() {
				needed[sum] = true
			}
		}
	}
	var list []string
	for _, e := range entries {
		if !needed[e.Name()] {
			list = append(list, filepath.Join(s.objects(), e.Name()))
		}
	}
	return list, nil
}

// records are all, with r for p.
func (s state) records(p place, r *Record) ([]Record, error) {
	names, err := filepath.Glob(filepath.Join(s.dir, "modules-*.json"))
	if err != nil {
		return nil, fmt.Errorf("looking for what is installed: %w", err)
	}
	var list []Record
	for _, name := range names {
		each, err := readRecord(name)
		if err != nil {
			return nil, err
		}
		if each != nil && each.Current.place() != p {
			list = append(list, *each)
		}
	}
	if r != nil {
		list = append(list, *r)
	}
	return list, nil
}

// tidy removes the folders of s if nothing is noted there any more.
func (s state) tidy() {
	for _, dir := range []string{s.objects(), s.dir} {
		_ = fsx.Remove(dir) // not empty: it is needed
	}
}
