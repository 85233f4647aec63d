package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"modwsgi/internal/treetest"
)

// archive packs, and gives the file with that ending.
func (x *installing) archive(ending string, words ...string) string {
	x.t.Helper()
	dist := x.path("dist")
	x.want(0, ".tar.gz", append([]string{"package", "tar", "--dist", dist}, words...)...)
	list, err := filepath.Glob(dist + "/*.tar." + ending)
	if err != nil || len(list) != 1 {
		x.t.Fatalf("%q, %v", list, err)
	}
	return list[0]
}

// an archive of package tar is installed as if it had been built: the same
// levels, dry run, staging, rollback and undoing, here also after kill -9.
func TestInstallArchive(t *testing.T) {
	x := newInstalling(t)
	file := x.archive("zst")
	x.want(0, ": 2 packages, 2 bills of materials, 1 statements, 0 sources of modwsgi.lock, 0 faults", "verify-artifacts", filepath.Dir(file)) // B-3
	before := x.tree()
	x.want(0, "mods-available/wsgi.load", "install", file, "--dryrun")
	treetest.Same(t, "a dry run", x.tree(), before)

	// Killed as soon as something is noted.
	cmd := x.command("install", "--archive", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(filepath.Dir(x.dir), "state", "journal", "journal")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if data, err := os.ReadFile(log); err == nil && strings.Count(string(data), "\n") > 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was noted")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed
	x.want(5, "rollback", "install", file)
	x.want(0, "as before: installing into", "rollback")
	treetest.Same(t, "killed", x.tree(), before)

	x.want(0, proved, "install", file)
	x.want(0, "nothing has changed", "install", "--archive", strings.TrimSuffix(file, "zst")+"gz")
	x.want(0, "as it was installed", "check")
	unnamed := *x.place // the Python is then the one that the archive was built with
	unnamed.env = append(slices.Clone(x.env), "MODWSGI_PYTHON=", "PYTHON=")
	(&installing{&unnamed, x.info}).want(0, "nothing has changed", "install", file)
	newer := x.info
	newer.MMN.Major++
	data, err := json.Marshal(newer)
	if err != nil {
		t.Fatal(err)
	}
	if out := x.want(5, "cannot be installed here: it is for the module interface AP24 ", "install", file, "--apache-config", x.write("newer.json", string(data))); !strings.Contains(out, "build it on this machine") {
		t.Error(out)
	}
	x.want(2, "two archives", "install", file, "--archive", file)
	x.want(2, "name one of the two", "install", file, "--source", x.dir)
	if err := os.Remove(filepath.Join(x.info.ModulesDir, "mod_wsgi.so")); err != nil {
		t.Fatal(err)
	}
	x.want(6, "install again: mod_wsgi-express install ", "check")
	x.want(0, "uninstalled from", "uninstall")
	treetest.Same(t, "uninstalled", x.tree(), before)

	root := x.path("root")
	x.want(0, "mod_wsgi.so is installed", "install", file, "--destdir", root)
	if list, err := filepath.Glob(root + x.info.ModulesDir + "/mod_wsgi/cpython-*/wsgi-host"); err != nil || len(list) != 1 {
		t.Errorf("%q, %v", list, err)
	}
	treetest.Same(t, "staged", x.tree(), before)

	x.write("dist/"+filepath.Base(file), "changed")
	x.want(4, filepath.Base(file)+" has another sum", "verify-artifacts", "--dist", x.path("dist"))
	bad := x.write("bad.tar.gz", "no archive")
	x.want(5, "neither a tar.gz nor a tar.zst", "install", bad)
	x.want(3, "no such file", "install", x.path("gone.tar.gz"))
	if left, err := filepath.Glob(filepath.Dir(x.dir) + "/modwsgi-archive-*"); err != nil || len(left) > 1 { // that of the one that was killed
		t.Errorf("left over: %q, %v", left, err)
	}
}

// the same of a release of the original.
func TestInstallOriginalArchive(t *testing.T) {
	x := newInstalling(t)
	file := x.archive("gz", "--source", x.original())
	statements, err := filepath.Glob(x.path("dist/*.intoto.json"))
	if err != nil || len(statements) != 1 {
		t.Fatalf("%q, %v", statements, err)
	}
	if data, err := os.ReadFile(statements[0]); err != nil || !strings.Contains(string(data), `"httpd"`) || !strings.Contains(string(data), `"C sources"`) || strings.Contains(string(data), x.info.Httpd) { // B-2
		t.Errorf("%s, %v", data, err)
	}
	before := x.tree()
	x.want(0, proved, "install", file)
	x.want(0, "nothing has changed", "install", file)
	x.want(0, "as it was installed", "check")
	x.want(0, "uninstalled from", "uninstall")
	treetest.Same(t, "uninstalled", x.tree(), before)
}
