package installer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
)

// where it is noted what is installed.
func TestStateFolder(t *testing.T) {
	root := os.Geteuid() == 0
	for _, c := range []struct {
		name     string
		env      map[string]string
		want, of string // of root, of others
	}{
		{"named", map[string]string{"MODWSGI_STATE": "/s", "XDG_STATE_HOME": "/x"}, "/s", "/s"},
		{"by the desktop", map[string]string{"XDG_STATE_HOME": "/x", "HOME": "/h"}, rootsState, "/x/modwsgi"},
		{"at home", map[string]string{"HOME": "/h"}, rootsState, "/h/.local/state/modwsgi"},
		{"relative", map[string]string{"MODWSGI_STATE": "s", "XDG_STATE_HOME": "x", "HOME": "h"}, rootsState, ""},
	} {
		want := c.of
		if root {
			want = c.want
		}
		if got := StateFolder(func(key string) string { return c.env[key] }); got != want {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
}

// S15: what somebody else could have written is not done in our name.
func TestForeignRecord(t *testing.T) {
	dir := t.TempDir()
	s := state{filepath.Join(dir, "state")}
	name := s.record(place{dir: "/m"})
	put := func(mode, folder os.FileMode) {
		t.Helper()
		err := errors.Join(os.MkdirAll(s.dir, 0o755), os.WriteFile(name, []byte(`{"schema":1,"current":{"modules_dir":"/m"}}`), 0o644), os.Chmod(name, mode), os.Chmod(s.dir, folder))
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(what string) {
		t.Helper()
		if _, err := s.read(place{dir: "/m"}); !errors.Is(err, fsx.ErrNotOurs) || hint.Code(err) != hint.Refused {
			t.Errorf("%s: %v", what, err)
		}
	}
	put(0o644, 0o755)
	if r, err := s.read(place{dir: "/m"}); err != nil || r == nil {
		t.Errorf("ours: %v, %v", r, err)
	}
	put(0o666, 0o755)
	refused("a file that all may write")
	put(0o644, 0o777)
	refused("a folder that all may write")
	put(0o644, 0o755)
	if os.Geteuid() == 0 {
		if err := os.Chown(name, 65534, -1); err != nil {
			t.Fatal(err)
		}
		refused("somebody else's")
	} else {
		t.Log("somebody else's file: only root can make one")
	}
	if err := errors.Join(os.Rename(name, name+".other"), os.Symlink(name+".other", name)); err != nil {
		t.Fatal(err)
	}
	refused("a link")
}

// A record names nothing but absolute paths and sums, whatever it is.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"schema":1,"current":{"modules_dir":"/m","files":[{"path":"/m/mod_wsgi.so","sha256":"","part":"module","was":{"path":"/m/mod_wsgi.so","link":"x"}}],"folders":["/m"]}}`))
	f.Add([]byte(`{"schema":1,"current":{"modules_dir":"/m"},"earlier":[{"modules_dir":"/m","files":[{"path":"../x"}]}]}`))
	f.Add([]byte(`{"schema":1,"current":{"modules_dir":"/m","enabling":[{"before":[{"path":"/"}]}]}}`))
	f.Add([]byte(`{"schema":2}`))
	f.Add([]byte(`{"schema":1,"current":{"modules_dir":"/m","files":[{"path":"/m/a","sha256":"../../etc/passwd"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRecord(data)
		if err != nil {
			return
		}
		for _, g := range append([]Generation{r.Current}, r.Earlier...) {
			for _, path := range g.paths() {
				if !filepath.IsAbs(path) || filepath.Clean(path) != path {
					t.Errorf("%q is accepted", path)
				}
			}
			for _, sum := range g.sums() {
				if len(sum) != 64 || filepath.Base(sum) != sum {
					t.Errorf("%q is accepted for a sum", sum)
				}
			}
		}
	})
}
