package pack

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/csrc"
	"modwsgi/csrc/fetch"
	"modwsgi/installer"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
)

// rewritten is an archive with other files in it, and with true sums if sums is set.
func rewritten(t *testing.T, data []byte, sums bool, change func([]fsx.File) []fsx.File) []byte {
	t.Helper()
	files, err := fetch.ReadPackage(data)
	if err != nil {
		t.Fatal(err)
	}
	a := tarball{top: "top"}
	for _, f := range change(files) {
		if f.Path == SumsFile && sums {
			continue
		}
		kind := Plain
		if f.Link != "" {
			kind = Link
		}
		a.files = append(a.files, File{Path: f.Path, Kind: kind, Target: f.Link, Mode: f.Mode, Data: f.Data})
	}
	if sums {
		text, err := a.sums()
		if err != nil {
			t.Fatal(err)
		}
		a.files = append(a.files, File{Path: SumsFile, Mode: 0o644, Data: text})
	}
	out, err := a.write()
	if err == nil {
		out, err = squeezed(out, "gz")
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// an archive is unpacked as it was packed, of one or more Pythons, and refused
// if a file is not what its sums or its manifest say.
func (x packed) testUnpack(t *testing.T) {
	t.Parallel()
	list, err := makeBoth(t.Context(), x.b, withStage(t, x.o))
	if err != nil || len(list) != 4 {
		t.Fatalf("%d archives, %v", len(list), err)
	}
	dir := t.TempDir()
	write := func(data []byte) string {
		t.Helper()
		name := filepath.Join(dir, "archive.tar.gz")
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, m := range list {
		to := t.TempDir()
		what, err := Unpack(write(m.Data), to)
		l, locateErr := installer.Locate(to)
		if err != nil || locateErr != nil || what.Tree != "ours" || what.Machine != "amd64" || len(what.Pythons) != 1 || len(l.Halves) != 1 || l.Default != what.Pythons[0].ABI || l.Halves[0].Info.SONAME != what.Pythons[0].SONAME {
			t.Errorf("%s: %+v, %+v, %v, %v", m.Name, what, l, err, locateErr)
		}
		if err := x.b.Layout.FitsApache(*x.Apache); err != nil {
			t.Error(err)
		}
	}
	// Two halves in one archive, as somebody may put them together.
	second, err := fetch.ReadPackage(list[1].Data)
	if err != nil {
		t.Fatal(err)
	}
	both := rewritten(t, list[0].Data, true, func(files []fsx.File) []fsx.File {
		abi := x.b.ABIs[1] + "/"
		for _, f := range second {
			if strings.HasPrefix(f.Path, csrc.RuntimeFolder+"/"+abi) {
				files = append(files, f)
			}
		}
		return files
	})
	to := t.TempDir()
	if _, err := Unpack(write(both), to); err != nil {
		t.Error(err)
	}
	if l, err := installer.Locate(to); err != nil || len(l.Halves) != 2 {
		t.Errorf("%+v, %v", l, err)
	}

	at := func(files []fsx.File, name string) int {
		return slices.IndexFunc(files, func(f fsx.File) bool { return f.Path == name })
	}
	without := func(name string) func([]fsx.File) []fsx.File {
		return func(files []fsx.File) []fsx.File { i := at(files, name); return slices.Delete(files, i, i+1) }
	}
	with := func(f fsx.File) func([]fsx.File) []fsx.File {
		return func(files []fsx.File) []fsx.File {
			if i := at(files, f.Path); i >= 0 {
				files = slices.Delete(files, i, i+1)
			}
			return append(files, f)
		}
	}
	for _, c := range []struct {
		name   string
		sums   bool
		change func([]fsx.File) []fsx.File
		want   string
	}{
		{"changed", false, with(fsx.File{Path: "mod_wsgi.so", Mode: 0o644, Data: []byte("x")}), "mod_wsgi.so has another sum"},
		{"more", false, with(fsx.File{Path: "mod_wsgi/more", Mode: 0o644}), "mod_wsgi/more is not in its SHA256SUMS"},
		{"less", false, without("mod_wsgi/wsgi-supervisor"), "mod_wsgi/wsgi-supervisor is missing"},
		{"no sums", false, without(SumsFile), "it has no SHA256SUMS"},
		{"no manifest", true, without(ManifestFile), "it has no SHA256SUMS and manifest.json"},
		{"no module", true, without("mod_wsgi.so"), "does not have the files"},
		{"a link", true, with(fsx.File{Path: "mod_wsgi/other", Link: "python"}), "mod_wsgi/other is a link"},
		{"another tree", true, with(fsx.File{Path: ManifestFile, Mode: 0o644, Data: []byte(`{"schema":1,"tree":"classic"}`)}), "does not have the files"},
		{"a later manifest", true, with(fsx.File{Path: ManifestFile, Mode: 0o644, Data: []byte(`{"schema":9,"tree":"ours"}`)}), "schema 9"},
		{"sums that are none", false, with(fsx.File{Path: SumsFile, Mode: 0o644, Data: []byte("x\n")}), "has the line"},
	} {
		to := filepath.Join(t.TempDir(), "to")
		_, err := Unpack(write(rewritten(t, list[0].Data, c.sums, c.change)), to)
		if err == nil || !strings.Contains(err.Error(), c.want) || hint.Code(err) != hint.Refused {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := os.Lstat(to); err == nil {
			t.Errorf("%s: something is unpacked", c.name)
		}
	}
	if _, err := Unpack(write(bytes.Repeat([]byte("x"), 100)), t.TempDir()); hint.Code(err) != hint.Refused {
		t.Errorf("no archive: %v", err)
	}
	if _, err := Unpack(filepath.Join(dir, "gone"), t.TempDir()); hint.Code(err) != hint.NotFound {
		t.Errorf("nothing: %v", err)
	}
}

func withStage(t *testing.T, o Options) Options {
	o.Stage = t.TempDir()
	return o
}

// Y-4: paths of sums are plain paths.
func FuzzReadPathSums(f *testing.F) {
	line := strings.Repeat("0", 64) + "  a/b\n"
	for _, seed := range []string{line, line + line, "x", line[:66] + "../a\n", line[:66] + "/a\n", line[:66] + "a//b\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readPathSums(text)
		for name, sum := range list {
			if err == nil && (!strings.Contains(text, sum+"  "+name) || !filepath.IsLocal(name) || filepath.Clean(name) != name) {
				t.Errorf("%q: %q %q", text, name, sum)
			}
		}
	})
}
