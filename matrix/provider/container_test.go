package provider

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// probing does for a fake engine what the probe wants to see done.
const probing = `test "$1" != run || for a; do case "$a" in */probe) probe=$a;; esac; last=$a; done; test -z "$probe" || exec "$probe" "$last"
`

// anEngine is a runner with a podman that writes down what it is told, a line each,
// carries out the probe, and then does what script says; docker has no daemon.
func anEngine(t *testing.T, script string) (r *run.Runner, told func() []string) {
	t.Helper()
	return theEngines(t, probing+script, "echo 'Cannot connect to the daemon' >&2; exit 1")
}

// theEngines is a runner with a podman and a docker that write down what they are
// told and do what their scripts say.
func theEngines(t *testing.T, podman, docker string) (r *run.Runner, told func() []string) {
	t.Helper()
	dir := t.TempDir()
	record := filepath.Join(dir, "told")
	for name, text := range map[string]string{"podman": podman, "docker": docker} {
		text = "#!/bin/sh\n{ for a; do printf '[%s]' \"$a\"; done; echo; } >> '" + record + "'\n" + text + "\n"
		if name == "docker" {
			text = strings.Replace(text, "{ ", "{ printf docker; ", 1)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &run.Runner{Env: []string{"PATH=" + dir + ":" + os.Getenv("PATH")}}, func() []string {
		data, err := os.ReadFile(record)
		if err != nil {
			t.Error(err)
		}
		return strings.Split(strings.TrimSpace(string(data)), "\n")
	}
}

// M-16: the image is made once; in a run there is no network, what is read cannot
// be written, and words with spaces and quotes stay whole.
func TestContainer(t *testing.T) {
	r, told := anEngine(t, `case "$1 $2" in
"image inspect") exit 1;;
"build --tag") cat > "$(dirname "$0")/containerfile";;
esac`)
	m, err := (&Container{R: r}).Machine(t.Context(), "trixie")
	if err != nil || m.ID() != "container-trixie" {
		t.Fatalf("%+v, %v", m, err)
	}
	dir := filepath.Join(t.TempDir(), "a folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := aScript(t, "")
	if _, err := m.Run(t.Context(), Command{Program: program, Args: []string{"verify", "it's a \"word\""}, Env: []string{"A=b c"}, Read: []string{"/bin"}, Dir: dir, Write: []string{dir}}); err != nil {
		t.Fatal(err)
	}
	lines := told()
	const run = "[run][--rm][--init][--name][NAME][--hostname][container-trixie][--network][none][--pull][never][--security-opt][label=disable][--cap-add][SYS_PTRACE][--tmpfs][/tmp:mode=1777,exec]"
	want := []string{
		"[info]", "[image][inspect][localhost/modwsgi-matrix:trixie]", "[build][--tag][localhost/modwsgi-matrix:trixie][--file][-][EMPTY]",
		run + "[--mount][type=bind,source=PROBE/probe,target=PROBE/probe,readonly][--mount][type=bind,source=PROBE/out,target=PROBE/out]" +
			"[localhost/modwsgi-matrix:trixie][PROBE/probe][PROBE/out]",
		"[ps][--all][--quiet][--filter][label=modwsgi-matrix.folder=" + dir + "]",
		run + fmt.Sprintf(`[--mount][type=bind,source=%[1]s,target=%[1]s,readonly][--mount][type=bind,source=/bin,target=/bin,readonly][--mount][type=bind,source=%[2]s,target=%[2]s]`+
			`[--workdir][%[2]s][--label][modwsgi-matrix.folder=%[2]s][--env][A=b c][localhost/modwsgi-matrix:trixie][%[1]s][verify][it's a "word"]`, program, dir),
	}
	for i, line := range lines {
		for _, temporary := range []struct{ before, after, instead string }{
			{"[--file][-][", "]", "EMPTY"}, {"source=", "/probe", "PROBE"}, {"[--name][", "]", "NAME"},
		} {
			_, rest, _ := strings.Cut(line, temporary.before)
			value, _, ok := strings.Cut(rest, temporary.after)
			if !ok {
				continue
			}
			line = strings.ReplaceAll(line, value, temporary.instead)
			if _, err := os.Stat(value); temporary.instead != "NAME" && (err == nil || !filepath.IsAbs(value)) {
				t.Errorf("%q is still there: %v", value, err)
			}
		}
		lines[i] = line
	}
	if !slices.Equal(lines, want) {
		t.Errorf("it was told\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	file, err := os.ReadFile(filepath.Join(strings.SplitN(r.Getenv("PATH"), ":", 2)[0], "containerfile"))
	if err != nil || !strings.HasPrefix(string(file), "FROM docker.io/library/debian:trixie-slim\n") || !strings.Contains(string(file), "apache2-dev") {
		t.Errorf("%s%v", file, err)
	}
}

// nameIn is the name of a container in what the engine was told.
func nameIn(line string) string {
	_, rest, _ := strings.Cut(line, "[--name][")
	name, _, _ := strings.Cut(rest, "]")
	return name
}

// A container whose time is up would go on without its client: it is removed.
func TestContainerTimeout(t *testing.T) {
	r, told := anEngine(t, `test "$1" != run || exec sleep 60`)
	m, err := (&Container{R: r}).Machine(t.Context(), "trixie")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Run(t.Context(), Command{Program: aScript(t, ""), Timeout: 200 * time.Millisecond}); err == nil {
		t.Error("it ended in time")
	}
	lines := told()
	last, before := lines[len(lines)-1], lines[len(lines)-2]
	if want := "[rm][--force][" + nameIn(before) + "]"; last != want || nameIn(before) == "" {
		t.Errorf("%s, want %s", last, want)
	}
	for _, path := range []string{"/no/such/file", "/a,b"} {
		if _, err := m.Run(t.Context(), Command{Program: aScript(t, ""), Read: []string{path}}); err == nil {
			t.Errorf("%s was given", path)
		}
	}
}

// M-7: where no engine answers, or an image cannot be made, cells are skipped.
func TestContainerMissing(t *testing.T) {
	r, _ := anEngine(t, "exit 1")
	_, err := (&Container{R: r}).Machine(t.Context(), "trixie")
	wantMissing(t, err, NoProvider)
	if !strings.Contains(err.Error(), "Cannot connect to the daemon") {
		t.Errorf("docker is not quoted: %v", err)
	}
	r, _ = anEngine(t, `test "$1" != image`)
	r.Offline = true
	_, err = (&Container{R: r}).Machine(t.Context(), "trixie")
	wantMissing(t, err, NoProvider)
	if _, err := (&Container{R: r}).Machine(t.Context(), "nosuch"); hint.Code(err) != hint.Usage || !strings.Contains(hint.Of(err), "alpine, arch") {
		t.Errorf("%v", err)
	}
}

// Each image has a server, what modules are made with, a compiler and a Python, by
// the names that its system has for them.
func TestContainerfiles(t *testing.T) {
	for name, want := range map[string]string{
		"noble":  "FROM docker.io/library/ubuntu:24.04\nENV DEBIAN_FRONTEND=noninteractive\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends apache2 apache2-dev gcc libc6-dev python3 python3-dev python3-venv\n",
		"alpine": "FROM docker.io/library/alpine:latest\nRUN apk add apache2 apache2-dev gcc musl-dev python3 python3-dev\n",
		"alma9":  "FROM docker.io/library/almalinux:9\nRUN dnf install -y httpd httpd-devel gcc redhat-rpm-config python3 python3-devel\n",
	} {
		if got := containerfile(images[name]); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(images)) {
		if i := images[name]; len(imagePackages[i.family]) == 0 || len((distro.System{Family: i.family}).Install("x")) == 0 || !plain.MatchString(name) {
			t.Errorf("%s: %+v", name, i)
		}
	}
}
