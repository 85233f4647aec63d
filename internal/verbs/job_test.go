package verbs

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"modwsgi/internal/options"
)

// K-1: what Apache's programs said is not asked again until a file that it came
// from is another one; a dry run keeps nothing.
func TestApacheIsRemembered(t *testing.T) {
	apxs, err := exec.LookPath("apxs")
	if err != nil {
		t.Skip("there is no apxs here to ask")
	}
	dir := t.TempDir()
	cache := filepath.Join(dir, "cache")
	own := filepath.Join(dir, "apxs") // one that may be touched
	if err := os.WriteFile(own, []byte("#!/bin/sh\nexec "+apxs+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	find := func(when string, runs bool, environ ...string) any {
		t.Helper()
		set, err := options.Resolve("build", nil, append(os.Environ(), append(environ, "MODWSGI_APXS="+own, "MODWSGI_CACHE="+cache)...), dir)
		if err != nil {
			t.Fatal(err)
		}
		var ran strings.Builder
		j := &Job{Set: set, Dir: dir, R: set.Runner(), Out: io.Discard, Err: io.Discard}
		j.R.Log = &ran
		info, err := j.Apache(t.Context())
		if err != nil {
			t.Skip("this Apache cannot be built for: ", err)
		}
		if got := strings.Contains(ran.String(), "apxs"); got != runs {
			t.Errorf("%s: asked %v, want %v: %s", when, got, runs, &ran)
		}
		return info
	}
	find("a dry run", true, "MODWSGI_DRYRUN=1")
	first := find("at first", true)
	if again := find("again", false); !reflect.DeepEqual(first, again) {
		t.Errorf("found %+v\nremembers %+v", first, again)
	}
	if err := os.WriteFile(own, []byte("#!/bin/sh\n# another\nexec "+apxs+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	find("another apxs", true)
}
