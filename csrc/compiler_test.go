package csrc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/run"
)

// C-1: the environment, then Apache's, then the usual names; wrappers are
// looked behind.
func TestChooseCompiler(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"gcc", "clang", "apache-cc", "ccache", "my cc"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		cc     string
		apache []string
		want   []string // nil: an error
		files  int
	}{
		{"", nil, []string{"gcc"}, 1}, // there is no cc here
		{"", []string{"apache-cc", "-m64"}, []string{"apache-cc", "-m64"}, 1},
		{"", []string{"gone-cc"}, []string{"gcc"}, 1},
		{"clang -m64", []string{"apache-cc"}, []string{"clang", "-m64"}, 1},
		{"ccache gcc", nil, []string{"ccache", "gcc"}, 2},
		{"'" + filepath.Join(dir, "my cc") + "' -x", nil, []string{filepath.Join(dir, "my cc"), "-x"}, 1},
		{"gone-cc", nil, nil, 0},
		{"ccache gone-cc", nil, nil, 0},
		{"'gcc", nil, nil, 0},
	} {
		r := &run.Runner{Env: []string{"PATH=" + dir, "CC=" + c.cc}}
		command, files, err := FindCompiler(r, &apxs.Info{CC: c.apache})
		if !slices.Equal(command, c.want) || (err != nil) != (c.want == nil) || len(files) != c.files {
			t.Errorf("CC=%s, Apache's %q: %q, %q, %v", c.cc, c.apache, command, files, err)
		}
	}
}

// A compiler that lacks something gets what stands in for it: H-1, H-3, C-3, and
// S-4, S-8 for its linker.
func TestProbeCompiler(t *testing.T) {
	cc, err := (&run.Runner{}).LookPath("cc")
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	whole, err := probeCompiler(t.Context(), &run.Runner{}, []string{cc})
	if err != nil {
		t.Fatal(err)
	}
	if whole.Version == "" || whole.Machine == "" || len(whole.PrefixMap) == 0 {
		t.Errorf("%+v", whole)
	}
	for _, c := range []struct {
		name, lacks string
		right       func(c Compiler) bool
	}{
		{"no canary", "-fstack-protector-strong", func(c Compiler) bool { return len(c.Compile) == len(whole.Compile)-1 }},
		{"S-8 no separate code", "-Wl,-z,separate-code", func(c Compiler) bool {
			return !slices.Contains(c.Link, "-Wl,-z,separate-code") && slices.Contains(c.Link, "-Wl,-z,relro")
		}},
		{"H-1 an old C library", "-D_FORTIFY_SOURCE=3", func(c Compiler) bool { return slices.Contains(c.Compile, "-D_FORTIFY_SOURCE=2") }},
		{"H-3 an old compiler", "-ffile-prefix-map=*", func(c Compiler) bool {
			return slices.Equal(c.PrefixMap, []string{"-fdebug-prefix-map", "-fmacro-prefix-map"})
		}},
		{"H-3 an older one", "-f[fm]*-prefix-map=*", func(c Compiler) bool { return slices.Equal(c.PrefixMap, []string{"-fdebug-prefix-map"}) }},
		{"S-4 no version scripts", "-Wl,--version-script=*", func(c Compiler) bool { return !c.Exports && whole.Exports }},
		{"C-3 no prctl", "-DWANT_PRCTL", func(c Compiler) bool { return !c.Prctl }},
	} {
		// A compiler in front of the real one that does not know one word.
		picky := filepath.Join(t.TempDir(), "cc")
		script := "#!/bin/sh\nfor a; do case $a in " + c.lacks + ") echo \"unrecognized command-line option $a\" >&2; exit 1;; esac; done\nexec " + cc + " \"$@\"\n"
		if err := os.WriteFile(picky, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		got, err := probeCompiler(t.Context(), &run.Runner{}, []string{picky})
		if err != nil || !c.right(got) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
	// C-3: one whose own C is older is told to read a newer one.
	old, err := probeCompiler(t.Context(), &run.Runner{}, []string{cc, "-std=gnu99"})
	if err != nil || !slices.Equal(old.Std, []string{"-std=gnu11"}) || len(whole.Std) != 0 {
		t.Errorf("%q, %q, %v", old.Std, whole.Std, err)
	}
	f := planFacts()
	f.Classic, f.Compiler.Std, f.Compiler.Prctl = true, []string{"-std=gnu11"}, true
	if base := strings.Join(f.base(), " "); !strings.HasPrefix(base, "-std=gnu11 ") || !strings.HasSuffix(base, " -DHAVE_PRCTL=1") {
		t.Errorf("%s", base)
	}
}
