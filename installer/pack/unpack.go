package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/internal/cli"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
)

// ManifestFile says at the top of an archive what it holds (rule Q-8).
const ManifestFile = "manifest.json"

// manifestSchema is counted up when the meaning of a manifest changes.
const manifestSchema = 1

// Manifest is what an archive holds and for what it was built. What can be installed
// is decided by the files themselves, which have to agree with it.
type Manifest struct {
	Schema  int              `json:"schema"`
	Tree    string           `json:"tree"` // "ours", or "classic" of the original
	Version string           `json:"version"`
	Machine string           `json:"machine"`
	Apache  string           `json:"apache"`
	Pythons []ManifestPython `json:"pythons"`
}

// ManifestPython is one that an archive is for.
type ManifestPython struct {
	ABI     string `json:"abi"`
	Version string `json:"version"`
	SONAME  string `json:"soname,omitempty"`
}

// manifest is that of an archive for some Pythons.
func (b Build) manifest(pythons []csrc.BuildInfo) ([]byte, error) {
	m := Manifest{Schema: manifestSchema, Tree: "ours", Version: b.version(), Machine: b.Machine, Apache: b.Apache}
	if b.Classic != nil {
		m.Tree = "classic"
	}
	for _, py := range pythons {
		m.Pythons = append(m.Pythons, ManifestPython{py.ABI, py.Python, py.SONAME})
	}
	var out bytes.Buffer
	err := cli.JSON(&out, m)
	return out.Bytes(), err
}

// maxArchive bounds an archive that is read.
const maxArchive = 256 << 20

// Unpack unpacks an archive that was made as format tar into the folder dir, and
// says what it is. Each of its files has the sum that the archive says, and there is
// no other.
func Unpack(file, dir string) (Manifest, error) {
	files, m, err := readArchive(file)
	if err != nil {
		return m, fmt.Errorf("unpacking %s: %w", file, err)
	}
	return m, fsx.WriteTree(dir, files)
}

// readArchive reads an archive and checks what it says of itself.
func readArchive(file string) ([]fsx.File, Manifest, error) {
	var m Manifest
	fi, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, m, hint.Exit(err, hint.NotFound)
	case !fi.Mode().IsRegular() || fi.Size() > maxArchive:
		return nil, m, hint.Exit(fmt.Errorf("it is no file of at most %d bytes", maxArchive), hint.Refused)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, m, err
	}
	files, err := fetch.ReadPackage(data)
	if err == nil {
		m, err = checkArchive(files)
	}
	if err != nil {
		err = hint.Exit(hint.New(err, "an archive to install is one that mod_wsgi-express package tar made; a source tree: install --source"), hint.Refused)
	}
	return files, m, err
}

// checkArchive holds the files of an archive against its sums and its manifest.
func checkArchive(files []fsx.File) (Manifest, error) {
	var m Manifest
	contents := map[string][]byte{}
	var list []error
	for _, f := range files {
		switch {
		case f.Link == "":
			contents[f.Path] = f.Data
		case f.Path != csrc.RuntimeFolder+"/"+csrc.DefaultLink:
			list = append(list, fmt.Errorf("%s is a link", f.Path))
		}
	}
	text, ok := contents[SumsFile]
	if !ok || contents[ManifestFile] == nil {
		return m, fmt.Errorf("it has no %s and %s", SumsFile, ManifestFile)
	}
	sums, err := readPathSums(string(text))
	if err != nil {
		return m, err
	}
	delete(contents, SumsFile)
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		switch sum, listed := sums[name]; {
		case !listed:
			list = append(list, fmt.Errorf("%s is not in its %s", name, SumsFile))
		case sum != fmt.Sprintf("%x", sha256.Sum256(contents[name])):
			list = append(list, fmt.Errorf("%s has another sum", name))
		}
		delete(sums, name)
	}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		list = append(list, fmt.Errorf("%s is missing", name))
	}
	if err := json.Unmarshal(contents[ManifestFile], &m); err != nil {
		list = append(list, fmt.Errorf("reading %s: %w", ManifestFile, err))
	} else if m.Schema != manifestSchema {
		list = append(list, fmt.Errorf("%s is of schema %d, this program knows %d", ManifestFile, m.Schema, manifestSchema))
	} else if whole := contents[csrc.RuntimeFolder+"/"+csrc.ApacheInfoFile] != nil; contents[csrc.ClassicModule] == nil || whole != (m.Tree == "ours") {
		list = append(list, fmt.Errorf("it does not have the files of what its %s says", ManifestFile))
	}
	return m, errors.Join(list...)
}

var pathSumLine = pattern.New(`^([0-9a-f]{64})  ([^/\x00-\x1f][^\x00-\x1f]*)$`)

// readPathSums reads the sums within an archive, of files in folders too.
func readPathSums(text string) (map[string]string, error) {
	list := map[string]string{}
	for line := range strings.Lines(text) {
		m := pathSumLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil || list[m[2]] != "" || !fs.ValidPath(m[2]) {
			return nil, fmt.Errorf("%s has the line %q", SumsFile, line)
		}
		list[m[2]] = m[1]
	}
	return list, nil
}
