package provider

import (
	"os"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// M-7, M-16: an engine that answers and has the image, and can start nothing in it,
// is as good as none: what it says is told, with what helps where that is known.
func TestContainerProbe(t *testing.T) {
	fails := func(said string) string { return `test "$1" != run || { echo '` + said + `' >&2; exit 125; }` }
	const none = "exit 1"
	for name, c := range map[string]struct {
		podman, docker string
		engine         string // that is taken; "": none
		said, advice   string
	}{
		"both":           {probing, probing, "podman", "", ""},
		"docker":         {fails("Error: no space left"), probing, "docker", "", ""},
		"no init":        {fails("Error: container-init binary not found on the host: stat /usr/libexec/podman/catatonit"), none, "", "podman starts nothing in localhost/modwsgi-matrix:trixie: Error: container-init binary not found", "install catatonit"},
		"hybrid cgroups": {fails("Error: OCI runtime error: crun: cgroups in hybrid mode not supported"), none, "", "hybrid mode not supported", `runtime="runc"`},
		"limits crun":    {fails("Error: crun: setrlimit RLIMIT_NPROC: Operation not permitted"), none, "", "RLIMIT_NPROC", "default_ulimits"},
		"limits runc":    {fails("Error: runc: error setting rlimit type 7: operation not permitted"), none, "", "rlimit type 7", "default_ulimits"},
		"unknown":        {fails("Error: no space left"), none, "", "no space left (exit status 125)", "have `podman run --rm --init --network none localhost/modwsgi-matrix:trixie true` work"},
		"far away":       {"", none, "", "does not write into folders of this machine", "an engine on this machine"},
		"build":          {`test "$1" != image || exit 1; test "$1" != build || { echo "Error: crun: cgroups in hybrid mode not supported" >&2; exit 125; }`, none, "", "making the image of trixie", `runtime="runc"`},
		"no image":       {`test "$1" != image || exit 1; test "$1" != build || { echo "Error: no route to host" >&2; exit 125; }`, none, "", "no route to host", "see that podman can fetch docker.io/library/debian:trixie-slim"},
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			r, told := theEngines(t, c.podman, c.docker)
			m, err := (&Container{R: r}).Machine(t.Context(), "trixie")
			wantNoTemporary(t, temp)
			if n := strings.Count(strings.Join(told(), "\n"), "[run]"); n > 2 {
				t.Errorf("%d containers were started", n)
			}
			if c.engine != "" {
				if err != nil || m.(*container).engine != c.engine {
					t.Errorf("%+v, %v; want %s", m, err, c.engine)
				}
				return
			}
			wantMissing(t, err, NoProvider)
			if !strings.Contains(err.Error(), c.said) || !strings.Contains(hint.Of(err), c.advice) {
				t.Errorf("%v\nhint: %s\nwant %q and %q", err, hint.Of(err), c.said, c.advice)
			}
		})
	}
}

// wantNoTemporary wants nothing that is made for a moment to be left in dir.
func wantNoTemporary(t *testing.T, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), "modwsgi-") {
			t.Errorf("%s is left in %s", e.Name(), dir)
		}
	}
}

// A container whose client was killed together with whoever started it goes on: the
// next run in its folder removes it first.
func TestContainerLeftBehind(t *testing.T) {
	r, told := anEngine(t, `test "$1" != ps || printf 'abc\ndef\n'`)
	m, err := (&Container{R: r}).Machine(t.Context(), "trixie")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := m.Run(t.Context(), Command{Program: aScript(t, ""), Dir: dir, Write: []string{dir}}); err != nil {
		t.Fatal(err)
	}
	lines := told()
	lines = lines[len(lines)-3:]
	if !strings.HasSuffix(lines[0], "[label=modwsgi-matrix.folder="+dir+"]") || lines[1] != "[rm][--force][abc][def]" || !strings.HasPrefix(lines[2], "[run]") {
		t.Errorf("it was told\n%s", strings.Join(lines, "\n"))
	}
}
