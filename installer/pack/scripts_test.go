package pack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// Scripts are shell that dash and bash take, and do what their steps say.
func TestDefaultLink(t *testing.T) {
	sh := tool(t, "sh")
	root := filepath.Join(t.TempDir(), "mod_wsgi")
	half := func(abi string) {
		if err := os.MkdirAll(filepath.Join(root, abi), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, abi, "build.json"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := &run.Runner{}
	do := func(text string, args ...string) {
		t.Helper()
		if _, err := r.Output(t.Context(), "", sh, append([]string{"-c", text, "sh"}, args...)...); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	leads := func(want string) {
		t.Helper()
		if got, _ := os.Readlink(filepath.Join(root, "default")); got != want {
			t.Errorf("default leads to %q, not %q", got, want)
		}
	}
	one, two := plainScripts(steps{runtime: root, abi: "cpython-311"}), plainScripts(steps{runtime: root, abi: "cpython-313t"})
	half("cpython-311")
	do(one.AfterInstall)
	leads("cpython-311")
	half("cpython-313t")
	do(two.AfterInstall)
	leads("cpython-311") // the first stays
	do(one.BeforeRemove, "1")
	leads("cpython-311") // rpm: another version of the package is there
	do(one.BeforeRemove, "0")
	leads("cpython-313t")
	if err := os.RemoveAll(filepath.Join(root, "cpython-311")); err != nil {
		t.Fatal(err)
	}
	do(two.BeforeRemove)
	leads("") // nobody is left
	do(two.BeforeRemove)
	if err := os.Symlink("gone", filepath.Join(root, "default")); err != nil {
		t.Fatal(err)
	}
	do(two.AfterInstall)
	leads("cpython-313t") // one that leads nowhere is no choice
}

// on SUSE the module's name is put into the list when it is first installed, and
// taken from it with the last; where there is no a2enmod, nothing fails.
func TestSUSEScripts(t *testing.T) {
	sh, env := tool(t, "sh"), tool(t, "env")
	ours, classic := suseScripts(steps{module: "wsgi", runtime: "/x"}), suseScripts(steps{module: "wsgi-py311", restart: true})
	bin, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	for _, name := range []string{"a2enmod", "a2dismod"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!"+sh+"\necho "+name+" \"$@\" >> "+log+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := &run.Runner{}
	for _, path := range []string{bin, t.TempDir()} {
		for _, args := range [][]string{{ours.AfterInstall, "sh", "1"}, {ours.AfterInstall, "sh", "2"}, {ours.BeforeRemove, "sh", "1"}, {ours.BeforeRemove, "sh", "0"}} {
			if _, err := r.Output(t.Context(), "", env, append([]string{"PATH=" + path, sh, "-c"}, args...)...); err != nil {
				t.Errorf("%v\n%s", err, args[0])
			}
		}
	}
	if got, _ := os.ReadFile(log); string(got) != "a2enmod wsgi\na2dismod wsgi\n" {
		t.Errorf("%s", got)
	}
	if classic.AfterInstall != "" || classic.BeforeRemove != "" {
		t.Errorf("%+v", classic)
	}
}

// Without Debian's helper there is nothing to tell Apache, and a module with
// Python in it is never exchanged gracefully.
func TestDebianScripts(t *testing.T) {
	sh := tool(t, "sh")
	ours, classic := debianScripts(steps{module: "wsgi", runtime: "/x"}), debianScripts(steps{module: "wsgi-py311", restart: true})
	if !strings.Contains(ours.AfterInstall, "enmod wsgi reload") || !strings.Contains(classic.AfterInstall, "enmod wsgi-py311 restart") {
		t.Errorf("%s\n%s", ours.AfterInstall, classic.AfterInstall)
	}
	r := &run.Runner{}
	for _, text := range []string{ours.AfterInstall, ours.BeforeRemove, ours.AfterRemove, classic.BeforeRemove} {
		if _, err := r.Output(t.Context(), "", sh, "-n", "-c", text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		if !strings.HasPrefix(text, "#!/bin/sh\nset -e\n") || !strings.Contains(text, "if [ -e /usr/share/apache2/apache2-maintscript-helper ]") {
			t.Errorf("%s", text)
		}
	}
	if s := debianScripts(steps{}); s.AfterInstall == "" || s.BeforeRemove != "" || s.AfterRemove != "" {
		t.Errorf("%+v", s)
	}
}
