package csrc

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"modwsgi/internal/fsx"
)

// writeHalves writes what is beside the linked files: the record of each half
// and the default link. Files that hold the right text already are left alone.
func (b *builder) writeHalves() error {
	b.artifact.Supervisor = filepath.Join(b.dir, RuntimeFolder, "wsgi-supervisor")
	if b.o.Apache != nil {
		b.artifact.Module = filepath.Join(b.dir, "mod_wsgi.so")
		record := filepath.Join(b.dir, RuntimeFolder, ApacheInfoFile)
		if err := writeRecord(record, b.tree.apacheInfo(b.o.Apache)); err != nil {
			return err
		}
	}
	b.reportRunPaths()
	done := map[string]bool{}
	for _, py := range b.o.Python {
		abi := py.ABI.Folder()
		if done[abi] {
			continue
		}
		done[abi] = true
		dir := filepath.Join(b.dir, RuntimeFolder, abi)
		h := Half{
			ABI: abi, Dir: dir,
			Host:      filepath.Join(dir, "wsgi-host"),
			Embed:     filepath.Join(dir, "wsgi-embed.so"),
			BuildJSON: filepath.Join(dir, BuildInfoFile),
		}
		info, err := b.buildInfo(py, filepath.ToSlash(filepath.Join(RuntimeFolder, abi)))
		if err != nil {
			return err
		}
		if err := writeRecord(h.BuildJSON, info); err != nil {
			return err
		}
		b.artifact.Halves = append(b.artifact.Halves, h)
	}
	return b.linkDefault()
}

// linkDefault makes the default link: what was asked for, else what it is, else
// the first Python of this build.
func (b *builder) linkDefault() error {
	folder := filepath.Join(b.dir, RuntimeFolder)
	link := filepath.Join(folder, DefaultLink)
	was, err := os.Readlink(link)
	if err == nil {
		if _, err := os.Stat(filepath.Join(folder, was, BuildInfoFile)); err != nil {
			was = "" // of a half that is gone
		}
	}
	want := b.o.Default
	if want == "" {
		want = was
	}
	if want == "" && len(b.artifact.Halves) > 0 {
		want = b.artifact.Halves[0].ABI
	}
	if want == "" || want == was {
		return nil
	}
	if _, err := ReadBuildInfo(filepath.Join(folder, want)); err != nil || !filepath.IsLocal(want) {
		return fmt.Errorf("%s cannot be the default: it is not built in %s", want, b.dir)
	}
	return fsx.Symlink(want, link)
}

// writeRuntime copies the Python package into RuntimeFolder/python, as a whole
// if anything of it changed.
func (b *builder) writeRuntime() error {
	if b.o.Runtime == nil {
		return nil
	}
	root := filepath.Join(b.dir, RuntimeFolder, "python")
	var files, folders []fsx.File
	current := true
	err := fs.WalkDir(b.o.Runtime, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if name != "." {
				folders = append(folders, fsx.File{Path: name, Mode: fs.ModeDir | 0o755})
			}
			return nil
		}
		data, err := fs.ReadFile(b.o.Runtime, name)
		if err != nil {
			return err
		}
		files = append(files, fsx.File{Path: name, Data: data})
		known, ok := b.state.Runtime[name]
		current = current && ok && known.Sum == sum(data) && unchanged(root, name, known)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the Python package: %w", err)
	}
	if current && len(files) == len(b.state.Runtime) {
		return nil
	}
	b.say(b.pool.done, b.pool.total, "copying the Python package")
	if err := fsx.ReplaceTree(root, append(folders, files...)); err != nil {
		return err
	}
	b.state.Runtime, b.state.dirty = map[string]stamped{}, true
	for _, f := range files {
		s, err := read(filepath.Join(root, filepath.FromSlash(f.Path)))
		if err != nil {
			return fmt.Errorf("copying the Python package: %w", err)
		}
		b.state.Runtime[f.Path] = s
	}
	return nil
}
