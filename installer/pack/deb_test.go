package pack

import (
	"archive/tar"
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fields, relations and control files of Debian's packages.
func (x packed) testDeb(t *testing.T) {
	t.Parallel()
	b, o := x.b, x.o
	all := described(t, "deb", b, o)
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	t.Log(names)
	apache, half := all["libapache2-mod-wsgi-any"], all["libapache2-mod-wsgi-py311"]
	if apache.Name == "" || half.Name == "" || len(names) != 6 {
		t.Fatalf("the packages are %q", names)
	}
	for _, want := range []string{"apache2-api-20120211"} {
		if !slices.Contains(apache.Depends, want) {
			t.Errorf("%q lack %s", apache.Depends, want)
		}
	}
	if slices.Contains(apache.Depends, "apache2") || !slices.Equal(apache.Provides, []string{"mod-wsgi-interface-7"}) || !slices.Contains(apache.Conflicts, "libapache2-mod-wsgi-py3") {
		t.Errorf("%q %q %q", apache.Depends, apache.Provides, apache.Conflicts)
	}
	if !slices.Contains(half.Depends, "mod-wsgi-interface-7") || !slices.Contains(half.Depends, "libpython3.11 (>= 3.11.0)") || !slices.Contains(half.Provides, "httpd-wsgi3") {
		t.Errorf("%q %q", half.Depends, half.Provides)
	}
	var places []string
	for _, f := range slices.Concat(apache.Files, half.Files) {
		if f.Kind == Config {
			places = append(places, f.Path)
			if strings.Contains(string(f.Data), b.Layout.Dir) {
				t.Errorf("%s names the build folder:\n%s", f.Path, f.Data)
			}
		}
	}
	if !slices.Equal(places, []string{"/etc/apache2/mods-available/wsgi.conf", "/etc/apache2/mods-available/wsgi.load"}) {
		t.Errorf("configuration: %q", places)
	}
	other := all["libapache2-mod-wsgi-py313t"]
	if other.Name != "" && slices.ContainsFunc(other.Depends, func(s string) bool { return strings.HasPrefix(s, "libpython") }) {
		t.Errorf("a Python of no package is depended on: %q", other.Depends)
	}
}

// Q-5, Y-7: dpkg-deb reads what was written.
func (x packed) testDpkgDeb(t *testing.T) {
	t.Parallel()
	dpkg := tool(t, "dpkg-deb")
	b, o := x.b, x.o
	dir := kept(t, made(t, "deb", b, o))
	file := filepath.Join(dir, "libapache2-mod-wsgi-any_"+b.Layout.Apache.Version+"-1_amd64.deb")
	info := ask(t, dpkg, "-I", file)
	for _, want := range []string{"Package: libapache2-mod-wsgi-any", "Section: httpd", "Priority: optional", "Depends: apache2-api-20120211", "Installed-Size: ", "postinst", "prerm", "postrm", "conffiles", "md5sums"} {
		if !strings.Contains(info, want) {
			t.Errorf("%q is not in\n%s", want, info)
		}
	}
	list := ask(t, dpkg, "-c", file)
	for _, want := range []string{
		"-rw-r--r-- root/root", "./usr/lib/apache2/modules/mod_wsgi.so\n", "./usr/lib/mod_wsgi/wsgi-supervisor\n", "./usr/lib/apache2/modules/mod_wsgi -> ../../mod_wsgi\n",
		"./usr/lib/mod_wsgi/python/mod_wsgi/__init__.py\n", "./etc/apache2/mods-available/wsgi.load\n", "2026-11-21 ",
	} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is not in\n%s", want, list)
		}
	}
	for _, not := range []string{".c\n", ".h\n", "/src/", "__pycache__"} {
		if strings.Contains(list, not) {
			t.Errorf("%q is in\n%s", not, list)
		}
	}
}

