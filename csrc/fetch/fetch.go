// Package fetch brings the source tree of a release of mod_wsgi into memory,
// from a folder, an archive, a URL, the Python package index or a git
// repository, and proves that it is the tree that was meant.
//
// What comes from elsewhere needs a checksum: from the specification, from the
// lock file, or from the table in this program. Archives are unpacked by a
// reader of our own into memory, so that nothing in one can name a place on the
// disk; see archive.go for what is refused.
package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Options says what fetching may do.
type Options struct {
	Runner          *run.Runner  // starts git
	Client          *http.Client // nil: one with the limits of rule G-8
	Agent           string       // the User-Agent, as "modwsgi/1.2"
	Offline         bool         // the network is not to be used
	AllowHTTP       bool         // http, if there is a checksum
	AllowUnverified bool         // a tree without a checksum, marked so
	Lock            Lock         // what was brought before
	Update          bool         // the lock is to be rewritten: what it says is not compared
	Index           string       // of Python packages; "": the public one
	Releases        string       // where releases of the original are; "": its own place
	Key             string       // "gpg:FILE", "minisign:FILE" or "cosign:FILE": archives must be signed with it
	Patches         string       // folder with patches and their series file; "": none
	Cache           string       // folder for archives and trees; "": none are kept
}

// Get brings the tree of a source. The embedded tree is not its business.
func (o Options) Get(ctx context.Context, s Source) (Tree, error) {
	switch s.Kind {
	case Dir:
		t, err := readFolder(s.At)
		return o.unsigned(t, s, Origin{}, err)
	case File:
		data, err := readFile(s.At)
		if err != nil {
			return Tree{}, err
		}
		return o.archive(ctx, s, data, s.At)
	case Git:
		t, commit, err := o.repository(ctx, s)
		return o.unsigned(t, s, Origin{URL: s.At, Commit: commit}, err)
	case HTTPS:
		return o.remote(ctx, s, s.At)
	case Release:
		return o.release(ctx, s)
	case PyPI:
		if data, ok := o.stored(knownSum(s)); ok && o.Key == "" {
			return o.archive(ctx, s, data, "") // the index need not be asked again
		}
		u, sum, err := o.fromIndex(ctx, s.At)
		if err != nil {
			return Tree{}, err
		}
		if s.Sum == "" && knownSum(s) == "" {
			s.Sum = sum // the index says it over https; it is then locked
		}
		return o.remote(ctx, s, u)
	}
	return Tree{}, fmt.Errorf("source %s: nothing is to be fetched", s)
}

// unsigned finishes a tree that did not come in an archive.
func (o Options) unsigned(t Tree, s Source, origin Origin, err error) (Tree, error) {
	if err == nil {
		err = o.needsArchive(s)
	}
	return o.finish(t, s, origin, err)
}

// needsArchive refuses a source that has no signature where one is asked for.
func (o Options) needsArchive(s Source) error {
	if o.Key == "" {
		return nil
	}
	return hint.Exit(wrapSigned(s, errors.New("what came is no archive, and has no signature")), hint.Refused)
}

// takesOwn refuses what has no effect on the project's own sources: a patch that
// looks applied, and a signature that looks checked, would be lies.
func (o Options) takesOwn() error {
	name, want := patchesVariable, o.Patches
	if want == "" {
		name, want = keyVariable, o.Key
	}
	if want == "" {
		return nil
	}
	return hint.Exit(hint.New(fmt.Errorf("%s is %s, and has no effect on the project's own sources", name, want),
		"name the tree that it is for with -source, or take "+name+" away"), hint.Usage)
}

// remote brings an archive from a URL.
func (o Options) remote(ctx context.Context, s Source, u string) (Tree, error) {
	want, err := o.expected(s)
	if err != nil && !o.AllowUnverified {
		return Tree{}, err
	}
	if data, ok := o.stored(want); ok {
		return o.archive(ctx, s, data, u)
	}
	data, err := o.downloaded(ctx, u)
	if err != nil {
		return Tree{}, err
	}
	t, err := o.archive(ctx, s, data, u)
	if err == nil {
		o.store(want, data)
	}
	return t, err
}

// downloaded is what is at a URL.
func (o Options) downloaded(ctx context.Context, u string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "modwsgi-fetch-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	to := filepath.Join(dir, "archive")
	if err := o.download(ctx, u, to); err != nil {
		return nil, err
	}
	return readFile(to)
}

