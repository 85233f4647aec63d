package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/pattern"
)

// filePatch is what a patch does to one file. Lines carry their line ends.
type filePatch struct {
	from, to string // "" is /dev/null: a file that is made, or removed
	hunks    []hunk
}

// hunk is one change: at line start of the old file, old becomes new.
type hunk struct {
	start    int
	old, new []string
}

var hunkLine = pattern.New(`^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@`)

// parsePatch reads a unified diff as diff -u, git and quilt write it. Strip is
// how many folders come off the names (-p). What is no part of a change is
// skipped, as everywhere; what a diff of text cannot say is refused.
func parsePatch(text string, strip int) ([]filePatch, error) {
	p := patchReader{lines: strings.SplitAfter(text, "\n")}
	var list []filePatch
	for p.more() {
		switch line := p.lines[p.at]; {
		case strings.HasPrefix(line, "--- ") && p.at+1 < len(p.lines) && strings.HasPrefix(p.lines[p.at+1], "+++ "):
			one, err := p.file(strip)
			if err != nil {
				return nil, err
			}
			list = append(list, one)
		case strings.HasPrefix(line, "GIT binary patch"), strings.HasPrefix(line, "Binary files "):
			return nil, p.errorf("it changes a binary file")
		case strings.HasPrefix(line, "rename "), strings.HasPrefix(line, "copy "), strings.HasPrefix(line, "new mode "), strings.HasPrefix(line, "new file mode 12"):
			return nil, p.errorf("it renames, copies, links or changes modes: %.60q", line)
		case strings.HasPrefix(line, "@@ "):
			return nil, p.errorf("a change stands outside a file")
		default:
			p.at++
		}
	}
	if len(list) == 0 {
		return nil, errors.New("it changes no file")
	}
	return list, nil
}

// patchReader goes through the lines of a diff.
type patchReader struct {
	lines []string
	at    int
}

func (p *patchReader) more() bool {
	return p.at < len(p.lines) && (p.at+1 < len(p.lines) || p.lines[p.at] != "")
}

func (p *patchReader) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{p.at + 1}, args...)...)
}

// file reads the two lines with names, and the hunks below.
func (p *patchReader) file(strip int) (filePatch, error) {
	var one filePatch
	var err error
	if one.from, err = patchName(p.lines[p.at][4:], strip); err != nil {
		return one, p.errorf("%w", err)
	}
	if one.to, err = patchName(p.lines[p.at+1][4:], strip); err != nil {
		return one, p.errorf("%w", err)
	}
	if one.from == "" && one.to == "" || one.from != "" && one.to != "" && one.from != one.to {
		return one, p.errorf("%q becomes %q", one.from, one.to)
	}
	for p.at += 2; p.more() && strings.HasPrefix(p.lines[p.at], "@@ "); {
		h, err := p.hunk()
		if err != nil {
			return one, err
		}
		one.hunks = append(one.hunks, h)
	}
	if len(one.hunks) == 0 {
		return one, p.errorf("no change follows")
	}
	return one, nil
}

// patchName is the name of a file without its first folders and without the time
// that diff puts behind it.
func patchName(text string, strip int) (string, error) {
	name, _, _ := strings.Cut(strings.TrimRight(text, "\r\n"), "\t")
	if name == "/dev/null" {
		return "", nil
	}
	whole := name
	for range strip {
		_, rest, found := strings.Cut(name, "/")
		if !found {
			return "", fmt.Errorf("%q has fewer than %d folders to take off", whole, strip)
		}
		name = rest
	}
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00\"") {
		return "", fmt.Errorf("%q is no plain path below the top", whole)
	}
	return name, nil
}

