package apxs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/pattern"
)

// Directive is one directive of a configuration, and where it stands.
type Directive struct {
	Name   string   `json:"name"` // as written
	Args   []string `json:"args,omitempty"`
	File   string   `json:"file"`
	Line   int      `json:"line"`
	Within []string `json:"within,omitempty"` // sections round it, outermost first: "<IfModule mod_ssl.c>"
}

// Place is "file:line".
func (d Directive) Place() string { return fmt.Sprintf("%s:%d", d.File, d.Line) }

// Conditional tells whether the directive is read only under a condition that
// only the running server knows.
func (d Directive) Conditional() bool {
	return slices.ContainsFunc(d.Within, func(s string) bool { return strings.HasPrefix(strings.ToLower(s), "<if") })
}

// Enabled is what a2enmod and a2dismod call the file that the directive stands
// in; "" if it is not one of theirs.
func (d Directive) Enabled() string {
	name, ok := strings.CutSuffix(filepath.Base(d.File), ".load")
	if !ok || filepath.Base(filepath.Dir(d.File)) != "mods-enabled" {
		return ""
	}
	return name
}

// Scan is what a configuration says of modules, libraries and WSGI.
type Scan struct {
	Directives []Directive `json:"directives"`      // LoadModule, LoadFile, WSGI…, in the order they are read
	Files      []string    `json:"files"`           // that were read
	Notes      []string    `json:"notes,omitempty"` // what could not be followed, a sentence each
}

// Loads are the directives that load the module with this symbol.
func (s Scan) Loads(symbol string) []Directive {
	var list []Directive
	for _, d := range s.Directives {
		if strings.EqualFold(d.Name, "LoadModule") && len(d.Args) > 0 && d.Args[0] == symbol {
			list = append(list, d)
		}
	}
	return list
}

// MPM is the one that the configuration loads: "event". It is "" if there is none
// or if there are several of which only the running server knows which counts.
func (s Scan) MPM() string {
	found := map[bool][]string{} // by whether there is a condition
	for _, d := range s.Directives {
		if !strings.EqualFold(d.Name, "LoadModule") || len(d.Args) == 0 {
			continue
		}
		name, ok := strings.CutPrefix(d.Args[0], "mpm_")
		name, is := strings.CutSuffix(name, "_module")
		if ok && is && !slices.Contains(found[d.Conditional()], name) {
			found[d.Conditional()] = append(found[d.Conditional()], name)
		}
	}
	for _, list := range [][]string{found[false], found[true]} {
		if len(list) > 0 {
			if len(list) == 1 {
				return list[0]
			}
			return ""
		}
	}
	return ""
}

// Limits of a scan (rule A-10): a configuration that exceeds them is not one.
const (
	maxScanDepth = 32
	maxScanFiles = 10_000
	maxScanBytes = 64 << 20
	maxScanLine  = 1 << 20 // of a line whose variables are expanded: definitions can double each other
	maxScanNotes = 100
)

// ScanConfig reads the configuration file conf and what it includes. Root is
// where relative names begin until ServerRoot says otherwise; env has the
// variables of the server's environment. Sections with a condition are read
// whatever the condition is, and both of two branches are reported. Nothing is
// run, and nothing but files below the configuration's own includes is read.
// The error is about conf itself; what an include has wrong becomes a note.
func ScanConfig(conf, root string, env map[string]string) (Scan, error) {
	s := &scanner{root: root, defines: map[string]string{}, env: env}
	if _, err := os.Stat(conf); err != nil {
		return Scan{}, fmt.Errorf("reading the configuration: %w", err)
	}
	s.file(conf, nil, 0)
	return s.out, nil
}

type scanner struct {
	out     Scan
	below   string // all paths are looked for under this one: "" but in tests
	root    string // ServerRoot
	defines map[string]string
	env     map[string]string
	bytes   int
	folders int
	grown   int  // bytes that variables made
	full    bool // a limit was reached, which has been noted
}

// on is where a path of the configuration lies on this machine.
func (s *scanner) on(path string) string {
	if s.below == "" {
		return path
	}
	return filepath.Join(s.below, path)
}

func (s *scanner) note(format string, args ...any) {
	switch len(s.out.Notes) {
	case maxScanNotes + 1:
	case maxScanNotes:
		s.out.Notes = append(s.out.Notes, "there is more that could not be followed")
	default:
		s.out.Notes = append(s.out.Notes, fmt.Sprintf(format, args...))
	}
}

// file reads one file. Within are the sections that its Include stands in.
func (s *scanner) file(path string, within []string, depth int) {
	switch {
	case s.full:
		return
	case depth > maxScanDepth:
		s.note("%s is included more than %d levels deep", path, maxScanDepth)
		return
	case len(s.out.Files) >= maxScanFiles:
		s.stop()
		return
	}
	info, err := os.Stat(s.on(path))
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err == nil && int64(s.bytes)+info.Size() > maxScanBytes {
		s.stop()
		return
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(s.on(path))
	}
	if err != nil {
		s.note("%s could not be read: %v", path, err)
		return
	}
	s.out.Files = append(s.out.Files, path)
	s.bytes += len(data)
	s.text(path, string(data), within, depth)
}

// stop ends the scan at a limit.
func (s *scanner) stop() {
	if !s.full {
		s.note("the configuration has more than %d files or %d bytes: the rest was not read", maxScanFiles, maxScanBytes)
	}
	s.full = true
}

