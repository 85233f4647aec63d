package pybuild

import (
	"strings"
	"testing"
)

// built is the recorded answer of a plain 3.13 made that of a build with flags,
// in all its marks.
func built(t *testing.T, flags string) probe {
	p := recorded(t, "pyenv-3.13.0")
	p.ABIFlags = flags
	plain := func(letter string) string {
		if strings.Contains(flags, letter) {
			return letter
		}
		return ""
	}
	for name, value := range map[string]string{
		"ABIFLAGS": flags, "LDVERSION": "3.13" + flags, "SOABI": "cpython-313" + flags + "-x86_64-linux-gnu",
		"EXT_SUFFIX": ".cpython-313" + flags + "-x86_64-linux-gnu.so", "INSTSONAME": "libpython3.13" + flags + ".so.1.0",
		"INCLUDEPY": "/usr/include/python3.13" + flags, "Py_GIL_DISABLED": map[string]string{"t": "1", "": "0"}[plain("t")],
		"Py_DEBUG": map[string]string{"d": "1", "": "0"}[plain("d")],
	} {
		p.Vars[name] = setting(value)
	}
	p.Paths["platstdlib"] = "/usr/lib/python3.13" + plain("t")
	return p
}

// F-1, F-4, P-12: builds are told apart by all of their marks, and refused with
// the table of them when one disagrees.
func TestABIMarks(t *testing.T) {
	for flags, folder := range map[string]string{
		"": "cpython-313-x86_64-linux-gnu", "t": "cpython-313t-x86_64-linux-gnu", "d": "cpython-313d-x86_64-linux-gnu", "td": "cpython-313td-x86_64-linux-gnu",
	} {
		p := built(t, flags)
		abi, err := abiOf(&p)
		if err != nil || abi.Folder() != folder || abi.FullID() != "cp"+strings.TrimPrefix(folder, "cpython-") {
			t.Errorf("%q: %s, %v", flags, abi.Folder(), err)
		}
	}
	set := func(name, value string) func(*probe) { return func(p *probe) { p.Vars[name] = setting(value) } }
	for _, c := range []struct {
		name, flags string
		change      func(*probe)
		row         string // of the table; "" where nothing is wrong
	}{
		{"sys.abiflags", "t", func(p *probe) { p.ABIFlags = "" }, `sys.abiflags     ""`},
		{"ABIFLAGS", "t", set("ABIFLAGS", ""), `ABIFLAGS         ""`},
		{"Py_GIL_DISABLED off", "t", set("Py_GIL_DISABLED", "0"), `Py_GIL_DISABLED  "0"`},
		{"Py_GIL_DISABLED on", "", set("Py_GIL_DISABLED", "1"), `Py_GIL_DISABLED  "1"`},
		{"Py_DEBUG", "", set("Py_DEBUG", "1"), `Py_DEBUG         "1"`},
		{"LDVERSION", "t", set("LDVERSION", "3.13"), `LDVERSION        "3.13"`},
		{"SOABI", "d", set("SOABI", "cpython-313-x86_64-linux-gnu"), `SOABI            "cpython-313-x86`},
		{"EXT_SUFFIX", "t", set("EXT_SUFFIX", ".cpython-313-darwin.so"), `EXT_SUFFIX       ".cpython-313-d`},
		{"SONAME", "t", set("INSTSONAME", "libpython3.13.so.1.0"), `INSTSONAME       "libpython3.13.so.1.0"`},
		{"headers", "t", set("INCLUDEPY", "/usr/include/python3.13"), `headers          "python3.13"`},
		{"stdlib", "t", func(p *probe) { p.Paths["platstdlib"] = "/usr/lib/python3.13" }, `stdlib           "python3.13"`},
		{"framework", "t", set("PYTHONFRAMEWORK", "Python"), `framework        "Python"`},
		{"framework of the other", "", set("PYTHONFRAMEWORK", "PythonT"), `framework        "PythonT"`},

		{"a framework's own name", "t", set("PYTHONFRAMEWORK", "Ours"), ""},
		{"no SOABI", "t", set("SOABI", ""), ""},
		{"headers elsewhere", "t", set("INCLUDEPY", "/opt/headers"), ""},
		{"not shared", "t", set("INSTSONAME", "Python"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := built(t, c.flags)
			c.change(&p)
			_, err := abiOf(&p)
			switch {
			case c.row == "" && err != nil:
				t.Error(err)
			case c.row != "" && (err == nil || !strings.Contains(err.Error(), c.row) || !strings.Contains(err.Error(), "contradicts itself")):
				t.Errorf("%v, want a row %s", err, c.row)
			}
		})
	}
}

// F-3: there is no free-threaded Python before 3.13.
func TestFreeThreadedIsNew(t *testing.T) {
	p := built(t, "t")
	p.VersionInfo[1] = 12
	if _, err := abiOf(&p); err == nil {
		t.Error("3.12t is taken for real")
	}
}

// P-12: what the platform tells.
func TestPlatforms(t *testing.T) {
	for _, c := range []struct{ soabi, multiarch, platform, sys, triplet, libc string }{
		{"cpython-313-x86_64-linux-gnu", "x86_64-linux-gnu", "linux", "linux-x86_64", "x86_64-linux-gnu", "glibc"},
		{"cpython-313-x86_64-linux-musl", "x86_64-linux-musl", "linux", "linux-x86_64", "x86_64-linux-musl", "musl"},
		{"cpython-313-darwin", "darwin", "darwin", "macosx-11.0-arm64", "darwin", "darwin"},
		{"cpython-313", "", "freebsd14", "freebsd-14.0-amd64", "freebsd-14.0-amd64", "bsd"},
		{"", "", "linux", "linux-aarch64", "aarch64-linux-gnu", "glibc"},
	} {
		p := built(t, "")
		p.Vars["SOABI"], p.Vars["MULTIARCH"], p.Platform, p.SysPlatform = setting(c.soabi), setting(c.multiarch), c.platform, c.sys
		abi, err := abiOf(&p)
		if err != nil || abi.Triplet != c.triplet || abi.Libc != c.libc {
			t.Errorf("%+v: %+v, %v", c, abi, err)
		}
	}
}
