package pybuild

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// What is found on this machine must be true of it.
func TestThisMachine(t *testing.T) {
	usable := 0
	for _, c := range Candidates(t.Context(), &run.Runner{}) {
		if !c.Usable {
			t.Logf("not usable: %s: %s", c.Executable, c.Why)
			continue
		}
		usable++
		t.Run(c.Info.ABI.ID()+" "+c.Executable, func(t *testing.T) { checkTrue(t, c.Info) })
	}
	if usable == 0 {
		t.Skip("no Python here with headers and a shared library")
	}
}

// checkTrue asks the interpreter itself, as a person would, not by the probe.
func checkTrue(t *testing.T, info *Info) {
	out, err := exec.Command(info.Executable, "-c", `import json, platform, sys, sysconfig
print(json.dumps([platform.python_version(), sys.prefix, sys.base_prefix, sys.hexversion, sysconfig.get_config_var("SOABI")]))`).Output()
	if err != nil {
		t.Fatal(err)
	}
	var said []any
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	want := []any{info.Version, info.Prefix, info.BasePrefix, float64(info.HexVersion), info.ABI.Folder()}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("it says %v, found %v", said, want)
	}
	f, err := elf.Open(info.LibPython)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if names, err := f.DynString(elf.DT_SONAME); err != nil || !slices.Equal(names, []string{info.SONAME}) {
		t.Errorf("SONAME %q, %v; found %q", names, err, info.SONAME)
	}
	checkLoader(t, info)

	data, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	var again Info
	if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(again, *info) {
		t.Errorf("JSON does not bring it back: %+v, %v", again, err)
	}
}

// checkLoader asks the real loader: a program linked with the library, without
// a run path, is told this Python's version exactly if none is needed. Else it
// does not start, or gets another Python of the same SONAME.
func checkLoader(t *testing.T, info *Info) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler to ask the loader with")
	}
	dir := t.TempDir()
	source, program := filepath.Join(dir, "x.c"), filepath.Join(dir, "x")
	text := "#include <stdio.h>\nconst char *Py_GetVersion(void);\nint main(void) { return puts(Py_GetVersion()) < 0; }\n"
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	link := []string{"-o", program, source, info.LibPython}
	if info.Sanitizer != "" {
		link = append(link, "-fsanitize="+info.Sanitizer)
	}
	if out, err := exec.Command(cc, link...).CombinedOutput(); err != nil {
		t.Fatalf("linking %s: %v\n%s", info.LibPython, err, out)
	}
	said, err := (&run.Runner{}).Output(t.Context(), "", program)
	if found := err == nil && strings.HasPrefix(said, info.Version+" "); found == info.NeedsPath {
		t.Errorf("needs a path: %v; run without one it says %q, %v", info.NeedsPath, said, err)
	}
}

// Environments made by the real module, with links and with copies.
func TestRealEnvironments(t *testing.T) {
	made := 0
	for _, c := range Candidates(t.Context(), &run.Runner{}) {
		if !c.Usable || c.Info.Prefix != c.Info.BasePrefix {
			continue
		}
		if c.Info.Sanitizer != "" {
			t.Logf("%s is passed over: with -fsanitize=%s it starts too slowly on a machine that is busy", c.Executable, c.Info.Sanitizer)
			continue
		}
		for _, how := range []string{"--symlinks", "--copies"} {
			dir := filepath.Join(t.TempDir(), `a "b" c's`)
			if out, err := exec.Command(c.Executable, "-m", "venv", "--without-pip", how, dir).CombinedOutput(); err != nil {
				t.Logf("%s makes no environment: %v\n%s", c.Executable, err, out)
				continue
			}
			made++
			info, err := Find(t.Context(), &run.Runner{}, dir)
			if err != nil {
				t.Errorf("%s %s: %v", c.Executable, how, err)
				continue
			}
			if info.Prefix != dir || info.BasePrefix != c.Info.BasePrefix || info.Base != c.Info.Base ||
				info.Executable != filepath.Join(dir, "bin", "python3") || info.LibPython != c.Info.LibPython || info.ABI != c.Info.ABI || !slices.Equal(info.Notes, c.Info.Notes) {
				t.Errorf("%s %s:\n%+v\nof\n%+v", c.Executable, how, info, c.Info)
			}
		}
	}
	if made == 0 {
		t.Skip("no Python here that makes virtual environments")
	}
}
