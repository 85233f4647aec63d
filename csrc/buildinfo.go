package csrc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/dirhash"

	"modwsgi/apxs"
	"modwsgi/internal/cli"
	"modwsgi/internal/fsx"
	"modwsgi/pybuild"
)

// RuntimeFolder is the name of the folder beside the module.
const RuntimeFolder = "mod_wsgi"

// DefaultLink is the link in RuntimeFolder to the ABI that is used when nothing
// else decides.
const DefaultLink = "default"

// BuildInfoFile is the name of the record in each ABI folder.
const BuildInfoFile = "build.json"

// BuildInfo is the record of one Python half. The module reads "interface" and
// "python" of it, one key a line.
type BuildInfo struct {
	Interface  int    `json:"interface"` // both halves must agree on it
	ABI        string `json:"abi"`       // the folder's name
	Python     string `json:"python"`    // "3.11.2"
	HexVersion int    `json:"hexversion"`
	LibPython  string `json:"libpython"` // absolute
	SONAME     string `json:"soname"`
	RunPath    string `json:"run_path,omitempty"`
	Static     bool   `json:"static,omitempty"` // libpython is an archive, and in both files
	Prefix     string `json:"prefix"`           // of the base installation
	Executable string `json:"executable"`       // the base interpreter
	Source     string `json:"source"`           // hash of the C sources
	Version    string `json:"version"`          // of the project
}

// ApacheInfoFile is the name of the Apache half's record, in RuntimeFolder.
const ApacheInfoFile = "apache.json"

// ApacheInfo is the record of the Apache half.
type ApacheInfo struct {
	Interface int    `json:"interface"`
	Apache    string `json:"apache"` // "2.4.65", of the headers
	Cookie    string `json:"cookie"`
	Major     int    `json:"mmn_major"`
	Minor     int    `json:"mmn_minor"`
	Source    string `json:"source"`
	Version   string `json:"version"`
}

// ReadApacheInfo reads the record in the folder dir, which is beside a module.
func ReadApacheInfo(dir string) (ApacheInfo, error) {
	var info ApacheInfo
	if err := readRecord(filepath.Join(dir, ApacheInfoFile), &info); err != nil {
		return info, err
	}
	if info.Interface <= 0 || info.Cookie == "" {
		return info, fmt.Errorf("reading %s: it has no interface number or no cookie", filepath.Join(dir, ApacheInfoFile))
	}
	return info, nil
}

func readRecord(path string, to any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, to); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// ReadBuildInfo reads the record in the ABI folder dir.
func ReadBuildInfo(dir string) (BuildInfo, error) {
	var info BuildInfo
	path := filepath.Join(dir, BuildInfoFile)
	if err := readRecord(path, &info); err != nil {
		return info, err
	}
	if info.Interface <= 0 || info.ABI == "" {
		return info, fmt.Errorf("reading %s: it has no interface number or no ABI", path)
	}
	return info, nil
}

// buildInfo describes the half of py, whose files are in the folder place of the
// build.
func (b *builder) buildInfo(py pybuild.Info, place string) (BuildInfo, error) {
	t := b.tree
	info := BuildInfo{
		Interface:  t.level,
		ABI:        py.ABI.Folder(),
		Python:     py.Version,
		HexVersion: py.HexVersion,
		LibPython:  py.LibPython,
		SONAME:     py.SONAME,
		Prefix:     py.BasePrefix,
		Executable: py.Base,
		Source:     t.hash,
		Version:    Version(),
	}
	if library, static := b.facts.static(&py); static {
		info.LibPython, info.SONAME, info.Static = library.Archive, "", true
		return info, nil
	}
	var err error
	info.RunPath, err = b.facts.runPath(info.ABI, place+"/wsgi-host")
	return info, err
}

func (t *tree) apacheInfo(a *apxs.Info) ApacheInfo {
	return ApacheInfo{
		Interface: t.level, Apache: a.Version,
		Cookie: a.MMN.Cookie, Major: a.MMN.Major, Minor: a.MMN.Minor,
		Source: t.hash, Version: Version(),
	}
}

// writeRecord writes a record, one key a line, unless it is there already.
func writeRecord(path string, record any) error {
	var b bytes.Buffer
	if err := cli.JSON(&b, record); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b.Bytes()) {
		return nil
	}
	return fsx.WriteFile(path, b.Bytes(), 0o644)
}

// dirhash hashes the whole tree the way Go hashes a module.
func (t *tree) dirhash() (string, error) {
	h, err := dirhash.Hash1(t.names, func(name string) (io.ReadCloser, error) {
		data, ok := t.files[name]
		if !ok {
			return nil, errors.New("no such source: " + name)
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	})
	if err != nil {
		return "", fmt.Errorf("hashing the C sources: %w", err)
	}
	return h, nil
}

// SourceHash is the hash of the embedded sources, as records carry it. Every start
// of a server wants it, for each place where its module may be.
func SourceHash() (string, error) { return sourceHash() }

var sourceHash = sync.OnceValues(func() (string, error) {
	t, err := loadTree(Sources())
	if err != nil {
		return "", err
	}
	return t.dirhash()
})

// folder is the name of the folder for the copies of t, short of its hash.
func (t *tree) folder() string { return sum([]byte(t.hash))[:12] }
