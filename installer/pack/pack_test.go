package pack

import (
	"crypto/sha256"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"modwsgi/csrc/csrctest"
	"modwsgi/installer"
	"modwsgi/internal/run"
)

const contact = "Test Packager <packager@debian.org>"

// packed is a small build of two Pythons, of which the system's packages bring
// one.
type packed struct {
	*csrctest.World
	b Build
	o Options
}

// TestPack makes one build and looks at packages of it.
func TestPack(t *testing.T) {
	w := csrctest.New(t)
	o, b := built(t, w, "build folder")
	x := packed{w, b, o}
	for name, test := range map[string]func(*testing.T){
		"bytes": x.testSameBytes, "shared": x.testNothingShared, "told": x.testTold, "facts": x.testFacts,
		"deb": x.testDeb, "compress": x.testCompress, "lintian": x.testLintian, "rpmlint": x.testRPMLint, "pacman": x.testPacman, "payload": x.testPayload, "dpkg": x.testDpkgDeb, "debug": x.testDebugFiles, "readers": x.testReaders, "classic": x.testClassic,
		"apk": x.testApk, "apksigned": x.testApkSigned, "rpm": x.testRPM, "suse": x.testSUSE, "own": x.testOwn, "rpmtool": x.testRPMTool, "tar": x.testTar, "unpack": x.testUnpack, "review": x.testReview, "origin": x.testOriginStated, "folder": x.testFolder, "bills": x.testBills, "schema": x.testSchema, "statement": x.testStatement,
		"wheel": x.testWheel, "wheelreader": x.testWheelReader, "wheelrules": x.testWheelRules, "originalwheel": x.testOriginalWheel, "server": x.testServer,
	} {
		t.Run(name, test)
	}
}