// text reads the lines of a file. Sections that a file opens end with it.
func (s *scanner) text(path, text string, within []string, depth int) {
	sections := slices.Clone(within)
	for number, line := range logicalLines(text) {
		if s.full {
			return
		}
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "</"):
			if len(sections) > len(within) {
				sections = sections[:len(sections)-1]
			}
		case line[0] == '<':
			sections = append(slices.Clone(sections), s.expand(line))
		default:
			s.directive(path, number, line, sections, depth)
		}
	}
}

// logicalLines are the lines of a file with continued ones joined, and the
// number of the first of each.
func logicalLines(text string) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		var joined strings.Builder
		number, first := 0, 0
		for line := range strings.Lines(text) {
			number++
			if first == 0 {
				first = number
			}
			line = strings.TrimRight(line, "\r\n")
			if rest, more := strings.CutSuffix(line, `\`); more {
				joined.WriteString(rest)
				continue
			}
			if joined.Len() > 0 {
				line = joined.String() + line
				joined.Reset()
			}
			if !yield(first, line) {
				return
			}
			first = 0
		}
		if joined.Len() > 0 {
			yield(first, joined.String())
		}
	}
}

func (s *scanner) directive(path string, number int, line string, within []string, depth int) {
	list := arguments(s.expand(line))
	if len(list) == 0 {
		return
	}
	name, args := list[0], list[1:]
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	switch lower := strings.ToLower(name); {
	case lower == "define" && first != "":
		s.defines[first] = strings.Join(args[1:], " ")
	case lower == "undefine":
		delete(s.defines, first)
	case lower == "serverroot" && first != "":
		s.root = s.absolute(first)
	case (lower == "include" || lower == "includeoptional") && first != "":
		s.include(s.absolute(first), fmt.Sprintf("%s:%d", path, number), lower == "include", within, depth)
	case lower == "loadmodule" || lower == "loadfile" || strings.HasPrefix(lower, "wsgi"):
		s.out.Directives = append(s.out.Directives, Directive{Name: name, Args: args, File: path, Line: number, Within: within})
	}
}

func (s *scanner) absolute(path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.root, path)
	}
	return filepath.Clean(path)
}

// include reads a file, all files of a folder, or what a pattern matches.
func (s *scanner) include(target, place string, required bool, within []string, depth int) {
	paths := []string{target}
	if strings.ContainsAny(target, "*?[") {
		matched, err := fsx.Glob(s.below, target)
		if err != nil {
			s.note("%s: the pattern %s is malformed", place, target)
			return
		}
		for i := range matched {
			matched[i] = strings.TrimPrefix(matched[i], s.below)
		}
		paths = matched // sorted, as Apache reads them
	}
	if len(paths) == 0 && required {
		s.note("%s: nothing matches %s", place, target)
	}
	for _, path := range paths {
		info, err := os.Stat(s.on(path))
		switch {
		case errors.Is(err, fs.ErrNotExist) && !required:
		case err != nil:
			s.note("%s: %v", place, err)
		case info.IsDir():
			s.folder(path, within, depth+1)
		default:
			s.file(path, within, depth+1)
		}
	}
}

func (s *scanner) folder(dir string, within []string, depth int) {
	switch s.folders++; {
	case s.full:
		return
	case depth > maxScanDepth:
		s.note("%s is included more than %d levels deep", dir, maxScanDepth)
		return
	case s.folders > maxScanFiles: // links can make a few folders endlessly many
		s.stop()
		return
	}
	entries, err := os.ReadDir(s.on(dir))
	if err != nil {
		s.note("%s could not be read: %v", dir, err)
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(s.on(path)); err == nil && info.IsDir() {
			s.folder(path, within, depth+1)
			continue
		}
		s.file(path, within, depth)
	}
}

var variable = pattern.New(`\$\{([^}:]+)\}`)

// expand replaces ${NAME} by what Define or the environment says; one that
// nobody defines stays as it is, as Apache keeps it, and so does a line that
// would grow too long.
func (s *scanner) expand(line string) string {
	size := len(line)
	return variable.ReplaceAllStringFunc(line, func(ref string) string {
		name := ref[2 : len(ref)-1]
		value, ok := s.defines[name]
		if !ok {
			value, ok = s.env[name]
		}
		if size += len(value); !ok || size > maxScanLine || s.grown+len(value) > maxScanBytes {
			return ref
		}
		s.grown += len(value)
		return value
	})
}

// arguments splits a line as httpd does: at white space, with single or double
// quotes round a word, and a backslash before a quote inside one.
func arguments(line string) []string {
	var list []string
	for line = strings.TrimLeft(line, " \t"); line != ""; line = strings.TrimLeft(line, " \t") {
		var word string
		word, line = argument(line)
		list = append(list, word)
	}
	return list
}

func argument(line string) (word, rest string) {
	quote := line[0]
	if quote != '"' && quote != '\'' {
		end := strings.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		return line[:end], line[end:]
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line) && (line[i+1] == quote || line[i+1] == '\\'):
			i++
			b.WriteByte(line[i])
		case line[i] == quote:
			return b.String(), line[i+1:]
		default:
			b.WriteByte(line[i])
		}
	}
	return b.String(), "" // a quote that nobody closed: to the end of the line
}