// Bytes brings an archive with something else than mod_wsgi in it, of this machine
// or from a URL, with its sha256. It needs a checksum like any other, and is kept
// like any other; what is in it is not looked at.
func (o Options) Bytes(ctx context.Context, s Source) (data []byte, sum string, err error) {
	if s.Kind != File && s.Kind != HTTPS {
		return nil, "", hint.Exit(hint.New(fmt.Errorf("source %s is no archive", s), "give a file, or an https URL with #sha256=HEX"), hint.Usage)
	}
	if s.Sum == "" && s.Kind == HTTPS {
		return nil, "", hint.Exit(hint.New(fmt.Errorf("source %s: %w", s, errNoSum), "append #sha256=HEX"), hint.Refused)
	}
	data, kept := o.stored(s.Sum)
	switch {
	case kept:
	case s.Kind == File:
		data, err = readFile(s.At)
	default:
		data, err = o.downloaded(ctx, s.At)
	}
	if err != nil {
		return nil, "", err
	}
	algorithm, _, _ := strings.Cut(s.Sum, ":")
	if got := sumOf(algorithm, data); s.Sum != "" && got != s.Sum {
		return nil, "", hint.Exit(fmt.Errorf("source %s: the archive has %s, not %s", s, got, s.Sum), hint.Refused)
	}
	if s.Kind == HTTPS {
		o.store(s.Sum, data)
	}
	return data, sumOf("sha256", data), nil
}

// errNoSum says that nothing proves what an archive must be (rule G-5).
var errNoSum = errors.New("no checksum is known of it")

// expected is the checksum that the archive of s must have.
func (o Options) expected(s Source) (string, error) {
	if sum := knownSum(s); sum != "" {
		if s.Sum != "" && s.Sum != sum {
			return "", hint.Exit(fmt.Errorf("source %s: this program knows %s", s, sum), hint.Refused)
		}
		return sum, nil
	}
	if s.Sum != "" {
		return s.Sum, nil
	}
	form := s
	form.Sum = ""
	if locked, ok := o.Lock.Find(form.String()); ok && locked.Sum != "" && !o.Update {
		return locked.Sum, nil
	}
	return "", hint.Exit(hint.New(fmt.Errorf("source %s: %w", s, errNoSum),
		"append #sha256=HEX, or fetch it once with MODWSGI_ALLOW_UNVERIFIED=1, which prints the checksum"), hint.Refused)
}

// archive checks and unpacks the bytes of an archive that came from a URL or
// path.
func (o Options) archive(ctx context.Context, s Source, data []byte, at string) (Tree, error) {
	want, err := o.expected(s)
	if err != nil {
		if s.Kind != File && !o.AllowUnverified {
			return Tree{}, err
		}
		want = "" // a file of this machine needs no proof
	}
	algorithm, _, _ := strings.Cut(want, ":")
	if got := sumOf(algorithm, data); want != "" && got != want {
		return Tree{}, hint.Exit(fmt.Errorf("source %s: the archive has %s, not %s", s, got, want), hint.Refused)
	}
	if err := o.signed(ctx, s, data, at); err != nil {
		return Tree{}, err
	}
	t, err := readArchive(data)
	if err != nil {
		return Tree{}, fmt.Errorf("source %s: %w", s, err)
	}
	if s.Kind == File {
		at = ""
	}
	origin := Origin{URL: at, Sum: sumOf("sha256", data), Size: int64(len(data)), Unverified: want == "" && s.Kind != File}
	return o.finish(t, s, origin, nil)
}

// finish writes down where a tree came from and compares it with the lock.
func (o Options) finish(t Tree, s Source, origin Origin, err error) (Tree, error) {
	if err != nil {
		return Tree{}, err
	}
	s.Sum = ""
	origin.Form, origin.Version, origin.Tree = s.String(), t.Version, t.Hash
	t.Origin = origin
	if (s.Kind == Release || s.Kind == PyPI) && t.Version != s.At {
		return Tree{}, hint.Exit(fmt.Errorf("source %s: the tree says that it is %s", s, t.Version), hint.Refused)
	}
	if o.Patches != "" {
		if t, err = patched(t, os.DirFS(o.Patches)); err != nil {
			return Tree{}, hint.Exit(fmt.Errorf("source %s: %w", s, err), hint.Refused)
		}
	}
	if s.Kind == Dir || o.Update {
		return t, nil // a folder is what it is today
	}
	return t, o.Lock.check(t.Origin)
}

// sumOf is "algorithm:hex" of data; sha256 if the algorithm is not named.
func sumOf(algorithm string, data []byte) string {
	if algorithm == "sha512" {
		h := sha512.Sum512(data)
		return "sha512:" + hex.EncodeToString(h[:])
	}
	h := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(h[:])
}

// readFile reads an archive of at most MaxDownload bytes.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	if info.Size() > MaxDownload {
		return nil, fmt.Errorf("%s: %w", path, errTooLarge)
	}
	return os.ReadFile(path)
}