// hunk reads one change; its line counts must be right.
func (p *patchReader) hunk() (hunk, error) {
	m := hunkLine.FindStringSubmatch(p.lines[p.at])
	if m == nil {
		return hunk{}, p.errorf("%.60q cannot be read", p.lines[p.at])
	}
	count := func(s string) int {
		if s == "" {
			return 1
		}
		n, _ := strconv.Atoi(s) // the expression takes digits only
		return n
	}
	h := hunk{start: count(m[1])}
	before, after := count(m[2]), count(m[4])
	for p.at++; p.at < len(p.lines) && (len(h.old) < before || len(h.new) < after); p.at++ {
		line := p.lines[p.at]
		switch {
		case strings.HasPrefix(line, " "):
			h.old, h.new = append(h.old, line[1:]), append(h.new, line[1:])
		case line == "\n": // an editor took the blank of an empty line
			h.old, h.new = append(h.old, line), append(h.new, line)
		case strings.HasPrefix(line, "-"):
			h.old = append(h.old, line[1:])
		case strings.HasPrefix(line, "+"):
			h.new = append(h.new, line[1:])
		case strings.HasPrefix(line, `\`):
			h.open(p.lines[p.at-1])
		default:
			return h, p.errorf("a change ends early")
		}
	}
	if p.at < len(p.lines) && strings.HasPrefix(p.lines[p.at], `\`) {
		h.open(p.lines[p.at-1])
		p.at++
	}
	if len(h.old) != before || len(h.new) != after {
		return h, p.errorf("a change has %d and %d lines, and says %d and %d", len(h.old), len(h.new), before, after)
	}
	return h, nil
}

// open takes the line end off what the line before gave: it was the last of a
// file that has none.
func (h *hunk) open(before string) {
	trim := func(list []string) {
		if n := len(list); n > 0 {
			list[n-1] = strings.TrimSuffix(list[n-1], "\n")
		}
	}
	if !strings.HasPrefix(before, "+") {
		trim(h.old)
	}
	if !strings.HasPrefix(before, "-") {
		trim(h.new)
	}
}

// apply changes content. Every line of a change must be there as the patch has
// it (no fuzz): where it says, or else in the one place where they all are.
func (f filePatch) apply(content []byte) ([]byte, error) {
	lines := strings.SplitAfter(string(content), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	var out []string
	done, shift := 0, 0 // lines taken over; how far the last change was from where it said
	for i, h := range f.hunks {
		at := max(h.start-1, 0)
		if len(h.old) == 0 {
			at = h.start // behind that line
		}
		at, err := place(lines, h.old, done, at+shift)
		if err != nil {
			return nil, fmt.Errorf("change %d, said to be at line %d: %w", i+1, h.start, err)
		}
		shift = at - max(h.start-1, 0)
		if len(h.old) == 0 {
			shift = at - h.start
		}
		out = append(append(out, lines[done:at]...), h.new...)
		done = at + len(h.old)
	}
	return []byte(strings.Join(append(out, lines[done:]...), "")), nil
}

// place is where old is in lines, from line index from on.
func place(lines, old []string, from, guess int) (int, error) {
	fits := func(at int) bool {
		return at >= from && at+len(old) <= len(lines) && slices.Equal(lines[at:at+len(old)], old)
	}
	if fits(guess) {
		return guess, nil
	}
	if len(old) == 0 {
		return 0, errors.New("the file has no such line")
	}
	found := -1
	for at := from; at+len(old) <= len(lines); at++ {
		switch {
		case !fits(at):
		case found >= 0:
			return 0, fmt.Errorf("it would fit at line %d and at line %d", found+1, at+1)
		default:
			found = at
		}
	}
	if found < 0 {
		return 0, errors.New("the lines that it changes are not there")
	}
	return found, nil
}

// patchFiles applies patches to the files of a tree.
func patchFiles(files []fsx.File, list []filePatch) ([]fsx.File, error) {
	files = slices.Clone(files)
	for _, f := range list {
		name := f.from
		if name == "" {
			name = f.to
		}
		i := slices.IndexFunc(files, func(x fsx.File) bool { return x.Path == name })
		switch {
		case f.from == "" && i >= 0:
			return nil, fmt.Errorf("%s is there already", name)
		case f.from != "" && i < 0:
			return nil, fmt.Errorf("%s is not there", name)
		case f.from == "":
			files, i = append(files, fsx.File{Path: name, Mode: 0o644}), len(files)
		}
		data, err := f.apply(files[i].Data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[i].Data = data
		if f.to == "" {
			if len(data) > 0 {
				return nil, fmt.Errorf("%s is to be removed, and has more lines than that", name)
			}
			files = slices.Delete(files, i, i+1)
		}
	}
	return files, nil
}

// seriesFile is the name of the file that lists patches in their order.
const seriesFile = "series"

// series reads the names of patches and how many folders come off the names in
// each: one a line, as quilt has it.
func series(text string) (names []string, strips []int, err error) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, " #")
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		strip := 1
		for _, w := range words[1:] {
			switch w {
			case "-p0", "-p1", "-p2":
				strip = int(w[2] - '0')
			default:
				return nil, nil, fmt.Errorf("%s: %q is not known", words[0], w)
			}
		}
		if !filepath.IsLocal(words[0]) || path.Clean(words[0]) != words[0] {
			return nil, nil, fmt.Errorf("%q is no file beside it", words[0])
		}
		if slices.Contains(names, words[0]) {
			return nil, nil, fmt.Errorf("%s is named twice", words[0])
		}
		names, strips = append(names, words[0]), append(strips, strip)
	}
	return names, strips, nil
}

// Patch is one local patch, as the lock file and the build info have it.
type Patch struct {
	Name string `json:"name"`
	Sum  string `json:"sum"`
}

// patched applies the patches of folder dir to t (rule G-12). The result is a
// tree like any other: names and sizes are judged again.
func patched(t Tree, dir fs.FS) (Tree, error) {
	text, err := fs.ReadFile(dir, seriesFile)
	if err != nil {
		return t, fmt.Errorf("reading the list of patches: %w", err)
	}
	names, strips, err := series(string(text))
	if err != nil {
		return t, fmt.Errorf("reading the list of patches: %w", err)
	}
	origin, files := t.Origin, t.Files
	for i, name := range names {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			return t, fmt.Errorf("reading a patch: %w", err)
		}
		list, err := parsePatch(string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))), strips[i])
		if err == nil {
			files, err = patchFiles(files, list)
		}
		if err != nil {
			return t, fmt.Errorf("patch %s: %w", name, err)
		}
		origin.Patches = append(origin.Patches, Patch{Name: name, Sum: sumOf("sha256", data)})
	}
	var c collector
	for _, f := range files {
		name, err := c.name(f.Path, false)
		if err == nil {
			err = c.add(name, f.Mode, f.Data)
		}
		if err != nil {
			return t, fmt.Errorf("after the patches: %w", err)
		}
	}
	t, err = c.tree()
	t.Origin = origin
	if err != nil {
		return t, fmt.Errorf("after the patches: %w", err)
	}
	t.Origin.Patched, t.Origin.Version = t.Hash, t.Version
	return t, nil
}
