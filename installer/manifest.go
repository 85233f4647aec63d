package installer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/csrc"
)

// manifestFile is in the folder beside an installed module and lists what is
// ours there: nothing else is ever replaced.
const manifestFile = "manifest.json"

// manifestSchema is counted up when the meaning of a manifest changes.
const manifestSchema = 1

// Manifest is what an installation consists of.
type Manifest struct {
	Schema  int            `json:"schema"`
	Version string         `json:"version"`
	Source  string         `json:"source"`
	Files   []ManifestFile `json:"files"` // sorted by path
}

// ManifestFile is one file or link. Its path has slashes and starts at the
// modules folder.
type ManifestFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"`
	Mode   string `json:"mode,omitempty"` // "0755"
	Link   string `json:"link,omitempty"` // where a symbolic link leads
}

func (m Manifest) encode() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return append(data, '\n'), nil
}

func (m Manifest) find(path string) (ManifestFile, bool) {
	i := slices.IndexFunc(m.Files, func(f ManifestFile) bool { return f.Path == path })
	if i < 0 {
		return ManifestFile{}, false
	}
	return m.Files[i], true
}

// readManifest reads the manifest of the installation in dir.
func readManifest(dir string) (Manifest, error) {
	var m Manifest
	name := filepath.Join(dir, csrc.RuntimeFolder, manifestFile)
	data, err := os.ReadFile(name)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("reading %s: %w", name, err)
	}
	if m.Schema != manifestSchema {
		return m, fmt.Errorf("reading %s: it is of schema %d, this program knows %d", name, m.Schema, manifestSchema)
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(f.Path) || f.Path != path.Clean(f.Path) {
			return m, fmt.Errorf("reading %s: %q leaves the folder", name, f.Path)
		}
	}
	return m, nil
}

// changed lists the files of m that are in dir and not as m says. What is gone
// is not among them: there is nothing of anybody's to lose.
func (m Manifest) changed(dir string) ([]string, error) {
	var list []string
	for _, want := range m.Files {
		got, err := describe(dir, want.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case got.SHA256 != want.SHA256 || got.Link != want.Link:
			list = append(list, want.Path)
		}
	}
	return list, nil
}

// strangers lists what is in the folder beside the module in dir and not in m.
// Caches that Python itself writes do not count.
func (m Manifest) strangers(dir string) ([]string, error) {
	var list []string
	folder := filepath.Join(dir, csrc.RuntimeFolder)
	err := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "__pycache__":
			return filepath.SkipDir
		case e.IsDir():
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if _, ours := m.find(rel); !ours && rel != csrc.RuntimeFolder+"/"+manifestFile {
			list = append(list, rel)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return list, err
}

// describe makes the entry for the file or link rel below dir.
func describe(dir, rel string) (ManifestFile, error) {
	f := ManifestFile{Path: rel}
	name := filepath.Join(dir, filepath.FromSlash(rel))
	fi, err := os.Lstat(name)
	if err != nil {
		return f, err
	}
	switch {
	case fi.Mode()&fs.ModeSymlink != 0:
		f.Link, err = os.Readlink(name)
		return f, err
	case !fi.Mode().IsRegular():
		return f, fmt.Errorf("%s is neither a file nor a link", name)
	}
	in, err := os.Open(name)
	if err != nil {
		return f, err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return f, fmt.Errorf("reading %s: %w", name, err)
	}
	f.SHA256 = hex.EncodeToString(h.Sum(nil))
	f.Mode = fmt.Sprintf("%04o", fi.Mode().Perm())
	return f, nil
}

// contents lists the files of l, sorted: those that belong to it, not all that
// is in its folder.
func (l Layout) contents() ([]ManifestFile, error) {
	rels := []string{moduleFile, csrc.RuntimeFolder + "/wsgi-supervisor", csrc.RuntimeFolder + "/" + csrc.ApacheInfoFile}
	for _, h := range l.Halves {
		for _, name := range []string{"wsgi-host", "wsgi-embed.so", csrc.BuildInfoFile} {
			rels = append(rels, path.Join(csrc.RuntimeFolder, h.ABI, name))
		}
	}
	err := filepath.WalkDir(l.Python, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "__pycache__":
			return filepath.SkipDir
		case e.IsDir() || strings.HasSuffix(name, ".pyc"):
			return nil
		}
		rel, err := filepath.Rel(l.Dir, name)
		rels = append(rels, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking at the Python package: %w", err)
	}
	slices.Sort(rels)
	files := make([]ManifestFile, 0, len(rels))
	for _, rel := range rels {
		f, err := describe(l.Dir, rel)
		if err != nil {
			return nil, fmt.Errorf("looking at the built files: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}
