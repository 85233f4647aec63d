package provider

import (
	"debug/elf"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

func wantMissing(t *testing.T, err error, reason Reason) {
	t.Helper()
	missing := (*Missing)(nil)
	if !errors.As(err, &missing) || missing.Reason != reason || hint.Of(err) == "" {
		t.Errorf("%v, want the reason %q, with advice", err, reason)
	}
}

func asRoot() int { return 0 }

// M-7, M-16: where no tree can be made or entered, the reason is one of the list;
// a tree that is there needs neither debootstrap nor a network.
func TestRootfsMissing(t *testing.T) {
	store := newStore(t)
	nothing := &run.Runner{Env: []string{"PATH=/nonexistent"}}
	p := &Rootfs{R: nothing, Store: store, Mirror: Mirror{R: nothing}, user: func() int { return 1000 }}
	_, err := p.Machine(t.Context(), "trixie")
	wantMissing(t, err, NotRoot)

	p.user = asRoot
	if _, err := p.source(t.Context(), "../x"); hint.Code(err) != hint.Usage {
		t.Errorf("a path as a suite: %v", err)
	}
	if p.R.Getenv("PATH") == "/nonexistent" && !inSbin("debootstrap") {
		_, err = p.Machine(t.Context(), "trixie")
		wantMissing(t, err, NoProvider)
	}

	offline := aptOf(t, "", "")
	offline.Offline = true
	dir := strings.SplitN(offline.Getenv("PATH"), ":", 2)[0]
	if err := os.WriteFile(filepath.Join(dir, "debootstrap"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.R, p.Mirror = offline, Mirror{R: offline, URL: "http://mirror.example/debian"}
	_, err = p.Machine(t.Context(), "trixie")
	wantMissing(t, err, NoProvider)

	if _, _, err := store.Make(t.Context(), rootfsRoom, "trixie", put("made before")); err != nil {
		t.Fatal(err)
	}
	m, err := p.Machine(t.Context(), "trixie")
	if err != nil || m.ID() != "rootfs-trixie" || m.Stamp().From != "made before" {
		t.Errorf("%+v, %v", m, err)
	}
}

// inSbin tells whether a program is where root finds it without a PATH.
func inSbin(name string) bool {
	_, err := os.Stat("/usr/sbin/" + name)
	return err == nil
}

// What a tree is given: the same archives for apt, no services, and a name for the
// loopback, as nobody can be asked in a run.
func TestTreeFiles(t *testing.T) {
	files := map[string]string{}
	for _, f := range treeFiles(origin{suite: "trixie", url: "http://mirror.example/debian", security: "http://security.example/debian-security"}, "A;\n", "nameserver 192.0.2.1\n") {
		files[f.Path] = string(f.Data)
	}
	if want := "deb http://mirror.example/debian trixie main\ndeb http://security.example/debian-security trixie-security main\n"; files["etc/apt/sources.list"] != want {
		t.Errorf("%q", files["etc/apt/sources.list"])
	}
	if !strings.Contains(files["etc/hosts"], "127.0.0.1 localhost") || !strings.Contains(files["usr/sbin/policy-rc.d"], "exit 101") || files["etc/apt/apt.conf.d/90modwsgi"] != "A;\n" {
		t.Errorf("%q", files)
	}
	if files := treeFiles(origin{suite: "forky", url: "http://mirror.example/debian"}, "", ""); strings.Contains(string(files[0].Data), "security") {
		t.Errorf("%s", files[0].Data)
	}
}

// M-16: a machine's id says the provider and its name.
func TestParse(t *testing.T) {
	for id, want := range map[string][2]string{
		"": {"host", ""}, "host": {"host", ""}, "rootfs-trixie": {"rootfs", "trixie"}, "prefix-2.4.66": {"prefix", "2.4.66"}, "container-debian:trixie": {"container", "debian:trixie"},
		"host-x": {}, "rootfs": {}, "rootfs-": {}, "rootfs:trixie": {}, "vm-x": {},
	} {
		provider, name, err := Parse(id)
		if got := [2]string{provider, name}; got != want || (err != nil) != (want[0] == "") {
			t.Errorf("%q: %v, %v", id, got, err)
		}
	}
}

// What a plan has to know: which providers can give nothing, and why. What was made
// before needs nothing to be made with.
func TestLacking(t *testing.T) {
	store := newStore(t)
	r, _ := anEngine(t, "exit 0")
	r.Env = []string{"PATH=" + strings.SplitN(r.Getenv("PATH"), ":", 2)[0]} // no compiler
	list := All(Maker{R: r, Store: store}, nil)
	rootfs := list[2].(*Rootfs)
	rootfs.user = func() int { return 1000 }
	want := map[string]Reason{"prefix": NoProvider, "rootfs": NotRoot}
	if got := Lacking(t.Context(), list); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for room, name := range map[string]string{apachesRoom: "2.4.66", rootfsRoom: "trixie"} {
		if _, _, err := store.Make(t.Context(), room, name, func(string, string, *Stamp) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	rootfs.user = asRoot
	if got := Lacking(t.Context(), list); len(got) > 0 {
		t.Errorf("%v", got)
	}
	m, err := Find(t.Context(), list, "rootfs-trixie")
	if err != nil || m.ID() != "rootfs-trixie" {
		t.Errorf("%v, %v", m, err)
	}
	if m, err := Find(t.Context(), list, ""); err != nil || m.ID() != "host" || m.Stamp().Name != "" {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := Find(t.Context(), list[:1], "rootfs-trixie"); err == nil {
		t.Error("a provider that is not here gave a machine")
	}
}

// A program that needs libraries is not carried to where there are others.
func TestCarried(t *testing.T) {
	if !testing.Short() {
		if err := (Command{Program: theProgram(t)}).carried(); err != nil {
			t.Error(err)
		}
	}
	if err := (Command{Program: aScript(t, "")}).carried(); err != nil {
		t.Error(err)
	}
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	err = Command{Program: sh}.carried()
	if f, _ := elf.Open(sh); f == nil || f.Section(".interp") == nil {
		t.Skip("the shell of this machine needs no library")
	}
	if err == nil || !strings.Contains(hint.Of(err), "CGO_ENABLED=0") {
		t.Errorf("%v", err)
	}
}

// What a machine offers is what mod_wsgi-express says there.
func TestOffered(t *testing.T) {
	said := aScript(t, `test "$*" = "discover --json"; echo '{"schema": 1, "apaches": [{"apxs": "/usr/bin/apxs", "usable": true}], "pythons": [{"executable": "/usr/bin/python3", "id": "cp313-x86_64-linux-gnu"}]}'`)
	offer, err := Offered(t.Context(), Host{R: &run.Runner{}}, said)
	if err != nil || len(offer.Apaches) != 1 || offer.Apaches[0].Apxs != "/usr/bin/apxs" || len(offer.Pythons) != 1 || offer.Pythons[0].ID != "cp313-x86_64-linux-gnu" {
		t.Errorf("%+v, %v", offer, err)
	}
	for _, script := range []string{"echo no", "exit 3"} {
		if _, err := Offered(t.Context(), Host{R: &run.Runner{}}, aScript(t, script)); err == nil || !strings.Contains(err.Error(), "asking host") {
			t.Errorf("%s: %v", script, err)
		}
	}
}
