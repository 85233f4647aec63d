package installer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/csrc/csrctest"
	"modwsgi/internal/hint"
	"modwsgi/internal/journal"
	"modwsgi/internal/run"
	"modwsgi/internal/treetest"
	"modwsgi/pybuild"
)

// built is a world with a build in it and an empty modules folder.
type built struct {
	*csrctest.World
	options csrc.Options
	from    Layout
	modules string
	state   string
}

func newBuilt(t *testing.T) *built {
	t.Helper()
	return builtIn(t, csrctest.New(t))
}

func builtIn(t *testing.T, w *csrctest.World) *built {
	t.Helper()
	b := &built{World: w, options: w.Options("build"), modules: filepath.Join(w.Root, "modules"), state: filepath.Join(w.Root, "the state")}
	b.options.Runtime = Runtime()
	w.Build(b.options)
	b.locate(t)
	if err := os.Mkdir(b.modules, 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

var shared struct {
	sync.Mutex
	dir string
	*built
}

// sharedBuild is one for tests that build nothing themselves.
func sharedBuild(t *testing.T) *built {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("no C compiler: ", err)
	}
	if shared.built == nil {
		dir, err := os.MkdirTemp("", "modwsgi-installer-")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
		shared.built = builtIn(t, csrctest.At(t, filepath.Join(dir, `it's "odd", with a space`)))
	}
	b := *shared.built
	return &b
}

// TestMain removes what all tests shared.
func TestMain(m *testing.M) {
	code := m.Run()
	if shared.dir != "" {
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

func (b *built) locate(t *testing.T) {
	t.Helper()
	var err error
	if b.from, err = Locate(b.options.Dir); err != nil {
		t.Fatal(err)
	}
}

// install installs and wants success.
func (b *built) install(t *testing.T) Layout {
	t.Helper()
	l, _, err := b.try(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// try installs.
func (b *built) try(ctx context.Context, o Options) (Layout, bool, error) {
	o.State = b.state
	r, err := Install(ctx, b.from, b.modules, o)
	return r.Layout, r.Changed, err
}

func TestInstall(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	want := csrctest.Sums(t, b.options.Dir)

	l := b.install(t)
	got := csrctest.Sums(t, b.modules)
	if _, ok := got["mod_wsgi/manifest.json"]; !ok {
		t.Error("no manifest")
	}
	delete(got, "mod_wsgi/manifest.json")
	if !maps.Equal(got, want) {
		t.Errorf("installed %q\nbuilt %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	if l.Module != filepath.Join(b.modules, "mod_wsgi.so") || l.Default != csrctest.ABI311 || len(l.Halves) != 2 {
		t.Errorf("%+v", l)
	}
	for path, mode := range map[string]fs.FileMode{l.Module: 0o644, l.Supervisor: 0o755, l.Halves[0].Host: 0o755, l.Folder: fs.ModeDir | 0o755, l.Halves[0].Dir: fs.ModeDir | 0o755} {
		if fi, err := os.Stat(path); err != nil || fi.Mode() != mode {
			t.Errorf("%s: %v, %v; want %v", path, fi.Mode(), err, mode)
		}
	}
	wantNoLeftovers(t, b.modules)

	// Again: nothing changes, not even a time.
	before := stat(t, l.Folder)
	if _, changed, err := b.try(t.Context(), Options{}); changed || err != nil {
		t.Errorf("again: changed %v, %v", changed, err)
	}
	if after := stat(t, l.Folder); !after.ModTime().Equal(before.ModTime()) || !os.SameFile(after, before) {
		t.Error("a second install changed the folder")
	}

	// What Python itself writes there is nobody's reason to stop.
	if err := os.MkdirAll(filepath.Join(l.Python, "mod_wsgi", "__pycache__"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.Python, "mod_wsgi", "__pycache__", "x.pyc"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	b.edit(t)
	open, err := os.Open(l.Module) // as an Apache that runs has it
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	old := stat(t, l.Module)
	b.install(t)
	if os.SameFile(old, stat(t, l.Module)) {
		t.Error("the module was written into")
	}
	if fi, err := open.Stat(); err != nil || fi.Size() != old.Size() || !fi.ModTime().Equal(old.ModTime()) {
		t.Error("the old module changed under who has it open")
	}
	wantNoLeftovers(t, b.modules)
}

// Whoever installs with a private umask: processes of other users must be able
// to run what is installed. Not parallel: the umask is the process's.
func TestInstallWithPrivateUmask(t *testing.T) {
	b := newBuilt(t)
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	b.options.Dir = filepath.Join(b.Root, "private")
	b.Build(b.options)
	b.locate(t)
	b.install(t)
	for _, root := range []string{b.from.Folder, filepath.Join(b.modules, "mod_wsgi")} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.Type()&fs.ModeSymlink != 0 {
				return err
			}
			if fi := stat(t, path); fi.Mode()&0o444 != 0o444 || fi.IsDir() && fi.Mode()&0o111 != 0o111 {
				t.Errorf("%s: %v", path, fi.Mode())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

// wantNoLeftovers fails if dir holds more than an installation.
func wantNoLeftovers(t *testing.T, dir string, more ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(append(more, "mod_wsgi.so", "mod_wsgi"), e.Name()) {
			t.Errorf("left over: %s", e.Name())
		}
	}
}

// A half that is there already stays beside the new one, with the default.
func TestInstallBesideAnotherPython(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	b.install(t)
	other := b.options
	other.Dir, other.Python = filepath.Join(b.Root, "other"), b.Pythons[1:]
	b.Build(other)
	b.options = other
	b.locate(t)
	if l := b.install(t); len(l.Halves) != 2 || l.Default != csrctest.ABI311 {
		t.Errorf("%d halves, default %s", len(l.Halves), l.Default)
	}

}

// Q-8, I-9: a module that speaks another interface does not take the Pythons away
// that the one before served, until they are built for it too, or that is asked for;
// and a half of another interface that got there is found.
func TestInstallAnotherInterface(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	old := b.options
	b.install(t)
	b.options.Dir, b.options.Python = filepath.Join(b.Root, "newer"), b.Pythons[1:]
	b.Edit("wsgi_wire.h", "VERSION 7", "VERSION 8")
	b.rebuild(t)
	before := treetest.Tree(t, b.Root)
	_, _, err := b.try(t.Context(), Options{})
	if hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), "speaks interface 8") || !strings.Contains(err.Error(), csrctest.ABI311+" (interface 7)") ||
		strings.Contains(err.Error(), csrctest.ABI313) || !strings.Contains(hint.Of(err), "mod_wsgi-express build --python /nowhere/py3.11, then") {
		t.Errorf("%v (%s)", err, hint.Of(err))
	}
	treetest.Same(t, "refused", treetest.Tree(t, b.Root), before)

	if list := Outdated(b.from, b.modules); len(list) != 1 || list[0].ABI != csrctest.ABI311 {
		t.Errorf("%+v", list)
	}

	// So it is with a half of an earlier build in the folder of the new one.
	stale := filepath.Join(b.options.Dir, "mod_wsgi", csrctest.ABI311)
	if err := os.CopyFS(stale, os.DirFS(filepath.Join(old.Dir, "mod_wsgi", csrctest.ABI311))); err != nil {
		t.Fatal(err)
	}
	b.locate(t)
	if _, _, err := b.try(t.Context(), Options{}); len(b.from.Halves) != 2 || hint.Code(err) != hint.Refused || len(Outdated(b.from, b.modules)) != 1 {
		t.Errorf("%v", err)
	}

	b.options.Python = b.Pythons // as the advice says
	b.rebuild(t)
	if list := Outdated(b.from, b.modules); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	if l := b.install(t); len(l.Halves) != 2 || l.Apache.Interface != 8 || l.Halves[0].Info.Interface != 8 || l.Default != csrctest.ABI311 {
		t.Errorf("%+v", l)
	}
	health := func() Health {
		t.Helper()
		h, err := CheckInstalled(t.Context(), b.modules, Options{State: b.state}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := health(); len(h.Findings) != 0 {
		t.Errorf("%+v", h.Findings)
	}
	// An older half that somebody copies there is named, with what helps.
	stray := filepath.Join(b.modules, "mod_wsgi", "cpython-39-x86_64-linux-gnu")
	record, err := os.ReadFile(filepath.Join(old.Dir, "mod_wsgi", csrctest.ABI311, csrc.BuildInfoFile))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(record), csrctest.ABI311, filepath.Base(stray))
	if err := errors.Join(os.Mkdir(stray, 0o755), os.WriteFile(filepath.Join(stray, csrc.BuildInfoFile), []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	if h := health(); len(h.Findings) != 1 || !h.Findings[0].Rebuild || !strings.Contains(h.Findings[0].What, stray+" speaks interface 7, ") || !strings.Contains(h.Findings[0].Fix, "build --python /nowhere/py3.11") {
		t.Errorf("%+v", h.Findings)
	}
	if err := os.RemoveAll(stray); err != nil {
		t.Fatal(err)
	}

	// Forced, they go.
	b.options.Dir, b.options.Python = filepath.Join(b.Root, "newest"), b.Pythons[1:]
	b.Edit("wsgi_wire.h", "VERSION 8", "VERSION 9")
	b.rebuild(t)
	in := &installation{from: b.from, to: layoutAt(b.modules), final: layoutAt(b.modules), o: Options{Setup: &Setup{Force: true}}}
	if in.old, _, err = installed(t.Context(), b.Runner(), b.modules, false); err != nil {
		t.Fatal(err)
	}
	if err := in.list(); err != nil || slices.ContainsFunc(in.manifest.Files, func(f ManifestFile) bool { return strings.Contains(f.Path, csrctest.ABI311) }) {
		t.Errorf("%v: %+v", err, in.manifest.Files)
	}
}

// failing fails when step n has been done.
func failing(n int) func(string, int) error {
	return func(event string, step int) error {
		if event == "done" && step == n {
			return errBroken
		}
		return nil
	}
}

var errBroken = errors.New("broken on purpose")

// whatever happens on the way, what was there is there again.
func TestInstallUndone(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	try := func(what string, ctx context.Context, o Options, want error) bool {
		t.Helper()
		before := treetest.Tree(t, b.Root)
		_, changed, err := b.try(ctx, o)
		if changed && err == nil {
			return false
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
		treetest.Same(t, what, treetest.Tree(t, b.Root), before)
		return true
	}
	for _, second := range []bool{false, true} {
		if second {
			b.edit(t)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		try("interrupted", ctx, Options{}, context.Canceled)
		n := 1
		for try(fmt.Sprintf("after step %d", n), t.Context(), Options{watch: failing(n)}, errBroken) {
			n++
		}
		if n < 4 {
			t.Errorf("it has %d steps", n-1)
		}
	}
}

// the program is killed between every two steps. Nothing else is done then
// until what was there is there again, byte for byte.
func TestInstallKilled(t *testing.T) {
	if at := os.Getenv("INSTALL_TEST_KILL"); at != "" {
		killedInstall(t, at)
		return
	}
	t.Parallel()
	b := newBuilt(t)
	for _, second := range []bool{false, true} {
		if second {
			b.edit(t)
		}
		before := treetest.Tree(t, b.Root)
		n := 1
		for ; b.kill(t, n, nil); n++ {
			if _, _, err := b.try(t.Context(), Options{}); !errors.Is(err, journal.ErrPending) || hint.Code(err) != hint.Refused {
				t.Errorf("killed after step %d, installing again: %v", n, err)
			}
			lines, err := Recover(t.Context(), Options{State: b.state})
			if err != nil || len(lines) != n+1 {
				t.Errorf("killed after step %d: %q, %v", n, lines, err)
			}
			treetest.Same(t, fmt.Sprintf("killed after step %d", n), treetest.Tree(t, b.Root), before)
		}
		if n < 4 {
			t.Errorf("it has %d steps", n-1)
		}
	}
}

// told is what the child of a test is told of the Apache.
type told struct {
	Apache *apxs.Info
	Python pybuild.Info
	Other  OtherModule
	Env    []string
}

// kill has a child of this test install and kill itself after step n; false if
// there is no such step, and all is installed.
func (b *built) kill(t *testing.T, n int, how *told) bool {
	t.Helper()
	data, err := json.Marshal(how)
	from, fromErr := json.Marshal(b.from)
	if err := errors.Join(err, fromErr); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestInstallKilled$")
	c.Env = append(os.Environ(), fmt.Sprintf("INSTALL_TEST_KILL=%d", n), "INSTALL_TEST_FROM="+string(from), "INSTALL_TEST_TO="+b.modules, "MODWSGI_STATE="+b.state, "INSTALL_TEST_HOW="+string(data))
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL) {
		t.Fatalf("the child was to be killed after step %d: %v\n%s", n, err, out)
	}
	return err != nil
}

// killedInstall is the process that is killed.
func killedInstall(t *testing.T, at string) {
	var from Layout
	var how *told
	err := errors.Join(json.Unmarshal([]byte(os.Getenv("INSTALL_TEST_FROM")), &from), json.Unmarshal([]byte(os.Getenv("INSTALL_TEST_HOW")), &how))
	if err != nil {
		t.Fatal(err)
	}
	var o Options
	if how != nil {
		o = Options{Apache: how.Apache, Runner: &run.Runner{Env: append(how.Env, "MODWSGI_STATE="+os.Getenv("MODWSGI_STATE"))}, Setup: &Setup{Python: how.Python, Other: how.Other}}
	}
	o.watch = func(event string, n int) error {
		if event == "done" && fmt.Sprint(n) == at {
			err := syscall.Kill(os.Getpid(), syscall.SIGKILL)
			<-t.Context().Done()
			return err
		}
		return nil
	}
	_, err = Install(t.Context(), from, os.Getenv("INSTALL_TEST_TO"), o)
	if err != nil {
		t.Fatal(err)
	}
}

// edit makes from another module.
func (b *built) edit(t *testing.T) {
	t.Helper()
	b.Edit("wsgi_relay.c", "return x", "return x + 1")
	b.rebuild(t)
}

func (b *built) rebuild(t *testing.T) {
	t.Helper()
	b.options.Source = b.Source
	b.Build(b.options)
	b.locate(t)
}

// Nothing of anybody else's is replaced.
func TestInstallRefuses(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	module := filepath.Join(b.modules, "mod_wsgi.so")

	// A package manager that owns the file behind the link.
	bin := filepath.Join(b.Root, "bin")
	packaged := filepath.Join(b.modules, "mod_wsgi.so-3.11")
	script := "#!/bin/sh\nif [ \"$2\" = '" + strings.ReplaceAll(packaged, "'", `'\''`) + "' ]; then echo \"libapache2-mod-wsgi-py3: $2\"; else exit 1; fi\n"
	err := errors.Join(
		os.Mkdir(bin, 0o755),
		os.WriteFile(filepath.Join(bin, "dpkg-query"), []byte(script), 0o755),
		os.WriteFile(packaged, []byte("x"), 0o644),
		os.Symlink("mod_wsgi.so-3.11", module),
	)
	if err != nil {
		t.Fatal(err)
	}
	r := &run.Runner{Env: []string{"PATH=" + bin}}
	refuse := func(what, text, advice string) {
		t.Helper()
		before := csrctest.Sums(t, b.modules)
		_, _, err := b.try(t.Context(), Options{Runner: r})
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(hint.Of(err), advice) || hint.Code(err) != hint.Refused {
			t.Errorf("%s: %v (hint %q, status %d)", what, err, hint.Of(err), hint.Code(err))
		}
		if !maps.Equal(before, csrctest.Sums(t, b.modules)) {
			t.Errorf("%s: something changed", what)
		}
	}
	refuse("a package's", "belongs to the package libapache2-mod-wsgi-py3 and is not replaced", "remove that package")
	if err := errors.Join(os.Remove(module), os.WriteFile(module, []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	refuse("somebody's module", "was not installed by this program", "move it away")
	if err := errors.Join(os.Remove(module), os.Mkdir(filepath.Join(b.modules, "mod_wsgi"), 0o755)); err != nil {
		t.Fatal(err)
	}
	refuse("somebody's folder", "was not installed by this program", "move it away")
	if err := os.Remove(filepath.Join(b.modules, "mod_wsgi")); err != nil {
		t.Fatal(err)
	}

	l := b.install(t)
	own := filepath.Join(l.Folder, "notes.txt")
	if err := os.WriteFile(own, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refuse("a file among ours", "notes.txt was not installed by this program", "move it away")
	if err := errors.Join(os.Remove(own), os.WriteFile(module, []byte("mine"), 0o644)); err != nil {
		t.Fatal(err)
	}
	refuse("a module put over ours", "mod_wsgi.so is not as it was installed", "move it away")

	for what, dir := range map[string]string{"no folder": filepath.Join(b.Root, "none"), "the build folder": b.options.Dir} {
		if _, err := Install(t.Context(), b.from, dir, Options{State: b.state}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// A copy that is not what it should be never takes its place.
func TestInstallVerifies(t *testing.T) {
	t.Parallel()
	b := newBuilt(t)
	apache := *b.Apache
	apache.MMN.Major++
	_, _, err := b.try(t.Context(), Options{Apache: &apache})
	if hint.Code(err) != hint.Unverified || !strings.Contains(err.Error(), "this Apache has AP24 20120212") {
		t.Errorf("%v", err)
	}

	// An Apache that cannot load it, and one that can.
	httpd := filepath.Join(b.Root, "httpd")
	fake := func(status string) {
		t.Helper()
		// Both the machine of a real program and the behaviour of a script are
		// needed, so only the load check is asked.
		text := "#!/bin/sh\nwhile [ \"$1\" != -f ]; do shift; done\ngrep -q '^LoadModule wsgi_module \"' \"$2\" || exit 7\necho 'Syntax error' >&2\nexit " + status + "\n"
		if err := os.WriteFile(httpd, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	apache = *b.Apache
	apache.Httpd = httpd
	r := b.Runner()
	fake("1")
	check := VerifyLoad(t.Context(), r, b.from, apache)
	if err := Failures([]Check{check}); hint.Code(err) != hint.Unverified || !strings.Contains(err.Error(), "exit status 1\nSyntax error") {
		t.Errorf("%v", err)
	}
	fake("0")
	if check := VerifyLoad(t.Context(), r, b.from, apache); check.Err != nil || check.NotRun != "" {
		t.Errorf("%+v", check)
	}
	apache.Httpd = ""
	if check := VerifyLoad(t.Context(), r, b.from, apache); check.NotRun == "" {
		t.Errorf("%+v", check)
	}
	wantNoLeftovers(t, b.modules)
}
