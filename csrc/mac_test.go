package csrc

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// S-7, R-5: the plan for macOS, of our tree and of a classic one. No Mac has run
// it.
func TestPlanMac(t *testing.T) {
	const framework, relocatable = "/Library/Frameworks/Python.framework/Versions/3.13/Python", "/opt/py/lib/libpython3.13.dylib"
	py := pybuild.Info{
		Executable: "/usr/local/bin/python3", Version: "3.13.0", LibPython: framework,
		ABI: pybuild.ABI{Impl: "cpython", Major: 3, Minor: 13, Triplet: "darwin", Libc: "darwin"}, Include: []string{"/Library/Frameworks/Python.framework/Versions/3.13/include/python3.13"},
	}
	f := planFacts()
	f.System, f.Dir, f.Python = "darwin", "/Users/me/build", []pybuild.Info{py}
	f.Apache.Httpd = "/opt/homebrew/bin/httpd"
	f.Compiler = Compiler{Words: []string{"clang"}, Version: "Apple clang 16", Machine: "arm64-apple-darwin24", Compile: []string{"-fstack-protector-strong"}, PrefixMap: []string{"-ffile-prefix-map"}}
	f.Mac = Mac{SDK: "/SDKs/MacOSX.sdk", Arches: []string{"arm64", "x86_64"}, Minimum: "11.0",
		Names: map[string]string{framework: framework, relocatable: "@rpath/libpython3.13.dylib"}}
	var b strings.Builder
	show := func(f Facts, targets []Target) {
		t.Helper()
		p, err := NewPlan(targets, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Compiles[:1] {
			b.WriteString(run.Line(c.Command.Args[0], c.Command.Args[1:]...) + "\n\n")
		}
		for _, l := range p.Links {
			for _, c := range slices.Concat([]Command{l.Note.Command, l.Command}, l.After) {
				b.WriteString(run.Line(c.Args[0], c.Args[1:]...) + "\n")
			}
			b.WriteString("\n")
		}
	}
	show(f, fewTargets())
	tree, err := readTree(classicTree())
	if err != nil {
		t.Fatal(err)
	}
	f.Classic = true
	f.Python[0].LibPython = relocatable
	f.Paths = map[string]RunPaths{py.ABI.Folder(): {Dir: "/opt/py/lib"}}
	show(f, tree.targets())
	golden(t, "mac.golden", b.String())

	f.Apache.Httpd = "/usr/sbin/httpd"
	if _, err := NewPlan(tree.targets(), f); err == nil || !strings.Contains(err.Error(), "MW206") || hint.Code(err) != hint.Refused {
		t.Errorf("Apple's httpd: %v", err)
	}
}

func TestMacArches(t *testing.T) {
	for _, c := range []struct{ httpd, python, want []string }{
		{[]string{"arm64"}, []string{"x86_64", "arm64"}, []string{"arm64"}},
		{[]string{"x86_64", "arm64"}, []string{"arm64", "x86_64"}, []string{"arm64", "x86_64"}},
		{[]string{"x86_64"}, []string{"arm64"}, nil},
	} {
		got, err := MacArches(c.httpd, c.python)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) || err != nil && !strings.Contains(err.Error(), "MW112") {
			t.Errorf("%q and %q: %q, %v", c.httpd, c.python, got, err)
		}
	}
	for _, c := range []struct {
		python, caller string
		arches         []string
		want           string
	}{
		{"10.9", "", []string{"x86_64"}, "10.9"},
		{"10.13", "", []string{"arm64", "x86_64"}, "11.0"},
		{"10.13", "12.3", []string{"arm64"}, "12.3"},
		{"13.0", "12.3", []string{"arm64"}, "13.0"},
		{"10.9", "10.13", []string{"x86_64"}, "10.13"},
		{"", "", []string{"x86_64"}, ""},
		{"", "", []string{"arm64"}, "11.0"},
	} {
		if got := MacMinimum(c.python, c.caller, c.arches); got != c.want {
			t.Errorf("Python %q, caller %q, %q: %q, want %q", c.python, c.caller, c.arches, got, c.want)
		}
	}
}

// The architectures of a file are read from it: here from the head of a fat one
// and of a thin one, made by hand.
func TestMachoArches(t *testing.T) {
	thin := func(cpu uint32) []byte {
		var b []byte
		for _, v := range []uint32{0xfeedfacf, cpu, 0, 6, 0, 0, 0, 0} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return b
	}
	const amd64, arm64 = 0x01000007, 0x0100000c
	var fat []byte
	for _, v := range []uint32{0xcafebabe, 2, amd64, 3, 64, 32, 2, arm64, 0, 96, 32, 2} {
		fat = binary.BigEndian.AppendUint32(fat, v)
	}
	fat = append(append(append(fat, make([]byte, 64-len(fat))...), thin(amd64)...), thin(arm64)...)
	dir := t.TempDir()
	for name, c := range map[string]struct {
		data []byte
		want []string
	}{"fat": {fat, []string{"x86_64", "arm64"}}, "thin": {thin(arm64), []string{"arm64"}}, "other": {[]byte("#!/bin/sh\n"), nil}} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := MachoArches(path); !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
