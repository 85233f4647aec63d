package provider

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// aMaker makes things in a cache of its own.
func aMaker(t *testing.T) Maker {
	t.Helper()
	cache := filepath.Join(t.TempDir(), "cache")
	r := &run.Runner{Env: append(os.Environ(), "MODWSGI_CACHE="+cache)}
	for _, program := range []string{"make", "cc", "tar", "nice"} {
		if _, err := r.LookPath(program); err != nil {
			t.Skipf("%s is not here", program)
		}
	}
	return Maker{R: r, Store: &Store{Dir: cache, R: r}, Jobs: 1}
}

// somebodysSources is an archive of something that is made with configure and make.
func somebodysSources(t *testing.T, recipe string) string {
	t.Helper()
	dir := t.TempDir()
	top := filepath.Join(dir, "thing-3.13.5")
	if err := os.Mkdir(top, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"configure": "#!/bin/sh\nset -e\nfor a; do case $a in --prefix=*) echo \"prefix=${a#*=}\" > config.mk;; esac; done\necho \"$*\" > asked\n",
		"Makefile":  "include config.mk\n" + recipe,
	} {
		if err := os.WriteFile(filepath.Join(top, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	archive := filepath.Join(dir, "thing.tar.gz")
	if _, err := (&run.Runner{}).Run(t.Context(), run.Cmd{Path: "tar", Args: []string{"-czf", archive, "-C", dir, "thing-3.13.5"}}); err != nil {
		t.Fatal(err)
	}
	return "file:" + archive
}

const makesPython = "all:\n\techo '#!/bin/sh' > python\ninstall:\n\tmkdir -p $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/include/python3.13t\n\tcp python $(DESTDIR)$(prefix)/bin/python3.13t\n\tcp asked $(DESTDIR)$(prefix)/asked\n" +
	"\tprintf '\\043define PY_MAJOR_VERSION\\t3\\n\\043define PY_MINOR_VERSION\\t13\\n\\043define PY_MICRO_VERSION\\t5\\n\\043define PY_RELEASE_SERIAL 0\\n' > $(DESTDIR)$(prefix)/include/python3.13t/patchlevel.h\n"

// makesHttpd makes an httpd that says it is 2.4.58.
const makesHttpd = "all:\ninstall:\n\tmkdir -p $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/include\n\ttouch $(DESTDIR)$(prefix)/bin/apxs\n" +
	"\tprintf '\\043define AP_SERVER_MAJORVERSION_NUMBER 2\\n\\043define AP_SERVER_MINORVERSION_NUMBER 4\\n\\043define AP_SERVER_PATCHLEVEL_NUMBER 58\\n\\043define AP_SERVER_DEVBUILD_BOOLEAN 0\\n' > $(DESTDIR)$(prefix)/include/ap_release.h\n"

// M-16: a release of httpd that the distribution does not have is made of the archive
// that is named for it, a file or what a server has; one that has another sum, or is of
// another release, is refused, and nothing is left of it.
func TestPrefixArchive(t *testing.T) {
	if lacking := httpdRecipe("2.4").lacking(t.Context(), &run.Runner{}); len(lacking) > 0 {
		t.Skipf("the headers %v are not here", lacking)
	}
	file := strings.TrimPrefix(somebodysSources(t, makesHttpd), "file:")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sumOfText(string(data))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(data) }))
	t.Cleanup(server.Close)
	for _, tt := range []struct{ name, version, from, want string }{
		{"a file", "2.4.58", file, ""},
		{"a file with its sum", "2.4.58", file + "#sha256=" + sum, ""},
		{"a URL", "2.4.58", server.URL + "/httpd.tar.gz#sha256=" + sum, ""},
		{"another file", "2.4.58", file + "#sha256=" + sumOfText("x"), "the archive has sha256:" + sum},
		{"another release", "2.4.5", file, file + ` is release "2.4.58", and not 2.4.5`},
		{"a file that is gone", "2.4.58", file + ".gone", "there is no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := aMaker(t)
			m.R = m.R.With("MODWSGI_ALLOW_HTTP=1")
			p := All(m, map[string]string{tt.version: tt.from, "2.4.1": "file:/other"})[1]
			machine, err := p.Machine(t.Context(), tt.version)
			if tt.want == "" {
				if err != nil || machine.Stamp().Sum != "sha256:"+sum {
					t.Errorf("%+v, %v", machine, err)
				}
				return
			}
			if left := names(t, m.Store, apachesRoom); err == nil || !strings.Contains(err.Error(), tt.want) || len(left) > 0 {
				t.Errorf("%v, want %s; left behind: %v", err, tt.want, left)
			}
		})
	}
}

