package pybuild

import (
	"bufio"
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// loader tells what the system's dynamic loader finds by a library's name
// alone. It is asked once for all Pythons.
type loader struct {
	root  string
	asked bool
	cache map[string][]string // SONAME to files, in the order of ldconfig -p
}

// findsItself tells whether the loader, without help, would take exactly the
// file of lib for its SONAME (rule R-1). exe has the machine it loads for.
func (l *loader) findsItself(ctx context.Context, r *run.Runner, lib library, p *probe, exe string) bool {
	if p.Platform == "darwin" { // there the library's own name is where it is looked for
		return filepath.IsAbs(lib.soname)
	}
	l.ask(ctx, r)
	want, err := filepath.EvalSymlinks(lib.path)
	if err != nil {
		return false
	}
	got, err := filepath.EvalSymlinks(l.search(lib.soname, nil, p, exe))
	return err == nil && got == want
}

// search is the file that the loader takes for a name: the first that it does
// not pass over, right or wrong. The folders in first are its own list for the
// program exe. "" if there is none.
func (l *loader) search(name string, first []string, p *probe, exe string) string {
	var files []string
	for _, dir := range first {
		files = append(files, filepath.Join(dir, name))
	}
	files = append(files, l.cache[name]...)
	for _, dir := range l.defaultDirs(p) {
		files = append(files, filepath.Join(l.root, dir, name))
	}
	for _, file := range files {
		if loadable(file, exe) {
			return file
		}
	}
	return ""
}

// neededBy is the libpython that the file of the interpreter at exe names, as the
// loader would find it.
func (l *loader) neededBy(exe string, p *probe) []Library {
	f, err := elf.Open(exe)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.ImportedLibraries() // one without any needs none
	var list []Library
	for _, name := range names {
		if !strings.HasPrefix(name, "libpython") {
			continue
		}
		if path := l.search(name, runPath(f, exe), p, exe); path != "" {
			list = append(list, Library{Path: path, From: "needed"})
		}
	}
	return list
}

// runPath are the folders that the program exe has its libraries looked for in.
func runPath(f *elf.File, exe string) []string {
	var dirs []string
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} { // with the first the second counts for nothing
		texts, err := f.DynString(tag)
		if err != nil || len(texts) == 0 {
			continue
		}
		for dir := range strings.SplitSeq(texts[0], ":") {
			dir = strings.NewReplacer("$ORIGIN", filepath.Dir(exe), "${ORIGIN}", filepath.Dir(exe)).Replace(dir)
			if filepath.IsAbs(dir) {
				dirs = append(dirs, dir)
			}
		}
		break
	}
	return dirs
}

// ask reads the loader's cache. Where there is no ldconfig that lists it, as
// with musl, the default folders are all there is.
func (l *loader) ask(ctx context.Context, r *run.Runner) {
	if l.asked {
		return
	}
	l.asked = true
	for _, name := range []string{filepath.Join(l.root, "/sbin/ldconfig"), filepath.Join(l.root, "/usr/sbin/ldconfig")} {
		if !fsx.IsFile(name) {
			continue
		}
		if out, err := r.Output(ctx, "", name, "-p"); err == nil {
			l.cache = parseCache(out)
			return
		}
	}
}

// parseCache reads the output of ldconfig -p:
// "\tlibz.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libz.so.1".
func parseCache(out string) map[string][]string {
	cache := map[string][]string{}
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		left, file, ok := strings.Cut(lines.Text(), " => ")
		name, _, flags := strings.Cut(strings.TrimSpace(left), " (")
		if ok && flags && filepath.IsAbs(file) {
			cache[name] = append(cache[name], file)
		}
	}
	return cache
}

func (l *loader) defaultDirs(p *probe) []string {
	if strings.Contains(triplet(p), "musl") {
		machine, _, _ := strings.Cut(triplet(p), "-")
		data, err := os.ReadFile(filepath.Join(l.root, "/etc/ld-musl-"+machine+".path"))
		if err == nil {
			return strings.FieldsFunc(string(data), func(c rune) bool { return c == ':' || c == '\n' })
		}
		return []string{"/lib", "/usr/local/lib", "/usr/lib"}
	}
	dirs := []string{"/lib", "/usr/lib"}
	if p.MaxSize > 1<<32 {
		dirs = []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib"}
	}
	if multi := p.text("MULTIARCH"); multi != "" { // Debian's loader has these built in
		dirs = append([]string{"/lib/" + multi, "/usr/lib/" + multi}, dirs...)
	}
	return dirs
}
