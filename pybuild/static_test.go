package pybuild

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// recordOf is a _sysconfigdata file of a Python in prefix.
func recordOf(prefix, version, flags string, more string) string {
	ld := version + flags
	n := strings.ReplaceAll(ld, ".", "")
	return "# generated\nbuild_time_vars = {'VERSION': '" + version + "', 'LDVERSION': '" + ld + "', 'ABIFLAGS': '" + flags + "',\n 'MACHDEP': 'linux', 'MULTIARCH': 'x86_64-linux-gnu'," +
		"'SOABI': 'cpython-" + n + "-x86_64-linux-gnu',\n 'INSTSONAME': 'libpython" + ld + ".so.1.0', 'LIBDIR': '" + prefix + "/lib', 'prefix': '" + prefix + "',\n" +
		" 'INCLUDEPY': '" + prefix + "/include/python" + ld + "', 'CFLAGS': '-O2 ' '-DNDEBUG'," + more + "}\n"
}

// P-7: what an installation has on file is enough to build for it; nothing of it
// is run. Its record may name another place, and be that of one of several.
func TestReadWithoutRunning(t *testing.T) {
	const touched = "#!/bin/sh\ntouch \"$0.was-run\"\n"
	for _, c := range []struct {
		name  string
		exe   string
		files map[string]string // as in fixtures
		id    string
		lib   string
		err   string
	}{
		{"as installed", "/opt/py/bin/python3.12", map[string]string{
			"/opt/py/lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py": "text " + recordOf("/install", "3.12", "", "'Py_DEBUG': 0"),
			"/opt/py/lib/libpython3.12.so.1.0":                                 "elf libpython3.12.so.1.0 0x030c08f0", "/opt/py/include/python3.12": "headers 3.12.8",
		}, "cp312-x86_64-linux-gnu", "/opt/py/lib/libpython3.12.so.1.0", ""},
		{"of two records that of the flags", "/opt/py/bin/python3.11d", map[string]string{
			"/opt/py/lib/python3.11/_sysconfigdata__x86_64-linux-gnu.py":  "text " + recordOf("/install", "3.11", "", "'Py_DEBUG': 0"),
			"/opt/py/lib/python3.11/_sysconfigdata_d_x86_64-linux-gnu.py": "text " + recordOf("/install", "3.11", "d", "'Py_DEBUG': 1"),
			"/opt/py/lib/libpython3.11.so.1.0":                            "elf libpython3.11.so.1.0 0x030b02f0", "/opt/py/include/python3.11": "headers 3.11.2",
			"/opt/py/lib/libpython3.11d.so.1.0": "elf libpython3.11d.so.1.0 0x030b02f0", "/opt/py/include/python3.11d": "headers 3.11.2",
		}, "cp311d-x86_64-linux-gnu", "/opt/py/lib/libpython3.11d.so.1.0", ""},
		{"free-threaded under a plain name", "/opt/py/bin/python3.13", map[string]string{
			"/opt/py/lib/python3.13t/_sysconfigdata_t_linux_x86_64-linux-gnu.py": "text " + recordOf("/install", "3.13", "t", "'Py_GIL_DISABLED': 1"),
			"/opt/py/lib/libpython3.13t.so.1.0":                                  "elf libpython3.13t.so.1.0 0x030d00f0", "/opt/py/include/python3.13t": "headers 3.13.0",
		}, "cp313t-x86_64-linux-gnu", "/opt/py/lib/libpython3.13t.so.1.0", ""},
		{"build-details.json alone", "/opt/py/bin/python3.14", map[string]string{
			"/opt/py/lib64/python3.14/build-details.json": `text {"schema_version": "1.0", "base_prefix": "../..", "platform": "linux-x86_64", "language": {"version": "3.14",
				"version_info": {"major": 3, "minor": 14, "micro": 0, "releaselevel": "final", "serial": 0}}, "implementation": {"name": "cpython", "hexversion": 51249392},
				"abi": {"flags": [], "extension_suffix": ".cpython-314-x86_64-linux-gnu.so"}, "c_api": {"headers": "include/python3.14"},
				"libpython": {"dynamic": "lib64/libpython3.14.so.1.0", "static": "lib64/nowhere.a"}}`,
			"/opt/py/lib64/libpython3.14.so.1.0": "elf libpython3.14.so.1.0 0x030e00f0", "/opt/py/include/python3.14": "headers 3.14.0",
		}, "cp314-x86_64-linux-gnu", "/opt/py/lib64/libpython3.14.so.1.0", ""},
		{"a record that would have to be run", "/opt/py/bin/python3.12", map[string]string{
			"/opt/py/lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py": "text import os\nbuild_time_vars = {}\n",
		}, "", "", "line 1: build_time_vars is expected"},
		{"nothing on file", "/opt/py/bin/python3.12", nil, "", "", "neither build-details.json nor _sysconfigdata"},
		{"two and none named", "/opt/py/bin/python3", map[string]string{
			"/opt/py/lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py": "text " + recordOf("/install", "3.12", "", ""),
			"/opt/py/lib/python3.13/_sysconfigdata__linux_x86_64-linux-gnu.py": "text " + recordOf("/install", "3.13", "", ""),
		}, "", "", "has more than one Python, 3.12 and 3.13"},
		{"no headers to tell the version", "/opt/py/bin/python3.12", map[string]string{
			"/opt/py/lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py": "text " + recordOf("/install", "3.12", "", ""),
		}, "", "", "its exact version stands in its headers"},
		{"headers of another", "/opt/py/bin/python3.12", map[string]string{
			"/opt/py/lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py": "text " + recordOf("/install", "3.12", "", ""), "/opt/py/include/python3.12": "headers 3.11.2",
		}, "", "", "is of Python 3.11, what was recorded of 3.12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.put(c.files)
			exe := m.write(c.exe, touched, 0o755)
			m.env = append(m.env, readSetting+"=1")
			info, err := m.finder().find(t.Context(), exe)
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("%v, want %q", err, c.err)
			}
			if c.err == "" && (info.ABI.FullID() != c.id || info.LibPython != m.path(c.lib) || info.Base != exe || info.Archive != "") {
				t.Errorf("%+v", info)
			}
			if fsx.IsFile(exe + ".was-run") {
				t.Error("the interpreter was run")
			}
		})
	}
}

