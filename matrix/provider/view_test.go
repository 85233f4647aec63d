package provider

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// texts are steps as lines, with neutral names for the two folders.
func texts(steps []step, tree, base string) []string {
	var list []string
	for _, s := range steps {
		list = append(list, strings.NewReplacer(tree, "TREE", base, "BASE").Replace(s.String()))
	}
	return list
}

// fakeTree is a folder with what stands in the way of paths of this machine.
func fakeTree(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	for _, dir := range []string{"usr/bin", "srv", "mnt/data"} {
		if err := os.MkdirAll(filepath.Join(tree, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(tree, "home")); err != nil {
		t.Fatal(err)
	}
	return tree
}

// M-16: what is mounted in a run, and that the tree is only ever below: what the
// program changes is in memory.
func TestSteps(t *testing.T) {
	tree, base := fakeTree(t), "/base"
	program := filepath.Join(t.TempDir(), "mod_wsgi-express")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	results := t.TempDir()
	steps, err := view{tree: tree, read: []string{program}, write: []string{results}}.steps(base)
	if err != nil {
		t.Fatal(err)
	}
	got := texts(steps, tree, base)
	want := []string{
		"tmpfs BASE mode=0755,size=50%", "folder BASE/root", "folder BASE/upper", "folder BASE/work",
		"overlay BASE/root lowerdir=TREE,upperdir=BASE/upper,workdir=BASE/work",
		"bind /proc BASE/root/proc ro", "tmpfs BASE/root/tmp mode=1777",
		"bind /dev/null BASE/root/dev/null ro",
		"bind " + program + " BASE/root" + program + " ro", "bind " + results + " BASE/root" + results,
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("there is no %q in\n%s", line, strings.Join(got, "\n"))
		}
	}
	for i, s := range steps {
		if s.do == "bind" && !s.ro && s.from != results {
			t.Errorf("%s may be written", s)
		}
		if !strings.HasPrefix(s.to, base) {
			t.Errorf("%s is not below the view", s)
		}
		if (s.do == "bind" || s.do == "file") && !slices.ContainsFunc(steps[:i], func(b step) bool { return b.to == filepath.Dir(s.to) || strings.HasSuffix(s.to, "/proc") }) {
			t.Errorf("nothing makes the folder for %s", s)
		}
	}
	steps, err = view{tree: tree, lasting: true}.steps(base)
	if got := texts(steps, tree, base); err != nil || !slices.Contains(got, "bind TREE BASE/root") || strings.Contains(strings.Join(got, " "), "overlay") {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := (view{tree: "/a,b"}).steps(base); err == nil {
		t.Error("a comma would end the option of the tree")
	}
	if _, err := (view{tree: tree, read: []string{"/no/such/file"}}).steps(base); err == nil {
		t.Error("a file that is not there was given")
	}
}

// A path of this machine hides nothing of the tree, and goes through no link of it.
func TestInTree(t *testing.T) {
	tree := fakeTree(t)
	for path, want := range map[string]string{
		"/tmp/x/results": "", "/run/x": "", "/work/build": "", "/srv/cache": "", "/srv": "", "/mnt": "/mnt",
		"/usr/bin": "", "/usr": "/usr", "/home/me/cache": "/home", "/home": "/home", "/proc/1": "/proc", "/dev/shm/x": "/dev", "/tmp": "/tmp", "/sys": "/sys",
	} {
		if got := inTree(tree, path); got != want {
			t.Errorf("%s: %q stands in the way, want %q", path, got, want)
		}
	}
}
