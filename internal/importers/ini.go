package importers

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// The INI files of uWSGI are no INI files of anybody else: keys repeat and their
// order counts, one file includes others, values hold placeholders of four
// kinds, and some keys repeat or drop the lines behind them. The rules are those
// that uwsgi --show-config of 2.0.31 shows; ini_real_test.go asks it.

const (
	maxIncludes = 32    // files that one file takes in, itself included
	maxLoop     = 1000  // turns of a "for"
	maxSettings = 10000 // settings in all
	maxValue    = 1 << 14
	maxTotal    = 1 << 22 // of all values together
	maxName     = 200     // of a placeholder
	maxDepth    = 8       // values within values
)

// iniReader reads one file and what it includes.
type iniReader struct {
	q      Request
	files  int
	root   string // the file that was named
	values map[string]string
	used   map[string]bool // names that stand in placeholders
	out    []setting
	odd    []finding // what was not taken in as it was meant
	block  *iniBlock
	size   int // of all values
}

// finding is a setting of which it is known already that it is lost.
type finding struct {
	setting
	why string
}

// iniBlock is the "for" or "if-…" that is open. It acts on each line alone, as
// uWSGI does.
type iniBlock struct {
	key   string
	turns []string // values of %(_)
}

// readINI reads the settings of an uwsgi.ini in their order, and what could not
// be made out.
func readINI(q Request, data []byte) (*iniReader, error) {
	r := &iniReader{q: q, root: q.Path, values: map[string]string{}, used: map[string]bool{}}
	if err := r.file(q.Path, "uwsgi", data); err != nil {
		return nil, err
	}
	if r.block != nil {
		r.lost(setting{name: r.block.key, place: q.Path}, "it is not ended")
	}
	for i := range r.out {
		r.out[i].value = r.resolve(r.out[i].value)
		if r.size += len(r.out[i].value); r.size > maxTotal {
			return nil, fmt.Errorf("%s: the values together are larger than %d bytes", r.out[i].place, maxTotal)
		}
	}
	return r, nil
}

func (r *iniReader) lost(s setting, why string) { r.odd = append(r.odd, finding{s, why}) }

// file takes in one section of a file.
func (r *iniReader) file(path, section string, data []byte) error {
	if r.files++; r.files > maxIncludes {
		return fmt.Errorf("%s: more than %d files are included, or one includes itself", path, maxIncludes)
	}
	in := ""
	for number, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			in = strings.SplitN(line[1:], "]", 2)[0]
			continue
		}
		if in != section {
			continue
		}
		key, value, valued := strings.Cut(line, "=")
		s := setting{name: strings.TrimSpace(key), value: strings.TrimSpace(value), place: fmt.Sprintf("%s:%d", path, number+1)}
		if !valued || s.value == "" {
			s.value = "true" // it is there: that is what counts
		}
		if err := r.line(path, section, s); err != nil {
			return err
		}
	}
	return nil
}

// line takes in one setting, as often as the open block says.
func (r *iniReader) line(path, section string, s setting) error {
	if s.name == "endfor" || s.name == "endif" || s.name == "end" {
		if r.block == nil {
			r.lost(s, "it ends nothing")
		}
		r.block = nil
		return nil
	}
	turns := []string{""}
	if r.block != nil {
		turns = r.block.turns
	}
	for _, turn := range turns {
		one := s
		value, why := r.expand(path, section, s.value, turn)
		one.value = value
		if why != "" {
			one.value = s.value
			r.lost(one, why)
			continue
		}
		if err := r.add(path, one); err != nil {
			return err
		}
	}
	return nil
}

// add takes in a setting whose value is complete.
func (r *iniReader) add(path string, s setting) error {
	if len(r.out) >= maxSettings {
		return fmt.Errorf("%s: more than %d settings", s.place, maxSettings)
	}
	switch {
	case s.name == "for" || strings.HasPrefix(s.name, "if-") || strings.HasPrefix(s.name, "for-"):
		s.value = r.resolve(s.value)
		r.open(s)
		return nil
	case s.name == "ini" || s.name == "include" || s.name == "inherit":
		s.value = r.resolve(s.value)
		return r.include(path, s)
	case s.name == "set-placeholder" || s.name == "set-ph" || s.name == "set":
		key, value, _ := strings.Cut(s.value, "=")
		r.define(strings.TrimSpace(key), strings.TrimSpace(value))
		return nil
	}
	r.define(s.name, s.value)
	r.out = append(r.out, s)
	return nil
}

// define gives %(name) its value: of a key that repeats it is the first.
func (r *iniReader) define(name, value string) {
	if _, there := r.values[name]; !there {
		r.values[name] = value
	}
}

// open begins a block.
func (r *iniReader) open(s setting) {
	if r.block != nil {
		r.lost(s, "one within another: uWSGI refuses that")
	}
	r.block = &iniBlock{key: s.name}
	holds, known, turn := false, true, s.value
	switch strings.Replace(s.name, "-not-", "-", 1) {
	case "for":
		if r.block.turns = strings.Fields(s.value); len(r.block.turns) > maxLoop {
			r.block.turns = r.block.turns[:maxLoop]
			r.lost(s, fmt.Sprintf("more than %d turns: the rest is left out", maxLoop))
		}
		return
	case "if-env":
		if value, there := r.q.Getenv(s.value); there {
			holds, turn = true, value
		}
	case "if-exists":
		_, holds = r.q.Exists(s.value)
	case "if-file":
		mode, there := r.q.Exists(s.value)
		holds = there && mode.IsRegular()
	case "if-dir":
		mode, there := r.q.Exists(s.value)
		holds = there && mode.IsDir()
	case "if-opt":
		key, value, valued := strings.Cut(s.value, "=")
		have, there := r.values[key]
		holds = there && (!valued || have == value)
	default:
		known = false
	}
	switch {
	case !known:
		r.block.turns = []string{turn}
		r.lost(s, "a condition that can only be told at run time: what is in it is taken as if it held")
	case holds != strings.Contains(s.name, "-not-"):
		r.block.turns = []string{turn}
	}
}