// M-17: a Python that is of another release than it was asked for is none.
func TestMakeAnotherPython(t *testing.T) {
	m := aMaker(t)
	r := mustRecipe(t, "3.13.4t")
	_, _, err := m.make(t.Context(), r, m.bring("python3.13", r.version, somebodysSources(t, makesPython)))
	if hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), `is release "3.13.5", and not 3.13.4`) {
		t.Error(err)
	}
}

// M-17: sources are made for the place that they will lie at, and are there whole,
// with what they were made of; a second time nothing is made.
func TestMakePython(t *testing.T) {
	m := aMaker(t)
	var said []string
	m.Log = func(line string) { said = append(said, line) }
	archive := somebodysSources(t, makesPython)
	if lacking := mustRecipe(t, "3.13t").lacking(t.Context(), m.R); len(lacking) > 0 {
		t.Skipf("the headers %v are not here", lacking)
	}
	dir, stamp, err := m.Python(t.Context(), "3.13t", archive)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := os.ReadFile(filepath.Join(dir, "asked"))
	want := "--prefix=" + dir + " --enable-shared --with-ensurepip=no LDFLAGS=-Wl,-rpath," + dir + "/lib --disable-gil\n"
	if err != nil || string(asked) != want || dir != filepath.Join(m.Store.Dir, "pythons", "3.13t") {
		t.Errorf("%s was configured with %s, want %s", dir, asked, want)
	}
	if !strings.HasPrefix(stamp.Sum, "sha256:") || !strings.HasSuffix(stamp.From, "thing.tar.gz") {
		t.Errorf("%+v", stamp)
	}
	if len(said) != 4 { // fetching, configure, make, make install
		t.Errorf("%q", said)
	}
	said = nil
	if again, _, err := m.Python(t.Context(), "3.13t", "file:/gone"); again != dir || err != nil || len(said) > 0 {
		t.Errorf("%s, %v, %q", again, err, said)
	}
	steps, err := m.PythonSteps("3.13t", "")
	if err != nil || !slices.Equal(steps, []string{"take " + dir}) {
		t.Errorf("%q, %v", steps, err)
	}
}

