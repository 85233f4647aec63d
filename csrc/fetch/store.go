package fetch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// patchesVariable names a folder with patches for what is built, and a file
// series that lists them (rule G-12).
const patchesVariable = "MODWSGI_PATCHES"

// FromEnvironment are the options that MODWSGI_… variables set. The lock file is
// the one in the working folder, if there is one.
func FromEnvironment(r *run.Runner, agent string) (Options, error) {
	on := func(name string) bool { v := r.Getenv(name); return v != "" && v != "0" }
	lock, err := ReadLock(LockFile)
	return Options{
		Runner: r, Agent: agent, Lock: lock,
		Offline:         on("MODWSGI_OFFLINE"),
		AllowHTTP:       on("MODWSGI_ALLOW_HTTP"),
		AllowUnverified: on("MODWSGI_ALLOW_UNVERIFIED"),
		Index:           r.Getenv("MODWSGI_INDEX_URL"),
		Releases:        r.Getenv("MODWSGI_RELEASES_URL"),
		Key:             r.Getenv(keyVariable),
		Patches:         r.Getenv(patchesVariable),
		Cache:           fsx.CacheFolder(r.Getenv),
	}, err
}

// stored is an archive that was fetched before: its bytes, if they still have
// the checksum that is wanted.
func (o Options) stored(sum string) ([]byte, bool) {
	algorithm, digits, _ := strings.Cut(sum, ":")
	if o.Cache == "" || digits == "" {
		return nil, false
	}
	data, err := readFile(filepath.Join(o.Cache, "archives", digits))
	return data, err == nil && sumOf(algorithm, data) == sum
}

// store keeps an archive by its checksum. That it cannot is no reason to fail.
func (o Options) store(sum string, data []byte) {
	_, digits, _ := strings.Cut(sum, ":")
	if o.Cache != "" && digits != "" && fsx.MkdirCache(o.Cache, "archives") == nil {
		_ = fsx.WriteFile(filepath.Join(o.Cache, "archives", digits), data, 0o600) // it will be fetched again
	}
}

// Folder brings the tree of a source and gives a folder that holds it: the one
// that was named, or one in the cache, whose content is looked at again each
// time.
func (o Options) Folder(ctx context.Context, s Source) (string, Origin, error) {
	t, err := o.Get(ctx, s)
	if err != nil {
		return "", Origin{}, err
	}
	if s.Kind == Dir && len(t.Origin.Patches) == 0 {
		return s.At, t.Origin, nil
	}
	if o.Cache == "" {
		return "", Origin{}, fmt.Errorf("unpacking %s: there is no folder for it: set MODWSGI_CACHE", s)
	}
	if err := fsx.MkdirCache(o.Cache, "sources"); err != nil {
		return "", Origin{}, err
	}
	dir := filepath.Join(o.Cache, "sources", strings.TrimPrefix(t.Hash, "sha256:"))
	if there, err := readFolder(dir); err == nil && there.Hash == t.Hash {
		return dir, t.Origin, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", Origin{}, err
	}
	return dir, t.Origin, fsx.ReplaceTree(dir, t.Files)
}

// IsDir is what [Parse] asks about a path.
func IsDir(path string) (dir, ok bool) {
	info, err := os.Stat(path)
	return err == nil && info.IsDir(), err == nil
}

// Open gives the folder of the tree that a specification names, "" for the
// embedded one. A folder is given as it is: what reads it knows which layouts
// there are.
func Open(ctx context.Context, r *run.Runner, agent, spec string) (string, Origin, error) {
	s, err := Parse(spec, IsDir)
	if err != nil {
		return "", Origin{}, err
	}
	if s.Kind == Embedded {
		return "", Origin{}, Options{Key: r.Getenv(keyVariable), Patches: r.Getenv(patchesVariable)}.takesOwn()
	}
	o, err := FromEnvironment(r, agent)
	if err != nil {
		return "", Origin{}, err
	}
	if s.Kind == Dir && o.Patches == "" && o.Key == "" {
		return s.At, Origin{Form: s.String()}, nil
	}
	return o.Folder(ctx, s)
}
