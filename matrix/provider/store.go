package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// Store is the part of the cache that has what takes minutes to make: a folder for
// each, below one for its kind. A folder is there whole or not at all: it is made
// under another name and moved, and the last thing written into it is a stamp that
// says what it was made of.
type Store struct {
	Dir     string // the cache
	R       *run.Runner
	Waiting func(what string, pid int) // where set, hears that somebody else makes it just now
}

// Rooms of a store. Those who look for Pythons and Apaches know the first two.
const (
	pythonsRoom = "pythons"
	apachesRoom = "apaches"
	rootfsRoom  = "rootfs"
)

// Stamp says what a thing was made of.
type Stamp struct {
	Schema   int               `json:"schema"`
	Kind     string            `json:"kind"` // the room
	Name     string            `json:"name"`
	Made     time.Time         `json:"made"`
	Seconds  float64           `json:"seconds"`
	From     string            `json:"from"`               // the URL or source package, the mirror and suite
	Sum      string            `json:"sum,omitempty"`      // "sha256:…" of the archive
	Without  string            `json:"without,omitempty"`  // what it should have and has not, and why
	Packages map[string]string `json:"packages,omitempty"` // versions, of a tree or of what it was compiled with
}

const (
	stampSchema = 1
	stampFile   = "modwsgi-stamp.json"
)

// OpenStore is the store in the cache of the environment that r has.
func OpenStore(r *run.Runner) (*Store, error) {
	dir := fsx.CacheFolder(r.Getenv)
	if dir == "" {
		return nil, hint.New(errors.New("there is no folder to keep Pythons and Apaches in"), "set MODWSGI_CACHE")
	}
	return &Store{Dir: dir, R: r}, nil
}

// plain is what a name may be: it becomes that of a folder.
var plain = pattern.New(`^[0-9A-Za-z][0-9A-Za-z._+-]{0,63}$`)

// path is the folder of a thing, there or not.
func (s *Store) path(room, name string) (string, error) {
	if !plain.MatchString(name) {
		return "", hint.Exit(fmt.Errorf("%q is no name of one of the %s", name, room), hint.Usage)
	}
	return filepath.Join(s.Dir, room, name), nil
}

// Have gives the folder of a thing that was made before, with its stamp.
func (s *Store) Have(room, name string) (string, Stamp, bool) {
	var stamp Stamp
	dir, err := s.path(room, name)
	if err != nil {
		return "", stamp, false
	}
	data, err := os.ReadFile(filepath.Join(dir, stampFile))
	if err != nil || json.Unmarshal(data, &stamp) != nil || stamp.Schema != stampSchema {
		return "", Stamp{}, false
	}
	if fi, ours := fsx.Ours(dir); !ours || !fi.IsDir() {
		return "", Stamp{}, false // root runs programs in it
	}
	return dir, stamp, true
}

// any tells whether something was made before.
func (s *Store) any(room string) bool {
	list, _ := fsx.Glob(s.Dir, room+"/[0-9A-Za-z]*/"+stampFile) // well formed
	return len(list) > 0
}

// Make gives the folder of a thing. If it is not there, make makes it: in work, an
// empty folder beside to, which it is to be moved to, and fills in the stamp. Two
// that want the same wait for each other; one that is killed leaves a folder in
// work that the next one removes.
func (s *Store) Make(ctx context.Context, room, name string, make func(work, to string, stamp *Stamp) error) (string, Stamp, error) {
	if dir, stamp, ok := s.Have(room, name); ok {
		return dir, stamp, nil
	}
	to, err := s.path(room, name)
	if err != nil {
		return "", Stamp{}, err
	}
	parent := filepath.Dir(to)
	if err := s.open(parent); err != nil {
		return "", Stamp{}, err
	}
	release, err := fsx.Lock(ctx, filepath.Join(parent, "."+name+".lock"), func(pid int) {
		if s.Waiting != nil {
			s.Waiting(filepath.Join(room, name), pid)
		}
	})
	if err != nil {
		return "", Stamp{}, err
	}
	defer release()
	if dir, stamp, ok := s.Have(room, name); ok { // meanwhile
		return dir, stamp, nil
	}
	work := filepath.Join(parent, "."+name+".work")
	stamp := Stamp{Schema: stampSchema, Kind: room, Name: name}
	if err := s.fill(ctx, work, to, &stamp, make); err != nil {
		return "", Stamp{}, errors.Join(fmt.Errorf("making %s: %w", filepath.Join(room, name), err), s.remove(work))
	}
	return to, stamp, nil
}

// open makes the cache and a room in it. Servers that root starts run as other
// users, who have to get at what is in there.
func (s *Store) open(room string) error {
	if err := fsx.MkdirCache(s.Dir); err != nil {
		return err
	}
	mode := fs.FileMode(0o755)
	if os.Geteuid() != 0 {
		mode = 0o700
	}
	if err := fsx.Mkdir(room, mode); err != nil {
		return err
	}
	return fsx.Trusted(room)
}

func (s *Store) fill(ctx context.Context, work, to string, stamp *Stamp, make func(work, to string, stamp *Stamp) error) error {
	for _, old := range []string{work, to} { // of one that was killed, or of another schema
		if err := s.remove(old); err != nil {
			return err
		}
	}
	if err := fsx.Mkdir(work, 0o755); err != nil {
		return err
	}
	began := time.Now()
	if err := make(work, to, stamp); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	stamp.Made, stamp.Seconds = began.UTC().Truncate(time.Second), time.Since(began).Round(time.Second).Seconds()
	data, err := json.MarshalIndent(stamp, "", "  ")
	if err != nil {
		return err
	}
	if err := fsx.WriteFile(filepath.Join(work, stampFile), append(data, '\n'), 0o644); err != nil {
		return err
	}
	return fsx.Move(work, to, 0o755)
}

// remove removes a folder of the store, as long as nothing is mounted in it, and
// never what is on another file system: a tree that somebody entered by hand may
// have this machine's folders in it.
func (s *Store) remove(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err == nil {
		if at := mountedBelow(string(mounts), dir); at != "" {
			return hint.New(fmt.Errorf("removing %s: something is mounted at %s", dir, at), "unmount it: umount -R "+at)
		}
	}
	// Even one whose context has ended has to clean up.
	_, err = s.R.Run(context.Background(), run.Cmd{
		Path: "rm", Args: []string{"-rf", "--one-file-system", "--", dir}, Timeout: 5 * time.Minute,
	})
	return err
}

// mountedBelow is the first place in dir, or dir itself, at which the lines of
// mountinfo have something mounted.
func mountedBelow(mountinfo, dir string) string {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		at := unescape.Replace(fields[4])
		if at == dir || strings.HasPrefix(at, dir+"/") {
			return at
		}
	}
	return ""
}
