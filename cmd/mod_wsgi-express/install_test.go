package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/run"
	"modwsgi/internal/treetest"
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

// I-3, I-9, T-8: install, check, roll back and uninstall, as typed, with
// Debian's own Apache.
func TestInstallVerbs(t *testing.T) {
	if os.Getenv("MODWSGI_TEST_MODULE") != "" {
		t.Skip("another module is being tried")
	}
	p := newPlace(t)
	info := distribution(p)
	for i, word := range p.as {
		if word == "--python-executable" {
			p.env = append(p.env, "MODWSGI_PYTHON="+p.as[i+1])
		}
	}
	want := func(code int, said string, words ...string) {
		t.Helper()
		out, got := p.run(words...)
		if got != code || !strings.Contains(out, said) {
			t.Errorf("%q: exit status %d, want %d and %q\n%s", words, got, code, said, out)
		}
	}
	tree := func() []string { return append(treetest.Tree(t, info.ConfDir), treetest.Tree(t, info.ModulesDir)...) }
	before := tree()
	want(3, "nothing is installed in", "check")
	want(3, "nothing is installed in", "uninstall")
	want(0, "# /etc/apt/apt.conf.d/90mod-wsgi\n", "check", "--hook", "apt") // I-9
	want(0, "install it into "+info.ModulesDir, "install", "--dryrun")
	treetest.Same(t, "a dry run", tree(), before)
	want(0, "and enabled: Apache loads it at its next start\n  static: passed\n  load: passed\n  config: passed\n  run: passed\n", "install")
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
