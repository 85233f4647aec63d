package fetch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"modwsgi/csrc/layouts"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
)

// Limits of a source tree (rule G-10). They count what was really produced.
const (
	MaxTotal   = 256 << 20 // bytes of all files
	MaxFile    = 16 << 20  // bytes of one
	MaxEntries = 5000
	MaxDepth   = 16  // folders
	MaxName    = 255 // bytes of a path
	MaxRatio   = 200 // bytes unpacked for each byte packed
)

// Tree is a source tree in memory: regular files with modes 0644 and 0755,
// sorted by path. Folders are implied.
type Tree struct {
	Files   []fsx.File
	Hash    string // of names, modes and contents: see [treeHash]
	Version string // "6.0.5", as the tree itself says
	Origin  Origin
}

// Origin is where a tree came from, as the lock file has it.
type Origin struct {
	Form       string  `json:"form"`
	URL        string  `json:"url,omitempty"`
	Version    string  `json:"version,omitempty"`
	Sum        string  `json:"sum,omitempty"`  // of the archive
	Tree       string  `json:"tree,omitempty"` // of the normalised tree
	Commit     string  `json:"commit,omitempty"`
	Size       int64   `json:"size,omitempty"`    // of the archive
	Patches    []Patch `json:"patches,omitempty"` // that were applied, in their order
	Patched    string  `json:"patched,omitempty"` // hash of the tree with them
	Unverified bool    `json:"-"`                 // no checksum was known
}

// treeHash is a sha256 over "path NUL mode NUL size NUL sha256 LF" of the sorted
// files (rule G-11): the same tree has the same hash, whatever brought it.
func treeHash(files []fsx.File) string {
	h := sha256.New()
	for _, f := range files {
		content := sha256.Sum256(f.Data)
		fmt.Fprintf(h, "%s\x00%04o\x00%d\x00%x\n", f.Path, f.Mode.Perm(), len(f.Data), content)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// collector takes the entries of an archive, a repository or a folder, and
// refuses what has no place in a source tree.
type collector struct {
	files   []fsx.File
	total   int64
	entries int
	kinds   map[string]string // lower case path to the path that has it; folders with a slash

	largest int64 // bytes of one file; 0 for MaxFile
	links   bool  // symbolic links to a neighbour are taken
}

// name checks the path of an entry. Folder: it is one.
func (c *collector) name(name string, folder bool) (string, error) {
	name = strings.TrimPrefix(name, "./")
	if folder {
		name = strings.TrimSuffix(name, "/")
	}
	switch {
	case name == "" || name == ".":
		return "", nil // the top itself
	case len(name) > MaxName:
		return "", fmt.Errorf("a name of %d bytes is longer than %d: %.40q…", len(name), MaxName, name)
	case strings.ContainsAny(name, "\x00\\") || strings.ToValidUTF8(name, "") != name:
		return "", fmt.Errorf("%q has a character that no name of a source file has", name)
	case strings.HasPrefix(name, "/") || (len(name) > 1 && name[1] == ':'):
		return "", fmt.Errorf("%q is an absolute name", name)
	case path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../"):
		return "", fmt.Errorf("%q is no plain path below the top", name)
	case strings.Count(name, "/") >= MaxDepth:
		return "", fmt.Errorf("%q is more than %d folders deep", name, MaxDepth)
	}
	if c.entries++; c.entries > MaxEntries {
		return "", fmt.Errorf("more than %d entries", MaxEntries)
	}
	return name, c.claim(name, folder)
}

// claim refuses two names that would be one file on some file system, and a file
// where a folder is needed.
func (c *collector) claim(name string, folder bool) error {
	if c.kinds == nil {
		c.kinds = map[string]string{}
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if err := c.one(dir, true); err != nil {
			return err
		}
	}
	return c.one(name, folder)
}

func (c *collector) one(name string, folder bool) error {
	mine := name
	if folder {
		mine += "/"
	}
	key := strings.ToLower(name)
	other, taken := c.kinds[key]
	if taken && (other != mine || !folder) {
		return fmt.Errorf("%q and %q are one name", strings.TrimSuffix(other, "/"), name)
	}
	c.kinds[key] = mine
	return nil
}

// add takes a file; NAME has been checked.
func (c *collector) add(name string, mode fs.FileMode, data []byte) error {
	if c.total += int64(len(data)); c.total > MaxTotal {
		return fmt.Errorf("more than %d bytes", int64(MaxTotal))
	}
	perm := fs.FileMode(0o644)
	if mode&0o111 != 0 {
		perm = 0o755
	}
	c.files = append(c.files, fsx.File{Path: name, Mode: perm, Data: data})
	return nil
}

// strip takes the one folder off that everything is in.
func (c *collector) strip() error {
	if len(c.files) == 0 {
		return fmt.Errorf("there is no file in it")
	}
	top, _, _ := strings.Cut(c.files[0].Path, "/")
	for i, f := range c.files {
		rest, found := strings.CutPrefix(f.Path, top+"/")
		if !found {
			return fmt.Errorf("not everything is below one folder: %q and %q", c.files[0].Path, f.Path)
		}
		c.files[i].Path = rest
	}
	return nil
}

// tree sorts what was collected and looks which layout it has.
func (c *collector) tree() (Tree, error) {
	slices.SortFunc(c.files, func(a, b fsx.File) int { return cmp.Compare(a.Path, b.Path) })
	t := Tree{Files: c.files, Hash: treeHash(c.files)}
	var err error
	t.Version, err = treeVersion(t.Files)
	return t, err
}

// treeVersion tells which layout the files have (rule G-3), and reads the version
// from them, never from the name of what they came in. It is "" of our own, which
// has the program's.
func treeVersion(files []fsx.File) (string, error) {
	at := func(name string) (fsx.File, bool) {
		i := slices.IndexFunc(files, func(f fsx.File) bool { return f.Path == name })
		if i < 0 {
			return fsx.File{}, false
		}
		return files[i], true
	}
	layout, err := layouts.Of(func(name string) bool { _, ok := at(name); return ok })
	if err != nil {
		return "", hint.New(err, "a source is the top folder of a release of the original; our own needs no --source")
	}
	if layout.Header == "" {
		return "", nil
	}
	header, _ := at(layout.Path(layout.Header))
	return layout.Version(header.Data)
}

// skipped are folders that no release has and every working copy has.
var skipped = []string{".git", ".hg", "__pycache__", ".tox", ".venv"}

// readFolder reads a tree from a folder. Links are refused like everywhere else.
func readFolder(dir string) (Tree, error) {
	var c collector
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Tree{}, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(skipped, d.Name()):
			return fs.SkipDir
		case !d.IsDir() && !d.Type().IsRegular():
			return fmt.Errorf("%s is a %s", name, kindOf(d.Type()))
		}
		name, err = c.name(name, d.IsDir())
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Size() > MaxFile {
			return fmt.Errorf("%s has %d bytes, more than %d", name, info.Size(), MaxFile)
		}
		data, err := root.ReadFile(name)
		if err != nil {
			return err
		}
		return c.add(name, info.Mode(), data)
	})
	if err != nil {
		return Tree{}, fmt.Errorf("reading %s: %w", dir, err)
	}
	t, err := c.tree()
	if err != nil {
		return Tree{}, fmt.Errorf("reading %s: %w", dir, err)
	}
	return t, nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m&fs.ModeDevice != 0:
		return "device"
	case m&fs.ModeNamedPipe != 0:
		return "fifo"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "special file"
}
