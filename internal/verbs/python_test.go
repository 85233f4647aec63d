package verbs

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/options"
)

// T-8, M-17: a dry run says what would be made and makes nothing; what cannot be
// made is refused, and so is the network where it is not to be used.
func TestMakePython(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	run := func(version string, environ ...string) (string, error) {
		set, err := options.Resolve("python", nil, append(os.Environ(), append(environ, "MODWSGI_CACHE="+cache)...), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		j := &Job{Set: set, R: set.Runner(), Out: &out, Err: io.Discard}
		err = MakePython(version)(t.Context(), j)
		return out.String(), err
	}
	out, err := run("3.13t", "MODWSGI_DRYRUN=1", "MODWSGI_OUTPUT=json", "MODWSGI_CPYTHON=file:/srv/python.tar.xz")
	var plan struct{ Steps []string }
	if err != nil || json.Unmarshal([]byte(out), &plan) != nil || len(plan.Steps) != 5 || plan.Steps[0] != "fetch file:/srv/python.tar.xz" || !strings.Contains(plan.Steps[1], "--disable-gil") {
		t.Errorf("%s, %v", out, err)
	}
	if out, err := run("3.14", "MODWSGI_DRYRUN=1"); err != nil || !strings.HasPrefix(out, "fetch the source package python3.14 3.14\n") || strings.Contains(out, "--disable-gil") {
		t.Errorf("%s, %v", out, err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "matrix.toml")
	if err := os.WriteFile(file, []byte("[archives.python]\n\"3.14t\" = \"old/python.tar.xz\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]string{"3.14t": "fetch file:" + dir + "/old/python.tar.xz\n", "3.14": "fetch the source package python3.14 3.14\n"} {
		if out, err := run(version, "MODWSGI_DRYRUN=1", "MODWSGI_MATRIX_FILE="+file); err != nil || !strings.HasPrefix(out, want) {
			t.Errorf("%s, %v; want %s", out, err, want)
		}
	}
	if out, err := run("3.14t", "MODWSGI_DRYRUN=1", "MODWSGI_MATRIX_FILE="+file, "MODWSGI_CPYTHON=file:/other"); err != nil || !strings.HasPrefix(out, "fetch file:/other\n") {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := os.Stat(cache); !os.IsNotExist(err) {
		t.Errorf("the dry run made something: %v", err)
	}
	if _, err := run("3.12t"); hint.Code(err) != hint.Usage {
		t.Errorf("%v", err)
	}
	if _, err := run("3.13", "MODWSGI_OFFLINE=1"); err == nil {
		t.Error("it was made without a network")
	}
}
