package csrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
)

// linksAtMost counts the links that will be made if all of compiles are: for
// the progress only.
func (b *builder) linksAtMost(compiles []Compile) int {
	n := 0
	for _, l := range b.plan.Links {
		stale := !b.linkCurrent(l)
		for _, c := range compiles {
			stale = stale || slices.Contains(l.Objects, c.Object)
		}
		if stale {
			n++
		}
	}
	return n
}

// linkCurrent says whether l's output is there and as it would be made now.
func (b *builder) linkCurrent(l Link) bool {
	known, ok := b.state.Links[l.Output]
	if !ok || known.Key != l.Key || !unchanged(b.dir, l.Output, known.File) {
		return false
	}
	inputs, err := b.state.linkInputs(l)
	return err == nil && inputs == known.Inputs
}

// linkAll makes the targets whose objects or commands changed. All objects are
// there.
func (b *builder) linkAll(ctx context.Context) error {
	var list []Link
	for _, l := range b.plan.Links {
		if !b.linkCurrent(l) {
			list = append(list, l)
		}
	}
	b.pool.total = b.pool.done + len(list)
	var folders []fsx.File
	for _, l := range list {
		for _, name := range []string{l.Staged, l.Output} {
			folders = append(folders, openFolders(path.Dir(name))...)
		}
	}
	if err := fsx.WriteTree(b.dir, folders); err != nil {
		return err
	}
	checks := checker{libraries: map[string]func() (Binary, error){}}
	return b.pool.run(ctx, len(list), func(i int) string {
		return "linking " + list[i].describe()
	}, func(i int) error { return b.link(ctx, list[i], &checks) })
}

// openFolders are the folders of the relative path dir, to be made such that
// everybody may enter them whatever the umask: processes of other users run
// what is in them.
func openFolders(dir string) []fsx.File {
	var list []fsx.File
	for ; dir != "." && dir != "/"; dir = path.Dir(dir) {
		list = append(list, fsx.File{Path: dir, Mode: fs.ModeDir | 0o755})
	}
	slices.Reverse(list)
	return list
}

func (l Link) describe() string {
	if l.ABI != "" {
		return l.Target.Name + " for " + l.ABI
	}
	return l.Target.Name
}

// link makes one target, looks at it, and only then puts it in its place.
func (b *builder) link(ctx context.Context, l Link, checks *checker) error {
	staged := filepath.Join(b.dir, l.Staged)
	defer func() { _ = fsx.RemoveAll(staged) }() // not there any more if all went well
	inputs, err := b.state.linkInputs(l)
	if err != nil {
		return fmt.Errorf("linking %s: %w", l.describe(), err)
	}
	key := sum([]byte("target " + l.Key + inputs))
	release, err := b.lockKey(ctx, key, l.describe())
	if err != nil {
		return err
	}
	defer release()
	var said string
	reused := b.fromCache(cacheModules, key, l.Staged)
	if !reused {
		if said, err = b.makeTarget(ctx, l); err != nil {
			return err
		}
	}
	if err := b.check(l, staged, checks); err != nil {
		return err
	}
	if !reused {
		b.toCache(cacheModules, key, staged)
	}
	mode := os.FileMode(0o644)
	if l.Target.Kind == Executable {
		mode = 0o755
	}
	output := filepath.Join(b.dir, l.Output)
	if err := fsx.Move(staged, output, mode); err != nil {
		return err
	}
	file, err := read(output)
	if err != nil {
		return fmt.Errorf("linking %s: %w", l.describe(), err)
	}
	b.state.mu.Lock()
	defer b.state.mu.Unlock()
	b.state.Links[l.Output] = linked{Key: l.Key, Inputs: inputs, File: file}
	b.state.dirty = true
	b.artifact.Linked++
	if reused {
		b.artifact.Reused++
	}
	if said != "" {
		b.artifact.Warnings = append(b.artifact.Warnings, said)
	}
	return nil
}

// makeTarget runs what makes the staged file of l.
func (b *builder) makeTarget(ctx context.Context, l Link) (said string, err error) {
	doing := "linking " + l.describe()
	if l.Apxs != nil {
		if err := b.prepareApxs(l); err != nil {
			return "", err
		}
	} else {
		note := fsx.File{Path: l.Note.File, Data: []byte(l.Note.Text), Passing: true}
		if err := fsx.WriteTree(b.dir, []fsx.File{note}); err != nil {
			return "", err
		}
		defer func() {
			_ = fsx.RemoveAll(filepath.Join(b.dir, l.Note.File))
			_ = fsx.RemoveAll(filepath.Join(b.dir, l.Note.Object))
		}()
		if _, err := b.tool(ctx, doing, l.ABI, l.Note.Command); err != nil {
			return "", err
		}
	}
	if said, err = b.tool(ctx, doing, l.ABI, l.Command); err != nil {
		return "", err
	}
	if l.Apxs != nil {
		said = warningsIn(said)
		made := filepath.Join(b.dir, filepath.FromSlash(path.Join(l.Apxs.Dir, l.Apxs.Made)))
		if err := fsx.Move(made, filepath.Join(b.dir, l.Staged), 0o644); err != nil {
			return "", fmt.Errorf("%s: %w", doing, err)
		}
	}
	for _, c := range l.After {
		if _, err := b.tool(ctx, doing, l.ABI, c); err != nil {
			return "", err
		}
	}
	return said, nil
}

// checker reads the files that targets are compared with, each once.
type checker struct {
	mu        sync.Mutex
	libraries map[string]func() (Binary, error)
}

func (c *checker) inspect(path string) (Binary, error) {
	c.mu.Lock()
	f := c.libraries[path]
	if f == nil {
		f = sync.OnceValues(func() (Binary, error) { return Inspect(path) })
		c.libraries[path] = f
	}
	c.mu.Unlock()
	return f()
}

// check compares a linked file with what it must be (rule S-5).
func (b *builder) check(l Link, staged string, checks *checker) error {
	made, err := Inspect(staged)
	if err != nil {
		return err
	}
	e := Expectation{Target: l.Target, SONAME: l.SONAME, RunPath: l.RunPath, Static: l.Static}
	if b.facts.Classic && !b.facts.Compiler.Exports {
		e.Target.Exports = nil
		b.note("the linker takes no version script: " + l.describe() + " shows more than its module record")
	}
	if extra := made.Extra(); l.Static && len(extra) > 0 {
		b.note(fmt.Sprintf("%s needs %s besides the system's libraries, for the libpython in it", l.describe(), some(extra)))
	}
	e.Sanitized = slices.ContainsFunc(l.Command.Args, func(arg string) bool { return strings.HasPrefix(arg, "-fsanitize=") })
	beside := l.LibPython
	if l.Static {
		beside = ""
	}
	if l.Target.Needs == NeedsApache {
		beside = b.o.Apache.Httpd
	}
	if beside != "" {
		other, err := checks.inspect(beside)
		switch {
		case err == nil:
			e.Like = &other
		case l.LibPython == beside || !errors.Is(err, os.ErrNotExist): // headers alone are enough to build a module
			return err
		}
		if l.LibPython == beside {
			e.Symbols = slices.Sorted(slices.Values(other.Exports))
		}
	}
	problems := made.Problems(e)
	if b.o.Strict {
		weak, err := weaknesses(staged)
		if err != nil {
			return err
		}
		problems = append(problems, weak...)
	}
	if len(problems) == 0 {
		return nil
	}
	return hint.Exit(fmt.Errorf("checking %s after linking: %s", l.describe(), strings.Join(problems, "; ")), hint.Unverified)
}