// whoever wants zstd gets it where a format leaves the choice, in the same bytes
// each time; gzip is what they get otherwise.
func (x packed) testCompress(t *testing.T) {
	t.Parallel()
	o := x.o
	o.Compress = "zstd"
	for _, c := range []struct {
		format, name string
		args         []string
	}{
		{"deb", "libapache2-mod-wsgi-any", []string{"dpkg-deb", "-c"}},
		{"rpm", "mod_wsgi-any", []string{"rpm", "-K", "--nosignature"}},
	} {
		small := described(t, c.format, x.b, o)[c.name]
		_, data, err := writeNative(small, c.format, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		_, again, err := writeNative(small, c.format, t.TempDir())
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s: not the same bytes: %v", c.format, err)
		}
		plain := small
		plain.Compress = ""
		if reread(c.format, data, small) != nil || reread(c.format, data, plain) == nil {
			t.Errorf("%s: %v, and as gzip %v", c.format, reread(c.format, data, small), reread(c.format, data, plain))
		}
		file := filepath.Join(kept(t, map[string][]byte{"p": data}), "p")
		t.Run(c.args[0], func(t *testing.T) {
			ask(t, tool(t, c.args[0]), append(c.args[1:], file)...)
		})
	}
}

// H-5: what is packed is stripped, and a debugger finds the rest by build id in
// the package beside it.
func (x packed) testDebugFiles(t *testing.T) {
	t.Parallel()
	objdump := tool(t, "objdump")
	b, o := x.b, x.o
	all := described(t, "deb", b, o)
	host := all["libapache2-mod-wsgi-py311"].Files
	i := slices.IndexFunc(host, func(f File) bool { return strings.HasSuffix(f.Path, "/wsgi-host") })
	if sections := ask(t, objdump, "-h", host[i].Source); strings.Contains(sections, ".debug_info") || !strings.Contains(sections, ".modwsgi.build") {
		t.Errorf("not stripped:\n%s", sections)
	}
	debug := all["libapache2-mod-wsgi-py311-dbgsym"]
	if !slices.Equal(debug.Depends, []string{"libapache2-mod-wsgi-py311 (= " + b.Layout.Apache.Version + "-1)"}) || debug.Section != "debug" {
		t.Errorf("%+v", debug)
	}
	ids := strings.Fields(debug.Fields["Build-Ids"])
	for _, id := range ids {
		j := slices.IndexFunc(debug.Files, func(f File) bool { return f.Path == "/usr/lib/debug/.build-id/"+id[:2]+"/"+id[2:]+".debug" })
		if j < 0 || !strings.Contains(ask(t, objdump, "-h", debug.Files[j].Source), ".symtab") && !strings.Contains(ask(t, objdump, "-h", debug.Files[j].Source), ".debug_info") {
			t.Errorf("no debug file of %s", id)
		}
	}
	if len(ids) != 2 {
		t.Errorf("build ids %q", ids)
	}
}

// Y-4: the readers end, and refuse what is cut off or goes on behind its end.
func FuzzReadAr(f *testing.F) {
	f.Add([]byte("!<arch>\n"))
	f.Add([]byte("!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.0\n"))
	f.Add([]byte("!<arch>\ndebian-binary   0           0     0     100644  5         `\n2.0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := readAr(data)
		total := len("!<arch>\n")
		for _, m := range list {
			total += 60 + len(m.data) + len(m.data)%2
		}
		if err == nil && total != len(data) {
			t.Errorf("%d bytes of %d", total, len(data))
		}
	})
}

func FuzzReadControl(f *testing.F) {
	f.Add("Package: x\nDescription: a\n b\n .\n c\n")
	f.Add(" x\n")
	f.Add("A: b\nA: c\n")
	f.Fuzz(func(t *testing.T, text string) {
		if fields, err := readControl(text); err == nil && len(fields) > strings.Count(text, "\n")+1 {
			t.Errorf("%q has %d fields", text, len(fields))
		}
	})
}

// Archives that no package may be are refused.
func TestReadTar(t *testing.T) {
	for _, c := range []struct {
		want  string
		names []string
		more  string
	}{
		{"", []string{"./", "./a", "b/", "b/c"}, ""},
		{"leaves the archive", []string{"../a"}, ""},
		{"leaves the archive", []string{"a/../../b"}, ""},
		{"is there twice", []string{"a", "./a"}, ""},
		{"follow the end", []string{"a"}, "more"},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, name := range c.names {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644}); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		b.WriteString(c.more)
		_, err := readTar(&b, false)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.names, err)
		}
	}
}