// built builds into a folder of the world.
func built(t *testing.T, w *csrctest.World, dir string) (Options, Build) {
	t.Helper()
	o := w.Options(dir)
	o.Runtime, o.RunPath, o.Package = installer.Runtime(), "none", true
	w.Build(o)
	l, err := installer.Locate(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(w.Root, "mod_wsgi-express")
	if err := os.WriteFile(program, []byte("the program"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := Build{Layout: l, Machine: "amd64", Program: program, Apache: "2.4.65", Compiler: "gcc 12.2.0", Profile: "default", Owner: func(path string) string {
		if strings.Contains(path, "3.11") {
			return "libpython3.11"
		}
		return ""
	}}
	for _, h := range l.Halves {
		b.ABIs = append(b.ABIs, h.ABI)
	}
	return Options{Revision: "1", Contact: contact, Date: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Runner: w.Runner()}, b
}

// made packs, and gives the packages by the names of their files.
func made(t *testing.T, format string, b Build, o Options) map[string][]byte {
	t.Helper()
	list, err := Make(t.Context(), format, b, o)
	if err != nil {
		t.Fatal(err)
	}
	papers, err := Papers(format, b, o, list)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, m := range append(list, papers...) {
		out[m.Name] = m.Data
	}
	return out
}

// ending are the files whose names end so.
func ending(files map[string][]byte, suffix string) map[string][]byte {
	maps.DeleteFunc(files, func(name string, _ []byte) bool { return !strings.HasSuffix(name, suffix) })
	return files
}

// described are the descriptions by their names.
func described(t *testing.T, format string, b Build, o Options) map[string]Description {
	t.Helper()
	o.Stage = t.TempDir()
	list, err := Describe(t.Context(), format, b, o)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Description{}
	for _, d := range list {
		out[d.Name] = d
	}
	return out
}

// tool skips a test for which a program is missing.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s", name)
	}
	return path
}

// ask runs a program and wants success.
func ask(t *testing.T, name string, args ...string) string {
	t.Helper()
	r := &run.Runner{}
	out, err := r.Output(t.Context(), "", name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// kept writes packages into a folder.
func kept(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// H-3, Y-7: two builds in two folders give the same bytes in every format.
func (x packed) testSameBytes(t *testing.T) {
	t.Parallel()
	_, again := built(t, x.World, "another folder")
	for _, format := range Formats() {
		one, other := made(t, format, x.b, x.o), made(t, format, again, x.o)
		if len(one) == 0 || !maps.EqualFunc(one, other, func(x, y []byte) bool { return sha256.Sum256(x) == sha256.Sum256(y) }) {
			t.Errorf("%s: %q and %q differ", format, slices.Sorted(maps.Keys(one)), slices.Sorted(maps.Keys(other)))
		}
	}
}

// packages of one build share no file, and so can be installed together.
func (x packed) testNothingShared(t *testing.T) {
	t.Parallel()
	b, o := x.b, x.o
	for _, w := range dialects {
		format := w.format
		o.Family = w.family
		owner := map[string]string{}
		for name, d := range described(t, format, b, o) {
			for _, f := range d.Files {
				if f.Kind != Folder && owner[f.Path] != "" {
					t.Errorf("%s: %s is in %s and %s", format, f.Path, owner[f.Path], name)
				}
				owner[f.Path] = name
			}
		}
		if len(owner) < 20 {
			t.Errorf("%s: %d files", format, len(owner))
		}
	}
}

// N-1, N-2, N-3: a package tells Apache what the installer would, in the same files;
// what is told apart is loaded before the distribution's own.
func (x packed) testTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format string
		family string
		want   map[string]string // part of the text by the file
	}{
		{"deb", "", map[string]string{
			"/etc/apache2/mods-available/wsgi.load": "\n# Conflicts: wsgi-py36 wsgi-py37 wsgi-py38 wsgi-py39 wsgi-py310 wsgi-py311 wsgi-py312 wsgi-py313 wsgi-py313t wsgi-py314 wsgi-py314t wsgi-py315 wsgi-py315t\nLoadModule wsgi_module \"/usr/lib/apache2/modules/mod_wsgi.so\"\n",
			"/etc/apache2/mods-available/wsgi.conf": "# mod_wsgi "}},
		{"rpm", "fedora", map[string]string{"/etc/httpd/conf.modules.d/10-mod_wsgi.conf": "\n<IfModule !wsgi_module>\n    LoadModule wsgi_module \"/usr/lib64/httpd/modules/mod_wsgi.so\"\n</IfModule>\n"}},
		{"rpm", "suse", map[string]string{"/etc/apache2/conf.d/wsgi.conf": "# mod_wsgi "}}, // a2enmod has its name put among those that are loaded
		{"apk", "", map[string]string{"/etc/apache2/conf.d/wsgi-module.conf": "\n<IfModule !wsgi_module>\n    LoadModule wsgi_module \"/usr/lib/apache2/mod_wsgi.so\"\n</IfModule>\n"}},
		{"arch", "", map[string]string{"/etc/httpd/conf/extra/httpd-wsgi.conf": "\n<IfModule !wsgi_module>\n    LoadModule wsgi_module \"/usr/lib/httpd/modules/mod_wsgi.so\"\n</IfModule>\n"}},
	} {
		got := map[string]string{}
		o := x.o
		o.Family = c.family
		for _, d := range described(t, c.format, x.b, o) {
			for _, f := range d.Files {
				if f.Kind == Config {
					got[f.Path] = string(f.Data)
				}
			}
		}
		if !maps.EqualFunc(got, c.want, func(text, part string) bool { return strings.Contains(text, part) }) {
			t.Errorf("%s of %s: %q", c.format, c.family, got)
		}
	}
}

// A description that no format could hold is refused, and says all that is wrong.
func TestCheck(t *testing.T) {
	good := func() Description {
		return Description{Name: "x", Summary: "y", Files: []File{{Path: "/b"}, {Path: "/a", Kind: Link, Target: "b"}}}
	}
	d := good()
	if err := d.check(); err != nil || d.Files[0].Path != "/a" {
		t.Errorf("%v, %v", d.Files, err)
	}
	for _, c := range []struct {
		want  string
		wrong func(d *Description)
	}{
		{"its summary is not one line", func(d *Description) { d.Summary = "a\nb" }},
		{`"a, b" is no relation`, func(d *Description) { d.Depends = []string{"a, b"} }},
		{`"x" is no place`, func(d *Description) { d.Files[0].Path = "x" }},
		{`"/x/../y" is no place`, func(d *Description) { d.Files[0].Path = "/x/../y" }},
		{"control character", func(d *Description) { d.Files[0].Path = "/x\ny" }},
		{"/b is there twice", func(d *Description) { d.Files = append(d.Files, File{Path: "/b"}) }},
		{"a link without a target", func(d *Description) { d.Files[0].Kind = Link }},
		{"has the mode", func(d *Description) { d.Files[0].Mode = os.ModeSetuid | 0o755 }},
		{"/mod_wsgi.c is a C source", func(d *Description) { d.Files[0].Path = "/mod_wsgi.c" }},
	} {
		d := good()
		c.wrong(&d)
		if err := d.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}

// the C library that is asked for is the one that the symbols need.
func (x packed) testFacts(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"2.34", "2.4", 1}, {"2.4", "2.34", -1}, {"2.34", "", 1}, {"PRIVATE", "2.0", -1}, {"2.3.4", "2.3", 1}, {"2.3", "2.3", 0}} {
		if got := compareVersions(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %d", c.a, c.b, got)
		}
	}
	host := x.b.Layout.Halves[0].Host
	f, err := factsOf(host)
	if err != nil || len(f.Needed) == 0 || len(f.BuildID) != 1 || len(f.BuildID[0]) != 40 {
		t.Errorf("%+v, %v", f, err)
	}
	objdump := tool(t, "objdump")
	highest := ""
	for _, word := range strings.Fields(ask(t, objdump, "-T", host)) {
		if v, ok := strings.CutPrefix(strings.Trim(word, "()"), "GLIBC_"); ok && compareVersions(v, highest) > 0 {
			highest = v
		}
	}
	if f.GLIBC != highest {
		t.Errorf("GLIBC_%s, objdump has %s", f.GLIBC, highest)
	}
	for _, so := range f.Needed {
		if !strings.Contains(ask(t, objdump, "-p", host), so) {
			t.Errorf("%s is not needed", so)
		}
	}
	if _, err := factsOf(filepath.Join(x.b.Layout.Folder, "apache.json")); err == nil {
		t.Error("a text is an ELF file")
	}
}
