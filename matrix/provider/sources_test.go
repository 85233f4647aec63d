package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// M-17: which of the versions that there are is taken for the one that is asked for.
func TestMatching(t *testing.T) {
	list := []string{"3.13.5-2", "3.13.12-1", "3.13.5-2+deb13u1", "3.14.0~rc2-1", "3.14.8-1", "2:3.13.9-1"}
	for want, first := range map[string]string{"3.13": "3.13.12-1 2:3.13.9-1 3.13.5-2 3.13.5-2+deb13u1", "3.13.5": "3.13.5-2 3.13.5-2+deb13u1", "3.14": "3.14.8-1", "3.14.0~rc2": "3.14.0~rc2-1", "3.1": "", "3.15": ""} {
		if got := strings.Join(matching(list, want), " "); got != first {
			t.Errorf("%s: %s, want %s", want, got, first)
		}
	}
}

// showsrc is what apt-cache says of a source package.
func showsrc(versions ...string) string {
	var b strings.Builder
	for _, v := range versions {
		fmt.Fprintf(&b, "Package: python3.13\nFormat: 3.0 (quilt)\nVersion: %s\nChecksums-Sha256:\n x 1 y\n\n", v)
	}
	return b.String()
}

// sourceApt is a runner with an apt that has these versions in its index, of which
// it cannot fetch absent; what it fetches are data, described as if they had sum.
func sourceApt(t *testing.T, versions []string, absent, data, sum string) *run.Runner {
	t.Helper()
	dir := t.TempDir()
	dsc := "Source: python3.13\nVersion: VERSION\nChecksums-Sha256:\n " + sum + " 9 python3.13_UPSTREAM.orig.tar.xz\n"
	for name, script := range map[string]string{
		"apt-cache": "cat '" + filepath.Join(dir, "showsrc") + "'\n",
		"apt-get": `for last; do :; done
case " $* " in *" update "*) exit 0;; esac
v=${last#*=}; p=${v#*:}; u=${p%-*}
test "$v" != "` + absent + `" || { echo "404 Not Found" >&2; exit 100; }
sed "s/VERSION/$v/; s/UPSTREAM/$u/" '` + filepath.Join(dir, "dsc") + `' > "python3.13_$p.dsc"
printf '` + data + `' > "python3.13_$u.orig.tar.xz"
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"showsrc": showsrc(versions...), "dsc": dsc} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &run.Runner{Env: []string{"PATH=" + dir + ":" + os.Getenv("PATH")}}
}

// aMirror has every suite.
func aMirror(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	return server.URL
}

func sumOfText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// M-17: the archive is upstream's of the youngest version that can be had, checked
// against its description; another is refused. The machine's own apt is left alone.
func TestSource(t *testing.T) {
	url := aMirror(t)
	right := sumOfText("the sources")
	for name, c := range map[string]struct {
		versions    []string
		absent      string
		sum         string
		want, error string
	}{
		"the youngest":       {[]string{"3.13.5-2", "3.13.9-1"}, "", right, "3.13.9", ""},
		"not to be had":      {[]string{"3.13.5-2", "3.13.9-1"}, "3.13.9-1", right, "3.13.5", ""},
		"with an epoch":      {[]string{"1:3.13.5-2"}, "", right, "3.13.5", ""},
		"none to be had":     {[]string{"3.13.9-1"}, "3.13.9-1", right, "", "404 Not Found"},
		"another version":    {[]string{"3.12.5-2"}, "", right, "", "there are 3.12.5-2"},
		"another archive":    {[]string{"3.13.5-2"}, "", sumOfText("others"), "", "not sha256:"},
		"no such package":    {nil, "", right, "", "no suite has it"},
		"a lying checksum":   {[]string{"3.13.5-2"}, "", "abc", "", "no checksum"},
		"beside its version": {[]string{"3.13.5-2", "3.130.1-1"}, "", right, "3.13.5", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := sourceApt(t, c.versions, c.absent, "the sources", c.sum)
			dir := filepath.Join(t.TempDir(), "a folder")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			a, err := Mirror{R: r, URL: url}.Source(t.Context(), "python3.13", "3.13", dir)
			if c.error != "" {
				if err == nil || !strings.Contains(err.Error(), c.error) {
					t.Errorf("%v, want %q", err, c.error)
				}
				return
			}
			if err != nil || a.Version != c.want || a.Sum != "sha256:"+right || !strings.HasPrefix(a.File, dir) {
				t.Errorf("%+v, %v", a, err)
			}
			conf, err := os.ReadFile(filepath.Join(dir, "apt.conf"))
			if err != nil || !strings.Contains(string(conf), "#clear APT::Update::Post-Invoke;") || strings.Count(string(conf), dir) != 4 {
				t.Errorf("%s%v", conf, err)
			}
		})
	}
	r := sourceApt(t, []string{"3.13.5-2"}, "", "x", right)
	r.Offline = true
	_, err := Mirror{R: r, URL: url}.Source(t.Context(), "python3.13", "3.13", t.TempDir())
	wantMissing(t, err, NoProvider)
}

// The real apt believes what an apt of its own is told, and keeps to its folder.
func TestPrivateApt(t *testing.T) {
	r := &run.Runner{}
	if _, err := r.LookPath("apt-config"); err != nil {
		t.Skip("this machine has no apt")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "apt.conf"), []byte(aptConf(dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := r.Output(t.Context(), "", "apt-config", "-c", filepath.Join(dir, "apt.conf"), "dump")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`Dir::State "` + dir, `Dir::Cache "` + dir, `Dir::Etc::sourcelist "` + dir, `Dir::Etc::sourceparts "-"`} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(out, "\nAPT::Update::Post-Invoke::") || strings.Contains(out, "\nAPT::Update::Post-Invoke-Success::") {
		t.Error("hooks of this machine would be run")
	}
}

// M-17: an archive from elsewhere needs a checksum.
func TestFetched(t *testing.T) {
	r := &run.Runner{Env: []string{"MODWSGI_CACHE=" + t.TempDir()}}
	file := filepath.Join(t.TempDir(), "python.tar.xz")
	if err := os.WriteFile(file, []byte("the sources"), 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := Fetched(t.Context(), r, "modwsgi/test", "file:"+file, "3.13.5", t.TempDir())
	if data, _ := os.ReadFile(a.File); err != nil || string(data) != "the sources" || a.Sum != "sha256:"+sumOfText("the sources") {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := Fetched(t.Context(), r, "modwsgi/test", "https://python.example/a.tar.xz", "3.13.5", t.TempDir()); hint.Code(err) != hint.Refused {
		t.Errorf("without a checksum: %v", err)
	}
	if _, err := Fetched(t.Context(), r, "modwsgi/test", "nonsense://", "3.13.5", t.TempDir()); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