// P-7: of each Python of this machine its files say what it says itself.
func TestFilesAgreeWithAnswers(t *testing.T) {
	compared := 0
	for _, c := range Candidates(t.Context(), &run.Runner{}) {
		if !c.Usable || c.Info.Environment != nil {
			continue
		}
		compared++
		p, err := read(c.Executable)
		if err != nil {
			t.Errorf("%s: %v", c.Executable, err)
			continue
		}
		abi, err := abiOf(&p)
		f := newFinder(&run.Runner{})
		lib, _, libErr := f.resolve(t.Context(), &p, c.Info.Base)
		if err != nil || libErr != nil || !reflect.DeepEqual(abi, c.Info.ABI) || p.HexVersion != c.Info.HexVersion || p.BasePrefix != c.Info.BasePrefix {
			t.Errorf("%s: read %+v %#x in %s, answered %+v %#x in %s; %v, %v", c.Executable, abi, p.HexVersion, p.BasePrefix, c.Info.ABI, c.Info.HexVersion, c.Info.BasePrefix, err, libErr)
		}
		same, err := filepath.EvalSymlinks(lib.path)
		if real, realErr := filepath.EvalSymlinks(c.Info.LibPython); err != nil || realErr != nil || same != real {
			t.Errorf("%s: library %s, answered %s", c.Executable, lib.path, c.Info.LibPython)
		}
	}
	if compared == 0 {
		t.Skip("no Python here that can be built for")
	}
}
