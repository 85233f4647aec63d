package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/installer"
	"modwsgi/internal/run"
	"modwsgi/internal/treetest"
	"modwsgi/pybuild"
)

// distribution is a copy of Debian's own Apache, its configuration and modules:
// what is installed goes there, and nothing of the machine changes.
func distribution(p *place) apxs.Info {
	p.t.Helper()
	info, err := apxs.Find(p.t.Context(), &run.Runner{}, "")
	if err != nil || info.Family != apxs.FamilyDebian || info.ConfFile != "/etc/apache2/apache2.conf" {
		p.t.Skipf("this is not Debian's Apache (%s, %v)", info.Family, err)
	}
	etc, modules := filepath.Join(p.t.TempDir(), "apache2"), p.path("modules") // a2enmod cannot do with quotes in the first
	if out, err := exec.Command("cp", "-a", info.ConfDir, etc).CombinedOutput(); err != nil {
		p.t.Skipf("the configuration cannot be copied: %s", out)
	}
	own, err := filepath.Glob(etc + "/mods-*/wsgi*") // of a package
	if err != nil {
		p.t.Fatal(err)
	}
	for _, path := range own {
		if err := os.Remove(path); err != nil {
			p.t.Fatal(err)
		}
	}
	files, err := filepath.Glob(info.ModulesDir + "/mod_*.so")
	if err := errors.Join(err, os.Mkdir(modules, 0o755)); err != nil {
		p.t.Fatal(err)
	}
	for _, file := range files {
		if name := filepath.Base(file); name != "mod_wsgi.so" {
			if err := os.Symlink(file, filepath.Join(modules, name)); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	info.ConfDir, info.ConfFile, info.Root, info.ModulesDir = etc, etc+"/apache2.conf", etc, modules
	data, err := json.Marshal(info)
	if err != nil {
		p.t.Fatal(err)
	}
	noted := p.t.TempDir()
	p.env = append(p.env, "MODWSGI_APACHE_CONFIG="+p.write("apache.json", string(data)), "APACHE_STATE_DIRECTORY="+noted, "MODWSGI_CACHE="+filepath.Join(sharedCache(p.t), "modwsgi"))
	return info
}

// installing is a place with a distribution to install into.
type installing struct {
	*place
	info apxs.Info
}

func newInstalling(t *testing.T) *installing {
	t.Helper()
	if os.Getenv("MODWSGI_TEST_MODULE") != "" {
		t.Skip("another module is being tried")
	}
	p := newPlace(t)
	x := &installing{p, distribution(p)}
	for i, word := range p.as {
		if word == "--python-executable" {
			p.env = append(p.env, "MODWSGI_PYTHON="+p.as[i+1])
		}
	}
	return x
}

// want runs the program and looks at its exit status and what it says.
func (x *installing) want(code int, said string, words ...string) string {
	x.t.Helper()
	out, got := x.run(words...)
	if got != code || !strings.Contains(out, said) {
		x.t.Errorf("%q: exit status %d, want %d and %q\n%s", words, got, code, said, out)
	}
	return out
}

// tree is all that an installation may change.
func (x *installing) tree() []string {
	x.t.Helper()
	return append(treetest.Tree(x.t, x.info.ConfDir), treetest.Tree(x.t, x.info.ModulesDir)...)
}

// proved is what install says of what it has installed and proved.
const proved = "and enabled: Apache loads it at its next start\n  static: passed\n  load: passed\n  config: passed\n  run: passed\n"

// I-3, I-9, T-8: install, check, roll back and uninstall, as typed, with
// Debian's own Apache.
func TestInstallVerbs(t *testing.T) {
	x := newInstalling(t)
	info, want, tree := x.info, x.want, x.tree
	before := tree()
	want(3, "nothing is installed in", "check")
	want(3, "nothing is installed in", "uninstall")
	want(0, "# /etc/apt/apt.conf.d/90mod-wsgi\n", "check", "--hook", "apt") // I-9
	want(0, "install it into "+info.ModulesDir, "install", "--dryrun")
	treetest.Same(t, "a dry run", tree(), before)
	want(0, proved, "install")
	want(0, "nothing has changed", "install")
	want(0, "nothing: all is there", "install", "--dryrun")
	want(0, "as it was installed", "check")
	want(3, "nothing is known of an earlier installation", "rollback")

	site := filepath.Join(info.ConfDir, "conf-enabled", "site.conf")
	if err := os.WriteFile(site, []byte("WSGIDaemonProcess site\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	want(5, "site.conf:1: WSGIDaemonProcess", "uninstall")
	if err := os.Remove(site); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(info.ModulesDir, "mod_wsgi.so"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(6, "has the permissions 0600", "check")
	want(0, "rm -d ", "uninstall", "--dryrun")
	want(0, `"kept": []`, "uninstall", "--json")
	treetest.Same(t, "uninstalled", tree(), before)

	if err := os.WriteFile(site, []byte("LoadModule wsgi_module /no/such/mod_wsgi.so\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before = tree()
	want(5, "--other-module replace", "install")
	want(4, "refused by Apache as it is, before anything is changed", "install", "--other-module", "replace")
	treetest.Same(t, "refused", tree(), before)
}

// original names a release of the original, by a folder of this machine or by the
// index of Python packages.
func (x *installing) original() string {
	x.t.Helper()
	if dir := os.Getenv("MODWSGI_CLASSIC_SOURCE"); dir != "" {
		return dir
	}
	const spec = "pypi:6.0.5"
	if out, code := x.run("fetch", spec); code != 0 {
		x.t.Skipf("MODWSGI_CLASSIC_SOURCE names no release of the original, and %s cannot be fetched: %s", spec, out)
	}
	return spec
}

// S-10, X-1 to X-6: a release of the original is built, installed under the name of
// its Python, proved at all levels, rolled back and taken away; beside our own.
func TestInstallOriginal(t *testing.T) {
	x := newInstalling(t)
	source, before := x.original(), x.tree()
	x.want(0, "tell Apache of it, and prove it there", "install", "--source", source, "--dryrun")
	treetest.Same(t, "a dry run", x.tree(), before)
	x.want(0, proved, "install", "--source", source)
	modules, err := filepath.Glob(x.info.ModulesDir + "/mod_wsgi-py3*.so")
	if err != nil || len(modules) != 1 {
		t.Fatalf("%q, %v", modules, err)
	}
	flavour := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(modules[0]), "mod_wsgi-"), ".so")
	x.want(0, "nothing has changed", "install", "--source", source)
	x.want(0, "as it was installed", "check")
	with := x.tree()
	x.want(5, "--other-module replace", "install")
	x.want(0, proved, "install", "--other-module", "replace")
	x.want(6, "loads another wsgi_module", "check", "--flavour", flavour)
	x.want(0, "uninstalled from", "uninstall", "--restore")
	treetest.Same(t, "ours gone", x.tree(), with)
	if err := os.Chmod(modules[0], 0o600); err != nil {
		t.Fatal(err)
	}
	if out := x.want(6, "has the permissions 0600", "check", "--flavour", flavour); strings.Contains(out, "install again") {
		t.Error(out)
	}
	if err := os.Remove(modules[0]); err != nil {
		t.Fatal(err)
	}
	x.want(6, "install again: mod_wsgi-express install --source "+source, "check")
	x.want(0, proved, "install", "--source", source)
	x.want(0, "uninstalled from", "uninstall")
	treetest.Same(t, "uninstalled", x.tree(), before)
}

// I-9: a module with another interface number (a byte on the wire), installed for another Python than is
// served: the half that was there is built for it too, and both answer.
func TestInstallNewerInterface(t *testing.T) {
	x := newInstalling(t)
	other := x.otherPython()
	before := x.tree()
	x.want(0, proved, "install")

	newer, wire := x.path("newer"), ""
	if err := os.CopyFS(newer, csrc.Sources()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(newer, "wsgi_wire.h"))
	if err == nil {
		wire = regexp.MustCompile(`(?m)^(#define[ \t]+WSGI_INTERFACE_VERSION[ \t]+)\d+`).ReplaceAllString(string(data), "${1}250")
		err = os.WriteFile(filepath.Join(newer, "wsgi_wire.h"), []byte(wire), 0o644)
	}
	if err != nil || !strings.Contains(wire, "250") {
		t.Fatal(err)
	}
	x.want(0, proved, "install", "--source", newer, "--python", other)
	l, err := installer.Locate(x.info.ModulesDir)
	if err != nil || l.Apache.Interface != 250 || len(l.Halves) != 2 || l.Halves[0].Info.Interface != 250 || l.Halves[1].Info.Interface != 250 {
		t.Errorf("%+v, %v", l, err)
	}
	x.want(0, "as it was installed", "check")
	x.want(0, "again, as installed at", "rollback")
	if l, err := installer.Locate(x.info.ModulesDir); err != nil || l.Apache.Interface == 250 || len(l.Halves) != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	x.want(0, "uninstalled from", "uninstall")
	treetest.Same(t, "uninstalled", x.tree(), before)
}

// otherPython is one of another version than the tests run with.
func (x *installing) otherPython() string {
	x.t.Helper()
	own, err := pybuild.Find(x.t.Context(), &run.Runner{Env: x.env}, "")
	if err != nil {
		x.t.Skip(err)
	}
	for _, c := range pybuild.Candidates(x.t.Context(), &run.Runner{Env: x.env}) {
		if c.Usable && c.Info.ABI != own.ABI && !c.Info.ABI.Free && installer.ClosedOnTheWay(c.Info.Prefix) == "" && installer.ClosedOnTheWay(c.Info.LibPython) == "" {
			return c.Executable
		}
	}
	x.t.Skip("there is no other Python here that the server's user can reach")
	return ""
}
