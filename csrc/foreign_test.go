package csrc

import (
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// C-5: what is dropped without asking the compiler, and what is left.
func TestSift(t *testing.T) {
	for _, c := range []struct {
		profile    Profile
		link       bool
		text, want string
	}{
		{ProfileApxs, false, "-O2 -g -fstack-protector-strong -Wall -D_REENTRANT -U FOO", "-O2 -g -fstack-protector-strong -Wall -D_REENTRANT -U FOO"},
		{ProfileApxs, false, "-flto=auto -ffat-lto-objects -flto-partition=none", "-ffat-lto-objects"},
		{ProfileApxs, false, "-march=native -mtune=generic -m64", "-m64"},
		{ProfileDistro, false, "-march=x86-64-v3 -mtune=generic -mcpu=x", "-march=x86-64-v3 -mtune=generic -mcpu=x"},
		{ProfileApxs, false, "-specs=/usr/lib/rpm/redhat/redhat-hardened-cc1 -specs=/there -fplugin=annobin", "-specs=/there -fplugin=annobin"},
		{ProfileDistro, false, "-fprofile-use -fno-profile-values -Wp,-MD,.x.d -Wp,-D_GLIBCXX_ASSERTIONS", "-Wp,-D_GLIBCXX_ASSERTIONS"},
		{ProfileApxs, false, "-isysroot /SDK -B /conda/compiler_compat -B/x -O1", "-O1"},
		{ProfileDistro, false, "-ffile-prefix-map=/build=. -fdebug-prefix-map=/build=/usr/src -O2", "-O2"},
		{ProfileApxs, false, "-Wl,-rpath,/x -rpath /x -L/x -L /y -lfoo -Xlinker -z -O3", "-O3"},
		{ProfileApxs, false, "-I. -Iinclude -I /usr/include -I/usr/include/ -I/there -I /gone/x", "-I/there"},
		{ProfileApxs, false, "-Werror -Werror=implicit -Wimplicit -std=c89 -fvisibility=hidden", "-Wimplicit"},
		{ProfileApxs, false, "-c x.c -o y -include z.h @file -O2", "-O2"},
		{ProfileApxs, true, "-Wl,-z,relro -Wl,-O1 -L/x -lfoo -Wl,-rpath,/x -m64 -specs=/gone -Wl,-z,defs -Wl,--build-id", "-Wl,-z,relro -Wl,-O1 -m64"},
		{ProfileDistro, true, "-Wl,-z,now -Wl,--build-id=sha1 -Wl,--as-needed -Wl,--no-undefined -Wl,-z,defs -flto -Wl,-z,execstack -fuse-ld=bfd", "-Wl,-z,now -Wl,--build-id=sha1 -Wl,--as-needed -fuse-ld=bfd"},
	} {
		missing := func(path string) bool {
			return strings.HasPrefix(path, "/usr/lib/rpm") || strings.HasPrefix(path, "/gone")
		}
		kept, dropped, err := sift(c.profile, origin{name: "CFLAGS", text: c.text, link: c.link}, missing)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(slices.Concat(kept...), " "); got != c.want {
			t.Errorf("%s: kept %q, want %q", c.text, got, c.want)
		}
		// Nothing is lost silently.
		list, _ := origin{text: c.text}.split()
		if len(kept)+len(dropped) != len(list) {
			t.Errorf("%s: %d words became %d and %d", c.text, len(list), len(kept), len(dropped))
		}
		for _, d := range dropped {
			if d.Why == "" || d.From != "CFLAGS" {
				t.Errorf("%+v", d)
			}
		}
	}
	if _, _, err := sift(ProfileApxs, origin{name: "CFLAGS", text: `-DX="a`}, absent); err == nil {
		t.Error("a quote that is not closed was read")
	}
}

// C-5: the compiler itself says which of the others it takes.
func TestTryForeign(t *testing.T) {
	r := &run.Runner{}
	command, _, err := FindCompiler(r, nil)
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	f, err := tryForeign(t.Context(), r, Compiler{Words: command}, ProfileApxs, []origin{
		{name: "CFLAGS of apxs", text: "-O2 -fno-such-option -fno-strict-aliasing --param no-such-parameter=1 -funsigned-char"},
		{name: "LDFLAGS of apxs", text: "-Wl,-z,relro -Wl,-z,no-such-keyword -Wl,-O1", link: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.Compile, " "); got != "-O2 -fno-strict-aliasing -funsigned-char" {
		t.Errorf("kept %q", got)
	}
	if got := strings.Join(f.Link, " "); got != "-Wl,-z,relro -Wl,-O1" {
		t.Errorf("linker: kept %q", got)
	}
	var words []string
	for _, d := range f.Dropped {
		words = append(words, d.Word+" "+d.From+" "+d.Why)
	}
	want := []string{
		"-fno-such-option CFLAGS of apxs the compiler rejects it",
		"--param no-such-parameter=1 CFLAGS of apxs the compiler rejects it",
		"-Wl,-z,no-such-keyword LDFLAGS of apxs the compiler rejects it",
	}
	if !slices.Equal(words, want) {
		t.Errorf("dropped %q", words)
	}
}

func TestParseProfile(t *testing.T) {
	for name, want := range map[string]Profile{"": ProfileDefault, "default": ProfileDefault, "distro": ProfileDistro, "apxs": ProfileApxs, "fast": ""} {
		if got, err := ParseProfile(name); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if b, err := ParseBuilder("apxs"); b != BuilderApxs || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// FuzzSift: no word of foreign flags gets past the filter that changes what the
// compiler is asked to do (C-5, C-7).
func FuzzSift(f *testing.F) {
	for _, seed := range []string{"-O2 -g", `-DX="a b" -I'/x y'`, "-Wl,-z,defs", "-o /etc/passwd", "@x", "-B x -isysroot", "-D", "-x c /dev/null", "-wrapper sh,-c"} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, link bool) {
		for _, p := range []Profile{ProfileApxs, ProfileDistro} {
			kept, dropped, err := sift(p, origin{text: text, link: link}, func(string) bool { return false })
			if err != nil {
				continue
			}
			list, _ := origin{text: text}.split()
			if len(kept)+len(dropped) != len(list) {
				t.Fatalf("%q: words are lost", text)
			}
			for _, g := range kept {
				for _, bad := range []string{"-o", "-B", "-wrapper", "-Wl,-rpath", "-L", "-l", "@", "-flto", "-c", "/"} {
					if g[0] == bad || strings.HasPrefix(g[0], bad) && len(bad) > 2 {
						t.Fatalf("%q: kept %q", text, g)
					}
				}
			}
		}
	})
}
