package verbs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"modwsgi/internal/options"
)

// K-3: clean removes from the cache by the age and size that the options say, a
// dry run nothing; where there is no cache, or somebody else's, none is made.
func TestTrimCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	trim := func(environ ...string) (int, error) {
		t.Helper()
		set, err := options.Resolve("clean", nil, append(environ, "MODWSGI_CACHE="+dir), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		done, _, err := (&Job{Set: set, R: set.Runner()}).TrimCache()
		return done.Removed, err
	}
	if n, err := trim(); n != 0 || err != nil {
		t.Errorf("no cache: %d, %v", n, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("one was made: %v", err)
	}
	place := func(name string, size int, days int) {
		t.Helper()
		path := filepath.Join(dir, "objects", name)
		when := time.Now().Add(-time.Duration(days) * 24 * time.Hour)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, make([]byte, size), 0o600), os.Chtimes(path, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	place("month", 10, 40)
	place("week", 3<<20, 7)
	place("new", 10, 0)
	for _, step := range []struct {
		name    string
		environ []string
		want    int
	}{
		{"dry", []string{"MODWSGI_DRYRUN=1"}, 1},
		{"by default a month", nil, 1},
		{"for ever", []string{"MODWSGI_CACHE_AGE=0", "MODWSGI_CACHE_SIZE=0"}, 0},
		{"a mebibyte", []string{"MODWSGI_CACHE_SIZE=1"}, 1},
		{"nothing is left to remove", []string{"MODWSGI_CACHE_SIZE=1"}, 0},
	} {
		if n, err := trim(step.environ...); n != step.want || err != nil {
			t.Errorf("%s: %d removed, want %d, %v", step.name, n, step.want, err)
		}
	}
	place("old", 10, 40)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if n, err := trim(); n != 0 || err != nil {
		t.Errorf("a cache that everybody may write: %d, %v", n, err)
	}
}