// include takes in another file, or another section of this one.
func (r *iniReader) include(path string, s setting) error {
	file, section, _ := strings.Cut(s.value, ":")
	if strings.Contains(s.value, "://") {
		r.lost(s, "not a file of this machine: import that one as well")
		return nil
	}
	if section == "" {
		section = "uwsgi"
	}
	if file == "" {
		file = path
	} else if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(path), file)
	}
	data, err := r.q.Read(file)
	if err != nil {
		r.lost(s, "it cannot be read: "+err.Error())
		return nil
	}
	open := r.block
	r.block = nil
	err = r.file(file, section, data)
	r.block = open
	return err
}

// expand puts values in place of what stands for something at once: %letter, the
// environment, a file, and the turn of a block. why says what could not be done.
func (r *iniReader) expand(path, section, value, turn string) (out, why string) {
	var b strings.Builder
	for i := 0; i < len(value); {
		if b.Len() > maxValue {
			return "", "the value is too long"
		}
		kind, inner, end := placeholder(value[i:])
		if kind == 0 {
			end = 1
		}
		text, found := value[i:i+end], true
		switch {
		case kind == '%' && inner == "_":
			text = turn
		case kind == '$':
			if v, there := r.q.Getenv(inner); there {
				text = v
			}
		case kind == '@':
			data, err := r.q.Read(inner)
			text, found = strings.TrimRight(string(data), "\r\n"), err == nil && !strings.Contains(inner, "://")
			why = fmt.Sprintf("what @(%s) stands for cannot be had", inner)
		case kind == 'm':
			text, found = r.magic(path, section, inner)
			why = fmt.Sprintf("%%%s stands for something of the running server", inner)
		}
		if !found {
			return "", why
		}
		b.WriteString(text)
		i += end
	}
	return b.String(), ""
}

// resolve puts the values of settings in place of %(name). What there is no
// value for stays.
func (r *iniReader) resolve(value string) string {
	for range maxDepth {
		var b strings.Builder
		changed := false
		for i := 0; i < len(value); {
			if b.Len() > maxValue {
				return value
			}
			kind, inner, end := placeholder(value[i:])
			if v, there := r.values[inner]; kind == '%' && there && inner != "_" {
				b.WriteString(v)
				changed, r.used[inner] = true, true
				i += end
				continue
			}
			b.WriteByte(value[i])
			i++
		}
		if !changed {
			return value
		}
		value = b.String()
	}
	return value
}

// unresolved is what still stands for something in a value, "" if nothing does.
func unresolved(value string) string {
	for i := range value {
		if kind, inner, _ := placeholder(value[i:]); kind == '%' || kind == '$' {
			return string(kind) + "(" + inner + ")"
		}
	}
	return ""
}

// placeholder is what s begins with: its kind, the name in it and its length;
// 'm' is %x, 0 is none.
func placeholder(s string) (kind byte, inner string, length int) {
	if len(s) < 2 {
		return 0, "", 0
	}
	if strings.IndexByte("%$@", s[0]) >= 0 && s[1] == '(' {
		if end := strings.IndexByte(s[:min(len(s), maxName)], ')'); end > 0 {
			return s[0], s[2:end], end + 1
		}
		return 0, "", 0
	}
	if s[0] == '%' && s[1] < 0x80 && s[1] != '(' {
		return 'm', s[1:2], 2
	}
	return 0, "", 0
}

// magic is %letter. Capitals are of the file that was named, the others of the
// one that they are in.
func (r *iniReader) magic(path, section, letter string) (string, bool) {
	switch letter {
	case "P", "S", "D", "E", "N", "C", "O":
		path, letter = r.root, strings.ToLower(letter)
	case "%":
		return "%", true
	case "v", "V", "t", "T", "i", "I", "j", "J", "r", "R", "[":
		return "", false
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	name := filepath.Base(whole)
	switch letter {
	case "o":
		return path, true
	case "p":
		return whole, true
	case "s":
		return name, true
	case "d":
		return strings.TrimSuffix(filepath.Dir(whole), "/") + "/", true
	case "e":
		return strings.TrimPrefix(filepath.Ext(name), "."), true
	case "n":
		return strings.TrimSuffix(name, filepath.Ext(name)), true
	case "c":
		return filepath.Base(filepath.Dir(whole)), true
	case "x", "X":
		return section, true
	case "k":
		return strconv.Itoa(runtime.NumCPU()), true
	case "u":
		return strconv.Itoa(os.Getuid()), true
	case "g":
		return strconv.Itoa(os.Getgid()), true
	case "h":
		host, err := os.Hostname()
		return host, err == nil
	}
	if n, err := strconv.Atoi(letter); err == nil {
		parts := strings.Split(strings.Trim(filepath.Dir(whole), "/"), "/")
		if n < len(parts) {
			return parts[n], true
		}
		return "", false
	}
	return "", letter != "U" && letter != "G" // a letter that stands for nothing leaves nothing
}
