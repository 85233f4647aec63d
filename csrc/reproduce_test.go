package csrc

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// H-4: our tree, built twice in two folders, is the same byte for byte; and what
// comes out is protected (H-2).
func TestRealReproduce(t *testing.T) {
	if testing.Short() {
		t.Skip("builds everything twice")
	}
	if runtime.GOOS != "linux" {
		t.Skip("nothing is built on ", runtime.GOOS, " yet")
	}
	m := wholeMachine(t)
	done, err := Reproduce(t.Context(), &run.Runner{}, Options{Apache: m.apache, Python: m.pythons, Dir: "build", Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := done.Err(); err != nil {
		t.Errorf("%v: %+v", err, done.Differences)
	}
	if len(done.Sums) < 4+2*len(m.pythons) {
		t.Errorf("%d files", len(done.Sums))
	}
	for name, sum := range done.Sums {
		t.Logf("%.16s %s", sum, name)
	}
}

// The first section that differs is named.
func TestFirstDifference(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	build := func(name, text string, flags ...string) string {
		t.Helper()
		source, out := filepath.Join(dir, "x.c"), filepath.Join(dir, name)
		if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"-shared", "-fPIC", "-O2", "-Wl,--build-id=none", "-o", out, source}, flags...)
		if said, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		return out
	}
	const text = "int f(int x) { return x + 1; } const char s[] = \"abc\";"
	first := build("a.so", text)
	for _, c := range []struct{ name, other, want string }{
		{"nothing", build("b.so", text), ""},
		{"code", build("c.so", strings.Replace(text, "+ 1", "+ 2", 1)), ".text"},
		{"a constant", build("d.so", strings.Replace(text, "abc", "abd", 1)), ".rodata"},
		{"debug information", build("e.so", text, "-g"), "the list of sections, from "},
		{"no ELF file", filepath.Join(dir, "x.c"), "its content"},
	} {
		if got, err := FirstDifference(first, c.other); err != nil || got != c.want && !(strings.HasSuffix(c.want, " ") && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	r := Reproduction{Sums: map[string]string{"a": "1"}, Differences: []Difference{{"mod_wsgi.so", ".text"}}}
	if err := r.Err(); hint.Code(err) != hint.Unverified || !strings.Contains(err.Error(), "mod_wsgi.so in .text") {
		t.Errorf("%v", err)
	}
}

// H-5: the debug information goes, what a package needs of the file stays.
func TestStrip(t *testing.T) {
	if _, err := exec.LookPath("objcopy"); err != nil {
		t.Skip("no objcopy")
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	n := BuildNote{Target: "x.so", Link: "none"}
	text, err := n.text()
	if err != nil {
		t.Fatal(err)
	}
	source, full := filepath.Join(dir, "x.c"), filepath.Join(dir, "x.so")
	if err := os.WriteFile(source, []byte(noteSource(text, "linux")+"int f(int x) { return x; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(cc, "-g", "-shared", "-fPIC", "-Wl,--build-id=sha1", "-o", full, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	small, debug := filepath.Join(dir, "small.so"), filepath.Join(dir, "small.so.debug")
	if ok, err := Strip(t.Context(), &run.Runner{}, full, small, debug); !ok || err != nil {
		t.Fatal(ok, err)
	}
	before, after := mustHarden(t, full), mustHarden(t, small)
	b, err := Inspect(small)
	if err != nil || b.Build == nil || b.Build.Target != "x.so" || !after.Stripped || before.Stripped || after.BuildID != before.BuildID {
		t.Errorf("%+v, %+v, %v", b.Build, after, err)
	}
	if h := mustHarden(t, debug); h.BuildID != before.BuildID || h.Stripped {
		t.Errorf("debug file: %+v", h)
	}
	// Where there is no objcopy, the file is shipped as it is.
	if ok, err := Strip(t.Context(), &run.Runner{Env: []string{"PATH=/nowhere"}}, full, small, debug); ok || err != nil {
		t.Fatal(ok, err)
	}
	if d, err := FirstDifference(full, small); d != "" || err != nil {
		t.Errorf("a copy differs in %q, %v", d, err)
	}
}

func mustHarden(t *testing.T, path string) Hardening {
	t.Helper()
	h, err := ReadHardening(path)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
