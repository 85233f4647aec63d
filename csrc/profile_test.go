package csrc_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
)

// compilesOf are the lines that compile a source.
func compilesOf(w *csrctest.World) (compiles, links []string) {
	for _, line := range w.Lines() {
		switch {
		case strings.Contains(line, " -c mod_wsgi.c"):
			compiles = append(compiles, line)
		case strings.Contains(line, "-soname"):
			links = append(links, line)
		}
	}
	return compiles, links
}

// C-4: whose flags a build has; none of it starts a program when nothing changed.
func TestProfiles(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	plain := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"CC", "CFLAGS", "CPPFLAGS", "LDFLAGS"}, name)
	})
	apxs := filepath.Join(w.Root, "apxs")
	script := "#!/bin/sh\ncase $2 in\nCFLAGS) echo '-O1 -flto -march=native -funsigned-char';;\nLDFLAGS) echo '-Wl,-z,relro -L/nowhere';;\n" +
		"EXTRA_CFLAGS) echo -fsigned-char; exit 1;;\nSHLTCFLAGS) echo 'apxs:Error: Invalid query string' >&2; exit 1;;\nesac\n"
	if err := os.WriteFile(apxs, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	w.Apache.Apxs = apxs
	for _, c := range []struct {
		profile      csrc.Profile
		has, hasNot  []string // of a compile
		link, noLink []string
		dropped      []string
	}{
		{profile: "", has: []string{"-O2", "-g", "-Wall"}, hasNot: []string{"-O3", "-funsigned-char", "-O1"}},
		{profile: csrc.ProfileDistro,
			has:    []string{"-O3", "-march=x86-64", "-DFROM_DISTRO", "-fPIC", "-frandom-seed=", "-I"},
			hasNot: []string{"-O2", " -g ", "-Wall", "-fstack-protector", "_FORTIFY_SOURCE", "-flto"},
			link:   []string{"-Wl,-z,now"}, noLink: []string{"noexecstack", "-z,defs"}, dropped: []string{"-flto", "-Wl,-z,defs"}},
		{profile: csrc.ProfileApxs,
			has: []string{"-O2", "-O1", "-funsigned-char", "-fsigned-char"}, hasNot: []string{"-flto", "-march"},
			link: []string{"-Wl,-z,relro"}, noLink: []string{"/nowhere"}, dropped: []string{"-flto", "-march=native", "-L/nowhere"}},
	} {
		o := w.Classic("build "+string(c.profile), 0)
		o.Profile = c.profile
		w.Env = append(plain, "CFLAGS=-O3 -march=x86-64 -flto", "CPPFLAGS=-DFROM_DISTRO", "LDFLAGS=-Wl,-z,now -Wl,-z,defs")
		w.Lines()
		a := w.Build(o)
		compiles, links := compilesOf(w)
		if len(compiles) != 1 || len(links) != 1 {
			t.Fatalf("%q %q", compiles, links)
		}
		for _, e := range []struct {
			in   string
			word []string
			want bool
		}{{compiles[0], c.has, true}, {compiles[0], c.hasNot, false}, {links[0], c.link, true}, {links[0], c.noLink, false}} {
			for _, word := range e.word {
				if strings.Contains(e.in, word) != e.want {
					t.Errorf("%q: %s: want %v in %s", c.profile, word, e.want, e.in)
				}
			}
		}
		var dropped []string
		for _, d := range a.Dropped {
			dropped = append(dropped, d.Word)
		}
		if !slices.Equal(dropped, c.dropped) {
			t.Errorf("%q: dropped %q", c.profile, dropped)
		}
		b, err := csrc.Inspect(a.Module)
		if err != nil {
			t.Fatal(err)
		}
		want := c.profile
		if want == "" {
			want = csrc.ProfileDefault
		}
		if b.Build == nil || b.Build.Profile != want {
			t.Errorf("%q: build note %+v", c.profile, b.Build)
		}
		again := w.Build(o)
		if ran := w.Lines(); len(ran) != 0 || len(again.Dropped) != len(a.Dropped) {
			t.Errorf("%q again: %q", c.profile, ran)
		}
	}
	o := w.Classic("refused", 0)
	o.Profile = "fast"
	if _, err := csrc.Build(t.Context(), w.Runner(), o); hint.Code(err) != hint.Usage {
		t.Errorf("a profile that is none: %v", err)
	}
	o.Profile, w.Apache.Apxs = csrc.ProfileApxs, ""
	if _, err := csrc.Build(t.Context(), w.Runner(), o); hint.Code(err) != hint.Usage || !strings.Contains(err.Error(), "there is none") {
		t.Errorf("the profile apxs without one: %v", err)
	}
}

// C-3: definitions of the caller reach every file; what is none is refused.
func TestDefines(t *testing.T) {
	t.Parallel()
	w := csrctest.New(t)
	o := w.Classic("build", 0)
	o.Defines = []string{"-DMOD_WSGI_DISABLE_EMBEDDED"}
	w.Build(o)
	if compiles, _ := compilesOf(w); len(compiles) != 1 || !strings.Contains(compiles[0], " -DMOD_WSGI_DISABLE_EMBEDDED ") {
		t.Errorf("%q", compiles)
	}
	o.Defines = []string{"-O3"}
	if _, err := csrc.Build(t.Context(), w.Runner(), o); hint.Code(err) != hint.Usage {
		t.Errorf("%v", err)
	}
}
