package pack

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// files are the packages of a format in a folder, without what lies beside them.
func (x packed) files(t *testing.T, format, end, family string) []string {
	t.Helper()
	o := x.o
	o.Family = family
	dir := kept(t, ending(made(t, format, x.b, o), end))
	files, err := filepath.Glob(filepath.Join(dir, "*"+end))
	if err != nil || len(files) != 6 {
		t.Fatalf("%q, %v", files, err)
	}
	return files
}

// lintian names no errors, of what can be said of a build that is not real.
func (x packed) testLintian(t *testing.T) {
	t.Parallel()
	lintian := tool(t, "lintian")
	out := ask(t, lintian, append([]string{"--allow-root", "--fail-on", "none"}, x.files(t, "deb", ".deb", "")...)...)
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "E: ") {
			t.Error(line)
		}
	}
}

// rpmlint names no errors but that nobody has signed, and one of its own: it takes
// "any" at the end of a name for a language, of which the package has no texts.
func (x packed) testRPMLint(t *testing.T) {
	t.Parallel()
	rpmlint := tool(t, "rpmlint")
	for _, family := range []string{"fedora", "suse"} {
		r := &run.Runner{}
		out, _ := r.Output(t.Context(), "", rpmlint, x.files(t, "rpm", ".rpm", family)...) // it fails where there are errors
		seen := 0
		for line := range strings.Lines(out) {
			words := strings.Fields(line)
			if len(words) < 3 || words[1] != "E:" {
				continue
			}
			seen++
			known := words[2] == "no-signature" || strings.HasSuffix(strings.Join(words[2:], " "), "no-dependency-on locales-any")
			if !known {
				t.Errorf("%s: %s", family, line)
			}
		}
		if seen < 6 {
			t.Errorf("%s: it did not look at all packages:\n%s", family, out)
		}
	}
}

// Y-7: pacman reads what was written, with its relations.
func (x packed) testPacman(t *testing.T) {
	t.Parallel()
	pacman := tool(t, "pacman")
	for _, file := range x.files(t, "arch", ".pkg.tar.zst", "") {
		name := filepath.Base(file)
		info := ask(t, pacman, "-Qip", file)
		for _, want := range []string{"Version         : " + x.b.Layout.Apache.Version + "-1", "Licenses        : Apache-2.0", "Packager        : " + contact} {
			if !strings.Contains(info, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, info)
			}
		}
		list := strings.Split(ask(t, pacman, "-Qlp", file), "\n")
		if strings.HasPrefix(name, "mod_wsgi-any-0") && !slices.Contains(list, "mod_wsgi-any /etc/httpd/conf/extra/httpd-wsgi.conf") {
			t.Errorf("%s: %q", name, list)
		}
	}
}

// Y-7: rpm2cpio and cpio find the files of an rpm's payload.
func (x packed) testPayload(t *testing.T) {
	t.Parallel()
	convert, cpio, sh := tool(t, "rpm2cpio"), tool(t, "cpio"), tool(t, "sh")
	for _, file := range x.files(t, "rpm", ".rpm", "fedora") {
		if !strings.HasPrefix(filepath.Base(file), "mod_wsgi-any-0") {
			continue
		}
		list := ask(t, sh, "-c", `"$0" "$2" | "$1" -t --quiet`, convert, cpio, file)
		for _, want := range []string{"./usr/lib64/httpd/modules/mod_wsgi.so\n", "./usr/libexec/mod_wsgi/wsgi-supervisor\n"} {
			if !strings.Contains(list+"\n", want) {
				t.Errorf("%s is not in\n%s", want, list)
			}
		}
	}
}
