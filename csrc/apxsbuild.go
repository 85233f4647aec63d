package csrc

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/pybuild"
)

// byApxs tells whether a target is made by apxs: those that are modules of
// Apache, if that was asked for (rule C-10).
func (f Facts) byApxs(t Target) bool {
	return f.Builder == BuilderApxs && (t.Needs == NeedsApache || t.Needs == NeedsBoth)
}

// ApxsStep is what apxs needs besides its command: it compiles where the sources
// lie, so it gets copies in a folder of its own.
type ApxsStep struct {
	Dir    string   // below the build folder
	Files  []string // of the source tree; headers come along
	Define string   // text of a header that is read before every file
	Made   string   // what it leaves, below Dir
}

const (
	apxsHeader = "modwsgi_defines.h"
	apxsNote   = "modwsgi_build_note.c"
)

// plainWord is what survives apxs, which hands its words to a shell unquoted.
var plainWord = pattern.New(`^[A-Za-z0-9@%+=:,./_-]+$`)

// apxsFolder is where apxs runs for l. Its words name files from there, so that
// the build folder may be called anything.
func apxsFolder(l *Link) string { return path.Join("obj", "apxs", l.Output) }

// linkByApxs plans one run of apxs -c: every option before the sources, every
// word for the linker behind them.
func (f Facts) linkByApxs(l *Link, py *pybuild.Info) error {
	_, _, flags := f.tier(l.Target.Needs, py)
	step := &ApxsStep{Dir: apxsFolder(l), Made: ".libs/" + l.Target.Name}
	options := []string{"-c", "-o", strings.TrimSuffix(l.Target.Name, ".so") + ".la"}
	for _, word := range flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(word, "-D"), "=")
		switch {
		case strings.HasPrefix(word, "-D") && !plainWord.MatchString(word):
			step.Define += fmt.Sprintf("#define %s %s\n", name, value)
		case strings.HasPrefix(word, "-D"), strings.HasPrefix(word, "-I"):
			options = append(options, word)
		default:
			options = append(options, "-Wc,"+word)
		}
	}
	options = append(options, "-Wc,-include", "-Wc,"+apxsHeader)
	for _, s := range l.Target.Sources {
		step.Files = append(step.Files, s.File)
	}
	// Behind the sources apxs takes no option for its own. libtool, which it runs,
	// forgets files that it does not know the ending of, so libpython is a word for
	// the linker.
	linker := slices.Concat(f.linkHardening(), f.linkWords(l, py))
	for i, word := range linker {
		if word == l.LibPython {
			linker[i] = "-Wl," + word
		}
	}
	args := slices.Concat([]string{f.Apache.Apxs}, options, step.Files, []string{apxsNote}, linker)
	for _, word := range args[1:] {
		if !plainWord.MatchString(word) {
			return hint.Exit(hint.New(fmt.Errorf("apxs cannot be given %q: it hands its words to a shell", word), "use the builder direct"), hint.Refused)
		}
	}
	if f.Apache.Apxs == "" {
		return hint.Exit(fmt.Errorf("the builder apxs needs an apxs, and this Apache was described without one"), hint.Usage)
	}
	l.Apxs, l.Objects = step, nil
	l.Command = Command{Dir: filepath.Join(f.Dir, filepath.FromSlash(step.Dir)), Args: args}
	return nil
}

// warningsIn are the lines of compilers among those in which apxs tells every
// command that it runs.
func warningsIn(said string) string {
	var list []string
	for line := range strings.Lines(said) {
		if strings.Contains(line, "warning:") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return strings.Join(list, "\n")
}

// prepareApxs puts together the folder in which apxs runs.
func (b *builder) prepareApxs(l Link) error {
	files := []fsx.File{
		{Path: apxsHeader, Data: []byte(l.Apxs.Define)},
		{Path: apxsNote, Data: []byte(l.Note.Text)},
	}
	for _, name := range b.tree.names {
		if strings.HasSuffix(name, ".h") || slices.Contains(l.Apxs.Files, name) {
			files = append(files, fsx.File{Path: name, Data: b.tree.files[name]})
		}
	}
	return fsx.ReplaceTree(filepath.Join(b.dir, filepath.FromSlash(l.Apxs.Dir)), files)
}
