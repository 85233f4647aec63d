package csrc

import (
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"modwsgi/internal/run"
)

// The real tree builds for the real Apache and Python, without a warning.
func TestRealBuild(t *testing.T) {
	r := &run.Runner{}
	if _, _, err := FindCompiler(r, nil); err != nil {
		t.Skip("no C compiler: ", err)
	}
	m := wholeMachine(t)
	if runtime.GOOS != "linux" {
		t.Skip("nothing is built on ", runtime.GOOS, " yet")
	}
	a, err := Build(t.Context(), r, Options{Apache: m.apache, Python: m.pythons, Dir: filepath.Join(t.TempDir(), `a "real" build`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range a.Warnings {
		t.Errorf("a warning:\n%s", w)
	}
	module, err := Inspect(a.Module)
	if err != nil {
		t.Fatal(err)
	}
	mmn := m.apache.MMN
	if got := module.Module; got == nil || *got != (ModuleMagic{Major: mmn.Major, Minor: mmn.Minor, Cookie: mmn.Cookie}) {
		t.Errorf("module record %+v, headers %+v", got, mmn)
	}

	for i, h := range a.Halves {
		t.Run("host/"+h.ABI, func(t *testing.T) { t.Parallel(); driveHost(t, r, m, h) })
		t.Run("embed/"+h.ABI, func(t *testing.T) { t.Parallel(); callPlugin(t, r, h) })
		t.Run("interpreters/"+h.ABI, func(t *testing.T) { endInterpreters(t, r, a, h, m.pythons[i]) })
	}
}

// driveHost lets test/host_driver.py be supervisor and relay of a host.
func driveHost(t *testing.T, r *run.Runner, m machine, h Half) {
	res, err := r.Run(t.Context(), run.Cmd{
		Dir: "test", Path: m.pythons[0].Executable, Args: []string{"-B", "host_driver.py", h.Host}, Timeout: 5 * time.Minute,
	})
	if err != nil {
		t.Errorf("%s%v", res.Stdout, err)
	}
}

// callPlugin lets test/test_embed.c be the httpd child that opens a plugin.
func callPlugin(t *testing.T, r *run.Runner, h Half) {
	program := filepath.Join(t.TempDir(), "test_embed")
	cc, _, err := FindCompiler(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	args := slices.Concat(cc[1:], []string{"-std=gnu99", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-pthread",
		"-Itest", "-Isrc", "-o", program, embedTest, "src/wsgi_wire.c", "-ldl"})
	if _, err := r.Output(t.Context(), "", cc[0], args...); err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("test/hostapp/app.wsgi")
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Run(t.Context(), run.Cmd{Dir: t.TempDir(), Path: program, Args: []string{h.Embed, script}, Timeout: 2 * time.Minute})
	if err != nil {
		t.Errorf("%s%v", res.Stdout, err)
	}
}
