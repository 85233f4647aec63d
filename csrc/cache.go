package csrc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modwsgi/internal/fsx"
)

// Cache keeps what was built by a hash of all that it was built from, for other
// build folders of this user (rules K-1 to K-3). Losing it costs time only, so
// nothing but its folder can be wrong with it: an entry that is not whole is
// none, and one that cannot be written is not there next time.
type Cache struct{ dir string }

// Folders of a cache. Archives and sources are those of the package fetch.
const (
	cacheObjects = "objects"
	cacheModules = "modules"
	cacheLocks   = "locks"
)

// OpenCache makes the folder dir a cache, or takes the one that is there. What is
// somebody else's is refused.
func OpenCache(dir string) (*Cache, error) {
	if err := fsx.MkdirCache(dir, cacheObjects, cacheModules, cacheLocks); err != nil {
		return nil, err
	}
	return &Cache{dir: dir}, nil
}

// path is the file of an entry: keys are hashes, which make plain names.
func (c *Cache) path(kind, key string) string { return filepath.Join(c.dir, kind, key) }

// Get gives the data of an entry. One whose content is not what was written, or
// which belongs to somebody else, is removed and not given.
func (c *Cache) Get(kind, key string) ([]byte, bool) {
	path := c.path(kind, key)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	head, body, ok := bytes.Cut(data, []byte("\n"))
	fi, ours := fsx.Ours(path)
	if !ok || string(head) != sum(body) || !ours || !fi.Mode().IsRegular() {
		_ = fsx.RemoveAll(path)
		return nil, false
	}
	_ = fsx.Touch(path) // what is used is kept longer
	return body, true
}

// Put keeps data as an entry, in one step.
func (c *Cache) Put(kind, key string, data []byte) {
	entry := slices.Concat([]byte(sum(data)), []byte("\n"), data)
	_ = fsx.WriteFile(c.path(kind, key), entry, 0o600)
}

// Lock holds the lock of a key, so that what two builds need is made once. If
// somebody else makes it, waiting is told who.
func (c *Cache) Lock(ctx context.Context, key string, waiting func(pid int)) (release func(), err error) {
	return fsx.Lock(ctx, c.path(cacheLocks, key), waiting)
}

// variant is one way in which an object came out of a command: with these
// headers, it read as Inputs says.
type variant struct {
	Read   []string `json:"read"`
	Inputs string   `json:"inputs"`
	Said   string   `json:"said,omitempty"` // what the compiler warned of
}

// maxVariants bounds how many are remembered of one command.
const maxVariants = 8

func (c *Cache) variants(key string) []variant {
	var list []variant
	if data, ok := c.Get(cacheObjects, key+".json"); ok && json.Unmarshal(data, &list) != nil {
		return nil
	}
	return list
}

func (c *Cache) addVariant(key string, v variant) {
	list := slices.DeleteFunc(c.variants(key), func(o variant) bool { return o.Inputs == v.Inputs })
	list = append([]variant{v}, list...)
	if data, err := json.Marshal(list[:min(len(list), maxVariants)]); err == nil {
		c.Put(cacheObjects, key+".json", data)
	}
}

// LookCache takes the cache in the folder dir, if there is one of this user's.
// Nothing is made.
func LookCache(dir string) (*Cache, bool) {
	fi, ours := fsx.Ours(dir)
	if !ours || !fi.IsDir() {
		return nil, false
	}
	return &Cache{dir: dir}, true
}

// Keep says what a cache is to keep.
type Keep struct {
	Age  time.Duration // since it was last used; 0: for ever
	Size int64         // bytes; 0: no limit
	Dry  bool          // only count
}

// Trimmed is what a [Cache.Trim] did.
type Trimmed struct {
	Removed int   `json:"removed"`
	Freed   int64 `json:"freed"` // bytes
	Kept    int64 `json:"kept"`
}

// abandoned is how old a temporary file is that nobody will finish.
const abandoned = 24 * time.Hour

// Trim removes what a dead writer left, and of the entries what is not to be
// kept, the longest unused first. Archives and source trees are entries too.
func (c *Cache) Trim(k Keep, now time.Time) (Trimmed, error) {
	entries, err := c.entries()
	if err != nil {
		return Trimmed{}, err
	}
	slices.SortFunc(entries, func(a, b cached) int { return a.used.Compare(b.used) })
	var done Trimmed
	for _, e := range entries {
		done.Kept += e.size
	}
	for _, e := range entries {
		old := now.Sub(e.used)
		temporary := strings.HasSuffix(e.path, ".tmp")
		gone := temporary && old > abandoned || e.lock && old > abandoned && !fsx.Held(e.path) ||
			!temporary && !e.lock && (k.Age > 0 && old > k.Age || k.Size > 0 && done.Kept > k.Size)
		if !gone {
			continue
		}
		if !k.Dry {
			remove := fsx.RemoveAll
			if e.lock {
				remove = fsx.RemoveLock
			}
			if err := remove(e.path); err != nil {
				return done, err
			}
		}
		done.Removed++
		done.Freed += e.size
		done.Kept -= e.size
	}
	return done, nil
}

// cached is an entry: a file, or the folder of a source tree.
type cached struct {
	path string
	size int64
	used time.Time
	lock bool
}

func (c *Cache) entries() ([]cached, error) {
	var list []cached
	for _, kind := range []string{cacheObjects, cacheModules, cacheLocks, "archives", "sources"} {
		dir, err := os.ReadDir(filepath.Join(c.dir, kind))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the cache: %w", err)
		}
		for _, e := range dir {
			one := cached{path: filepath.Join(c.dir, kind, e.Name()), lock: kind == cacheLocks}
			_ = filepath.WalkDir(one.path, func(_ string, d fs.DirEntry, err error) error {
				if err != nil {
					return nil // gone meanwhile
				}
				if fi, err := d.Info(); err == nil {
					if !d.IsDir() {
						one.size += fi.Size()
					}
					if fi.ModTime().After(one.used) {
						one.used = fi.ModTime()
					}
				}
				return nil
			})
			list = append(list, one)
		}
	}
	return list, nil
}

// cacheKey is that of the object c, as far as it is known before the compiler
// says which headers it read (rule C-9). Its key has the command and the
// compiler; the source's content comes with what was read.
func cacheKey(c Compile) string { return sum([]byte("object " + c.Key)) }

func variantKey(key string, v variant) string {
	return sum([]byte(key + v.Inputs))
}