func mustRecipe(t *testing.T, version string) recipe {
	t.Helper()
	r, _, _, err := pythonRecipe(version)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What fails on the way, or brings something else, leaves nothing behind.
func TestMakeFails(t *testing.T) {
	for name, c := range map[string]struct{ makefile, want string }{
		"make":        {"all:\n\techo no such header >&2; exit 1\n", "no such header"},
		"the result":  {"all:\ninstall:\n\tmkdir -p $(DESTDIR)$(prefix)/bin\n", "make install gave no"},
		"the install": {"all:\ninstall:\n", "cp"},
	} {
		t.Run(name, func(t *testing.T) {
			m := aMaker(t)
			t.Setenv("TMPDIR", t.TempDir())
			r := mustRecipe(t, "3.13")
			dir, _, err := m.make(t.Context(), r, m.bring("python3.13", "3.13", somebodysSources(t, c.makefile)))
			if err == nil || !strings.Contains(err.Error(), c.want) || dir != "" {
				t.Errorf("%s, %v", dir, err)
			}
			if left := names(t, m.Store, pythonsRoom); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if left, err := fsx.Glob(os.TempDir(), "modwsgi-*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// A makefile takes no blanks in paths: that is said before an hour is spent.
func TestMakeNeedsPlainPath(t *testing.T) {
	m := aMaker(t)
	m.Store.Dir = filepath.Join(t.TempDir(), "a cache")
	_, _, err := m.make(t.Context(), mustRecipe(t, "3.13"), m.bring("python3.13", "3.13", "file:/gone"))
	if err == nil || !strings.Contains(hint.Of(err), "MODWSGI_CACHE") {
		t.Errorf("%v", err)
	}
}

// M-17: which versions can be asked for, and what each would be made of.
func TestPythonSteps(t *testing.T) {
	m := Maker{Store: &Store{Dir: "/cache"}}
	for version, want := range map[string]string{
		"3.13":    "fetch the source package python3.13 3.13\n./configure --prefix=/cache/pythons/3.13 --enable-shared --with-ensurepip=no LDFLAGS=-Wl,-rpath,/cache/pythons/3.13/lib\nmake all\nmake install\nkeep it as /cache/pythons/3.13",
		"3.14.1t": "fetch the source package python3.14 3.14.1\n./configure --prefix=/cache/pythons/3.14.1t --enable-shared --with-ensurepip=no LDFLAGS=-Wl,-rpath,/cache/pythons/3.14.1t/lib --disable-gil\nmake all\nmake install\nkeep it as /cache/pythons/3.14.1t",
	} {
		steps, err := m.PythonSteps(version, "")
		if got := strings.ReplaceAll(strings.Join(steps, "\n"), "'", ""); got != want || err != nil {
			t.Errorf("%s:\n%s\n%v, want\n%s", version, got, err, want)
		}
	}
	for _, version := range []string{"", "3", "2.7", "3.13td", "3.12t", "3.9t", "../3.13", "3.13.5.1", ">=3.13"} {
		if steps, err := m.PythonSteps(version, ""); hint.Code(err) != hint.Usage || hint.Of(err) == "" {
			t.Errorf("%q: %q, %v", version, steps, err)
		}
	}
}

// What is missing is named with the packages that bring it, before anything is
// fetched.
func TestMakeNeeds(t *testing.T) {
	m := Maker{R: &run.Runner{Env: []string{"PATH=/nonexistent"}}, Store: newStore(t)}
	_, _, err := m.Python(t.Context(), "3.13t", "")
	wantMissing(t, err, NoProvider)
	p := &Prefix{Maker: m}
	_, err = p.Machine(t.Context(), "2.4.66")
	wantMissing(t, err, NoProvider)
	for _, version := range []string{"", "2.2", "2.4.x", "../2.4"} {
		if _, err := p.Machine(t.Context(), version); hint.Code(err) != hint.Usage {
			t.Errorf("%q: %v", version, err)
		}
	}
}

// M-16: the httpd that was made before is this machine with APXS.
func TestPrefixMachine(t *testing.T) {
	r := &run.Runner{}
	p := &Prefix{Maker: Maker{R: r, Store: newStore(t)}}
	if _, _, err := p.Store.Make(t.Context(), apachesRoom, "2.4.66", put("sources")); err != nil {
		t.Fatal(err)
	}
	m, err := p.Machine(t.Context(), "2.4.66")
	if err != nil || m.ID() != "prefix-2.4.66" {
		t.Fatalf("%+v, %v", m, err)
	}
	res, err := m.Run(t.Context(), Command{Program: aScript(t, `echo "$APXS $A $*"`), Args: []string{"x y"}, Env: []string{"A=1"}})
	if want := filepath.Join(p.Store.Dir, "apaches/2.4.66/bin/apxs") + " 1 x y\n"; err != nil || res.Stdout != want {
		t.Errorf("%q, %v; want %q", res.Stdout, err, want)
	}
	if _, err := m.Run(t.Context(), Command{Program: "sh"}); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("a name without a folder: %v", err)
	}
}
