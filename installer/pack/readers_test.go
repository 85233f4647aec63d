package pack

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// every reader takes what was written, and refuses it for another
// description, and with a byte of it changed or cut off.
func (x packed) testReaders(t *testing.T) {
	t.Parallel()
	for _, w := range dialects {
		o := x.o
		o.Family = w.family
		all := described(t, w.format, x.b, o)
		for _, d := range []Description{all[w.apache], all[w.half(python{Digits: "311", Dotted: "3.11"})]} {
			_, data, err := writeNative(d, w.format, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if err := reread(w.format, data, d); err != nil {
				t.Errorf("%s: %v", w.format, err)
			}
			config := slices.IndexFunc(d.Files, func(f File) bool { return f.Kind == Config })
			plain := slices.IndexFunc(d.Files, func(f File) bool { return f.Kind == Plain })
			for what, wrong := range map[string]func(d *Description){
				"another name":     func(d *Description) { d.Name += "x" },
				"another version":  func(d *Description) { d.Version.Pre = "rc1" },
				"another summary":  func(d *Description) { d.Summary += "x" },
				"another relation": func(d *Description) { d.Depends = append(slices.Clone(d.Depends), "more = 1") },
				"provides more":    func(d *Description) { d.Provides = append(slices.Clone(d.Provides), "more") },
				"another script":   func(d *Description) { d.Scripts.BeforeRemove += "x" },
				"another date":     func(d *Description) { d.Date = d.Date.AddDate(1, 0, 0) },
				"a file less":      func(d *Description) { d.Files = slices.Delete(slices.Clone(d.Files), plain, plain+1) },
				"a file more":      func(d *Description) { d.Files = append(slices.Clone(d.Files), File{Path: "/more"}) },
				"another mode":     func(d *Description) { d.Files = slices.Clone(d.Files); d.Files[plain].Mode = 0o600 },
				"other contents": func(d *Description) {
					d.Files = slices.Clone(d.Files)
					d.Files[plain].Source, d.Files[plain].Data = "", nil
				},
				"no configuration":     func(d *Description) { d.Files = slices.Clone(d.Files); d.Files[max(config, 0)].Kind = Plain },
				"another place for it": func(d *Description) { d.Files = slices.Clone(d.Files); d.Files[plain].Path += "x" },
			} {
				if what == "no configuration" && (config < 0 || w.format == "apk") { // which has no such files
					continue
				}
				other := d
				wrong(&other)
				if err := reread(w.format, data, other); err == nil {
					t.Errorf("%s: %s is taken for the same", w.format, what)
				}
			}
			for name, broken := range map[string][]byte{"cut off": data[:len(data)/2], "nothing": nil, "another byte": change(data)} {
				if w.format == "rpm" && name != "nothing" { // its payload is rpm's to check
					continue
				}
				if err := reread(w.format, broken, d); err == nil {
					t.Errorf("%s: taken though %s", w.format, name)
				}
			}
		}
	}
	if err := reread("zip", nil, Description{}); err == nil {
		t.Error("a format that nobody reads")
	}
}

func change(data []byte) []byte {
	data = bytes.Clone(data)
	data[len(data)-len(data)/3] ^= 0x40
	return data
}

// A release of the original is one package: one module under a name of its own,
// and the lines that load it.
func (x packed) testClassic(t *testing.T) {
	t.Parallel()
	b := x.original(t)
	for _, w := range dialects {
		o := x.o
		o.Family = w.family
		if n := len(made(t, w.format, b, o)); n != 5 { // with debug files, bills and the statement
			t.Errorf("%s: %d files", w.format, n)
		}
		d := described(t, w.format, b, o)[w.classic(python{Digits: "311", Dotted: "3.11"})]
		module := map[string]string{"debian": "/usr/lib/apache2/modules/mod_wsgi-py311.so", "fedora": "/usr/lib64/httpd/modules/mod_wsgi_py311.so",
			"suse": "/usr/lib64/apache2/mod_wsgi-py311.so", "alpine": "/usr/lib/apache2/mod_wsgi-py311.so", "arch": "/usr/lib/httpd/modules/mod_wsgi-py311.so"}[w.family]
		if !slices.ContainsFunc(d.Files, func(f File) bool { return f.Path == module }) {
			t.Errorf("%s has no %s", w.format, module)
		}
		var text string
		for _, f := range d.Files {
			if f.Kind == Config {
				text += string(f.Data)
			}
		}
		for _, want := range []string{`LoadFile "/opt/py/lib/libpython3.11.so.1.0"` + "\n", `LoadModule wsgi_module "` + module + `"`, `WSGIPythonHome "/opt/py"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s:\n%s", w.format, want, text)
			}
		}
		if d.Homepage != original || strings.Contains(strings.Join(d.Depends, " "), "libpython") {
			t.Errorf("%s: %q %q", w.format, d.Homepage, d.Depends)
		}
	}
	if list := made(t, "tar", b, x.o); len(list) != 5 {
		t.Errorf("%d files of archives", len(list))
	}
}

// Y-4: readers of foreign bytes end, and hold what they say.
func FuzzReadRPMHeader(f *testing.F) {
	f.Add([]byte{0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 3, 0xe8, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 'x', 0})
	f.Add([]byte{0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, size, err := readRPMHeader(data); err == nil && (size < 16 || size > len(data)) {
			t.Errorf("%d of %d bytes", size, len(data))
		}
	})
}

func FuzzReadInfo(f *testing.F) {
	f.Add("# x\npkgname = a\ndepend = b\ndepend = c\n")
	f.Add("pkgname\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readInfo(text)
		n := 0
		for _, values := range list {
			n += len(values)
		}
		if err == nil && n > strings.Count(text, "\n")+1 {
			t.Errorf("%q: %q", text, list)
		}
	})
}

func FuzzReadStreams(f *testing.F) {
	one, err := squeezed([]byte("x"), "gz")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(bytes.Clone(one), one...))
	f.Add(one[:len(one)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := readStreams(data)
		n := 0
		for _, s := range list {
			n += len(s.packed)
		}
		if err == nil && n != len(data) {
			t.Errorf("%d of %d bytes", n, len(data))
		}
	})
}
