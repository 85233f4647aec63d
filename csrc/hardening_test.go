package csrc

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A library compiled with and without protection, by the real compiler.
func TestReadHardening(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "x.c")
	text := "#include <string.h>\n#include <stdio.h>\nvoid use(char *);\nint f(const char *s, int n) { char b[64]; memcpy(b, s, n); use(b); return puts(b); }\n"
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	build := func(name string, flags ...string) Hardening {
		t.Helper()
		out := filepath.Join(dir, name)
		args := append([]string{"-shared", "-fPIC", "-O2", "-o", out, source}, flags...)
		if text, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		h, err := ReadHardening(out)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	hard := build("hard.so", "-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro,-z,now", "-Wl,-z,noexecstack", "-Wl,--build-id=sha1", "-Wl,-rpath,/opt/x", "-Wl,--enable-new-dtags")
	if w := hard.Weaknesses(); len(w) != 0 || hard.RELRO != "full" || len(hard.BuildID) != 40 || hard.RunPath != "/opt/x" || hard.Stripped || !slices.Contains(hard.Fortified, "memcpy") {
		t.Errorf("%+v %q", hard, w)
	}
	soft := build("soft.so", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-Wl,-z,norelro", "-Wl,-z,execstack", "-Wl,--build-id=none", "-s")
	if w := soft.Weaknesses(); len(w) != 3 || soft.BuildID != "" || !soft.Stripped || len(soft.Fortified) != 0 || !slices.Contains(soft.Unchecked, "memcpy") {
		t.Errorf("%+v %q", soft, w)
	}
	if h := build("lazy.so", "-Wl,-z,relro,-z,lazy"); h.RELRO != "partial" || !strings.Contains(strings.Join(h.Weaknesses(), " "), "RELRO partial") {
		t.Errorf("%+v", h)
	}
	if _, err := ReadHardening(source); err == nil {
		t.Error("a C file has been read as a library")
	}
}
