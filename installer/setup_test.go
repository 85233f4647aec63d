package installer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/journal"
	"modwsgi/internal/run"
	"modwsgi/internal/treetest"
)

// server is the configuration of an Apache of some family, and what is installed
// into it.
type server struct {
	*built
	apache apxs.Info
	r      *run.Runner
	top    string // all that may change lies in it
	noted  string // where Debian's tools note what they did
}

// newServer lays out the configuration of a family with files in it. Debian's own
// tools are used if tools is set and they are there.
func newServer(t *testing.T, from *built, family string, tools bool, files map[string]string) *server {
	t.Helper()
	b := *from
	s := &server{built: &b, apache: *b.Apache, top: filepath.Join(t.TempDir(), "it's \"here\"")}
	b.modules, b.state = filepath.Join(s.top, "modules"), filepath.Join(s.top, "state")
	if err := os.MkdirAll(b.modules, 0o755); err != nil {
		t.Fatal(err)
	}
	etc := filepath.Join(s.top, "etc", "apache2")
	if family == apxs.FamilyFedora {
		etc = filepath.Join(s.top, "etc", "httpd", "conf")
	}
	s.apache.Family, s.apache.Root, s.apache.ConfDir, s.apache.ConfFile = family, etc, etc, filepath.Join(etc, "apache2.conf")
	s.apache.ModulesDir, s.apache.Httpd = b.modules, ""
	all := map[string]string{"apache2.conf": "# main\nIncludeOptional mods-enabled/*.load\nIncludeOptional mods-enabled/*.conf\nIncludeOptional conf.d/*.conf\nIncludeOptional modules.d/*.conf\nIncludeOptional ../conf.modules.d/*.conf"}
	for path, text := range files {
		all[path] = text
	}
	if family == apxs.FamilyDebian {
		all["mods-enabled/.keep"], all["mods-available/.keep"] = "", ""
	}
	for path, text := range all {
		path = filepath.Join(etc, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=/usr/bin:/bin"}
	if tools {
		if _, err := os.Stat("/usr/sbin/a2enmod"); err != nil {
			t.Skip("there is no a2enmod")
		}
		s.noted = t.TempDir() // a name without quotes: the tools cannot do with them
		env = append(env, "APACHE_STATE_DIRECTORY="+s.noted)
	}
	s.r = &run.Runner{Env: env}
	return s
}

func (s *server) options(setup Setup) Options {
	setup.Python = s.Pythons[0]
	setup.Python.Prefix, setup.Python.BasePrefix = s.top, s.top
	return Options{Runner: s.r, State: s.state, Apache: &s.apache, Setup: &setup}
}

func (s *server) put(t *testing.T, o Options) Result {
	t.Helper()
	r, err := Install(t.Context(), s.from, s.modules, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// link makes a file of mods-enabled a link, as a2enmod does.
func (s *server) link(t *testing.T, file string) {
	t.Helper()
	at := filepath.Join(s.apache.Root, file)
	available := filepath.Join(s.apache.Root, "mods-available", filepath.Base(at))
	if err := errors.Join(os.Rename(at, available), os.Symlink("../mods-available/"+filepath.Base(at), at)); err != nil {
		t.Fatal(err)
	}
}

// tree is all that may change.
func (s *server) tree(t *testing.T) []string {
	t.Helper()
	list := treetest.Tree(t, s.top)
	if s.noted != "" {
		list = append(list, treetest.Tree(t, s.noted)...)
	}
	return list
}

// loads are the lines of the configuration that load a wsgi_module.
func (s *server) loads(t *testing.T) []string {
	t.Helper()
	scan, err := apxs.ScanConfig(s.apache.ConfFile, s.apache.Root, nil)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, d := range scan.Loads("wsgi_module") {
		list = append(list, d.Args[1])
	}
	return list
}

// for each way to enable a module, installing at whatever step it
// fails, again, and uninstalling.
func TestSetups(t *testing.T) {
	t.Parallel()
	b := sharedBuild(t)
	for _, c := range []struct {
		name, family string
		tools, edit  bool
		enabled      bool
		advice       string
	}{
		{"debian's tools", apxs.FamilyDebian, true, false, true, ""},
		{"debian's links", apxs.FamilyDebian, false, false, true, ""},
		{"fedora", apxs.FamilyFedora, false, false, true, ""},
		{"suse", apxs.FamilySUSE, false, false, true, ""},
		{"gentoo", apxs.FamilyGentoo, false, false, false, "-D WSGI"},
		{"source", apxs.FamilySource, false, false, false, "--edit-config: Include \""},
		{"source, edited", apxs.FamilySource, false, true, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, b, c.family, c.tools, nil)
			before := s.tree(t)
			o := s.options(Setup{Edit: c.edit})
			n := 1
			for ; ; n++ {
				o.watch = failing(n)
				r, err := Install(t.Context(), s.from, s.modules, o)
				if err == nil {
					if !r.Changed || r.Enabled != c.enabled || !strings.Contains(strings.Join(r.Advice, "\n"), c.advice) {
						t.Errorf("%+v", r)
					}
					break
				}
				if !errors.Is(err, errBroken) {
					t.Fatalf("step %d: %v", n, err)
				}
				treetest.Same(t, fmt.Sprintf("after step %d", n), s.tree(t), before)
			}
			if n < 6 {
				t.Errorf("it has %d steps", n-1)
			}
			if want := []string{filepath.Join(s.modules, moduleFile)}; c.name != "source" && !slices.Equal(s.loads(t), want) {
				t.Errorf("the configuration loads %q, want %q", s.loads(t), want)
			}
			installed := s.tree(t)
			o.watch = nil
			if r := s.put(t, o); r.Changed || r.Enabled != c.enabled {
				t.Errorf("again: %+v", r)
			}
			treetest.Same(t, "again", s.tree(t), installed)
			s.uninstall(t, Removal{}, before, failing)
		})
	}
}

// killed between every two steps of an installation that Apache is told of, it
// is all put back.
func TestSetupKilled(t *testing.T) {
	t.Parallel()
	s := newServer(t, sharedBuild(t), apxs.FamilyDebian, true, map[string]string{"mods-enabled/wsgi-py311.load": "LoadModule wsgi_module /m/mod_wsgi-py311.so\n"})
	s.link(t, "mods-enabled/wsgi-py311.load")
	before := s.tree(t)
	o := s.options(Setup{Other: OtherReplace})
	how := told{o.Apache, o.Setup.Python, o.Setup.Other, s.r.Env}
	n := 1
	for ; s.kill(t, n, &how); n++ {
		if _, err := Install(t.Context(), s.from, s.modules, o); !errors.Is(err, journal.ErrPending) {
			t.Errorf("killed after step %d, installing again: %v", n, err)
		}
		if _, err := Recover(t.Context(), Options{State: s.state}); err != nil {
			t.Errorf("killed after step %d: %v", n, err)
		}
		treetest.Same(t, fmt.Sprintf("killed after step %d", n), s.tree(t), before)
	}
	if n < 8 || !slices.Equal(s.loads(t), []string{filepath.Join(s.modules, moduleFile)}) {
		t.Errorf("after %d steps the configuration loads %q", n-1, s.loads(t))
	}
	s.uninstall(t, Removal{Restore: true}, before, never)
}

// T-8: what a dry run prints is what is done. Labels are those of the policy (I-4).
func TestDryRunIsThePlan(t *testing.T) {
	t.Parallel()
	s := newServer(t, sharedBuild(t), apxs.FamilySUSE, false, nil)
	labelled := filepath.Join(t.TempDir(), "labelled")
	bin := filepath.Join(t.TempDir(), "bin")
	script := "#!/bin/sh\nprintf '%s\\n' \"$@\" >" + labelled + "\n"
	if err := errors.Join(os.Mkdir(bin, 0o755), os.WriteFile(filepath.Join(bin, "restorecon"), []byte(script), 0o755)); err != nil {
		t.Fatal(err)
	}
	s.r.Env = []string{"PATH=" + bin + ":/usr/bin:/bin"}
	before := s.tree(t)
	var dry []string
	o := s.options(Setup{})
	o.Plan = func(lines []string) { dry = lines }
	if _, err := Install(t.Context(), s.from, s.modules, o); err != nil {
		t.Fatal(err)
	}
	treetest.Same(t, "a dry run", s.tree(t), before)
	var done []string
	o.Plan = nil
	o.watch = func(event string, _ int) error {
		if event != "committed" {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(s.state, "journal", "journal"))
		for line := range strings.Lines(string(data)) {
			var rec struct{ Step *journal.Step }
			if err := json.Unmarshal([]byte(line), &rec); err != nil {
				return err
			}
			if rec.Step != nil {
				done = append(done, rec.Step.Line())
			}
		}
		return err
	}
	s.put(t, o)
	stage := filepath.Join(s.modules, stageName) + "/"
	var told []string
	for _, line := range dry {
		line, _, _ = strings.Cut(line, " <<'END'")
		line, _, _ = strings.Cut(line, " # ")
		inner := !strings.HasPrefix(line, "mv ") && strings.Contains(line, strings.ReplaceAll(stage, "'", `'\''`))
		if !inner && !strings.HasPrefix(line, "rm -r ") {
			told = append(told, line)
		}
	}
	if len(done) < 6 || !slices.Equal(told, done) {
		t.Errorf("told\n%s\ndone\n%s", strings.Join(told, "\n"), strings.Join(done, "\n"))
	}
	want := []string{"-R", filepath.Join(s.apache.Root, "conf.d/wsgi.conf"), filepath.Join(s.modules, moduleFile), filepath.Join(s.modules, "mod_wsgi")}
	if data, err := os.ReadFile(labelled); err != nil || string(data) != strings.Join(want, "\n")+"\n" {
		t.Errorf("labelled %q, %v; want %q", data, err, want)
	}
}

// uninstall does it at whatever step it fails, and wants before in the end.
func (s *server) uninstall(t *testing.T, how Removal, before []string, watch func(int) func(string, int) error) {
	t.Helper()
	installed := s.tree(t)
	o := Options{Runner: s.r, State: s.state, Apache: &s.apache}
	for n := 1; ; n++ {
		o.watch = watch(n)
		done, err := Uninstall(t.Context(), s.modules, how, o)
		if err == nil {
			if len(done.Kept) > 0 {
				t.Errorf("kept %q", done.Kept)
			}
			break
		}
		if !errors.Is(err, errBroken) {
			t.Fatalf("uninstalling, step %d: %v", n, err)
		}
		treetest.Same(t, fmt.Sprintf("uninstalling failed after step %d", n), s.tree(t), installed)
	}
	treetest.Same(t, "uninstalled", s.tree(t), before)
	if _, err := Uninstall(t.Context(), s.modules, how, o); hint.Code(err) != hint.NotFound {
		t.Errorf("uninstalling again: %v", err)
	}
}

func never(int) func(string, int) error { return nil }

// I-3: another wsgi_module in the configuration is refused, replaced or left.
func TestOtherModule(t *testing.T) {
	t.Parallel()
	b := sharedBuild(t)
	for _, c := range []struct {
		name, family, file, text string
		tools, linked            bool
	}{
		{"fedora", apxs.FamilyFedora, "../conf.modules.d/10-wsgi-python3.conf", "<IfModule !wsgi_module>\n  LoadModule wsgi_module \\\n    modules/mod_wsgi_python3.so\n</IfModule>\n", false, false},
		{"debian", apxs.FamilyDebian, "mods-enabled/wsgi-py311.load", "LoadModule wsgi_module /m/mod_wsgi-py311.so\n", false, true},
		{"debian, no link", apxs.FamilyDebian, "mods-enabled/wsgi-py311.load", "LoadModule wsgi_module /m/mod_wsgi-py311.so\n", true, false},
		{"debian's tools", apxs.FamilyDebian, "mods-enabled/wsgi-py311.load", "LoadModule wsgi_module /m/mod_wsgi-py311.so\n", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, b, c.family, c.tools, map[string]string{c.file: c.text})
			if c.linked {
				s.link(t, c.file)
			}
			before, others := s.tree(t), s.loads(t)
			_, err := Install(t.Context(), s.from, s.modules, s.options(Setup{}))
			if hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), filepath.Base(c.file)) || !strings.Contains(hint.Of(err), "replace") || !strings.Contains(hint.Of(err), "alongside") {
				t.Errorf("%v (%s)", err, hint.Of(err))
			}
			treetest.Same(t, "refused", s.tree(t), before)

			r := s.put(t, s.options(Setup{Other: OtherAlongside}))
			if !slices.Equal(s.loads(t), others) || r.Enabled || !strings.Contains(strings.Join(r.Advice, "\n"), "LoadModule wsgi_module") {
				t.Errorf("alongside: %q, %+v", s.loads(t), r)
			}
			s.uninstall(t, Removal{}, before, never)

			r = s.put(t, s.options(Setup{Other: OtherReplace}))
			if want := []string{filepath.Join(s.modules, moduleFile)}; !slices.Equal(s.loads(t), want) || !r.Enabled {
				t.Errorf("replaced: %q, want %q", s.loads(t), want)
			}
			s.uninstall(t, Removal{Restore: true}, before, failing)
		})
	}
}

// I-2: files of packages and of others are neither overwritten nor removed, unless
// that is asked for; then they come back.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBuilt(t), apxs.FamilyFedora, false, map[string]string{"../conf.modules.d/10-mod_wsgi.conf": "# mine\n"})
	module := filepath.Join(s.modules, moduleFile)
	if err := os.Symlink("mod_wsgi.so-3.11", module); err != nil {
		t.Fatal(err)
	}
	before := s.tree(t)
	for range 2 {
		if _, err := Install(t.Context(), s.from, s.modules, s.options(Setup{})); hint.Code(err) != hint.Refused {
			t.Errorf("%v", err)
		}
		treetest.Same(t, "refused", s.tree(t), before)
		s.put(t, s.options(Setup{Force: true}))
		s.edit(t)
		s.put(t, s.options(Setup{})) // ours now, whatever was there first
		s.uninstall(t, Removal{}, before, never)
		s.Edit("wsgi_relay.c", "return x + 1", "return x")
		s.rebuild(t)
	}

	// What somebody has changed since is kept, and what is theirs; the rest goes.
	s.put(t, s.options(Setup{Force: true}))
	conf := filepath.Join(s.apache.Root, "../conf.modules.d/10-mod_wsgi.conf")
	own := filepath.Join(s.modules, "mod_wsgi", "python", "mine.py")
	if err := errors.Join(os.WriteFile(conf, []byte("# changed\n"), 0o644), os.WriteFile(own, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	done, err := Uninstall(t.Context(), s.modules, Removal{}, Options{Runner: s.r, State: s.state, Apache: &s.apache})
	if err != nil || !slices.Equal(done.Kept, []string{conf, own}) {
		t.Errorf("%q, %v", done.Kept, err)
	}
	if data, err := os.ReadFile(conf); err != nil || string(data) != "# changed\n" || !exists(own) || exists(filepath.Join(s.modules, "mod_wsgi", "wsgi-supervisor")) {
		t.Errorf("%q, %v", data, err)
	}
}

// with directives of the module elsewhere nothing is removed.
func TestUninstallRefuses(t *testing.T) {
	t.Parallel()
	s := newServer(t, sharedBuild(t), apxs.FamilySUSE, false, nil)
	s.put(t, s.options(Setup{}))
	site := filepath.Join(s.apache.Root, "conf.d", "site.conf")
	if err := os.WriteFile(site, []byte("<IfModule wsgi_module>\nWSGILazyInitialization On\n</IfModule>\n\nWSGIScriptAlias / /srv/app.wsgi\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := s.tree(t)
	o := Options{Runner: s.r, State: s.state, Apache: &s.apache}
	_, err := Uninstall(t.Context(), s.modules, Removal{}, o)
	if hint.Code(err) != hint.Refused || !strings.Contains(err.Error(), site+":5: WSGIScriptAlias") || strings.Contains(err.Error(), "WSGILazy") {
		t.Errorf("%v", err)
	}
	treetest.Same(t, "refused", s.tree(t), before)

	// An Apache that refuses what is left.
	if err := os.Remove(site); err != nil {
		t.Fatal(err)
	}
	httpd := filepath.Join(s.top, "httpd")
	if err := os.WriteFile(httpd, []byte("#!/bin/sh\necho broken >&2; exit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	before = s.tree(t)
	s.apache.Httpd = httpd
	if _, err := Uninstall(t.Context(), s.modules, Removal{}, o); hint.Code(err) != hint.Unverified || !strings.Contains(err.Error(), "broken") || !strings.Contains(err.Error(), "as it was before") {
		t.Errorf("%v", err)
	}
	treetest.Same(t, "refused by Apache", s.tree(t), before)
	if _, err := Install(t.Context(), s.from, s.modules, s.options(Setup{})); err != nil {
		t.Errorf("what is there already is there: %v", err) // nothing to do, nothing to ask
	}
}

// what is in place is proved, and goes if that fails.
func TestSetupProved(t *testing.T) {
	t.Parallel()
	s := newServer(t, sharedBuild(t), apxs.FamilySUSE, false, nil)
	before := s.tree(t)
	status := Failed
	setup := Setup{Verify: func(_ context.Context, l Layout, lines SetupLines) (Proof, error) {
		if !exists(l.Module) || l.Dir != s.modules || !lines.Enabled || len(s.loads(t)) != 1 {
			t.Errorf("%+v, %+v", l, lines)
		}
		return Proof{Levels: []LevelReport{{Level: Running, Status: status}}}, nil
	}}
	_, err := Install(t.Context(), s.from, s.modules, s.options(setup))
	if hint.Code(err) != hint.Unverified || !strings.Contains(err.Error(), "level run failed") {
		t.Errorf("%v", err)
	}
	treetest.Same(t, "disproved", s.tree(t), before)
	status = Passed
	if r := s.put(t, s.options(setup)); r.Proof == nil || r.Proof.Levels[0].Status != Passed {
		t.Errorf("%+v", r)
	}
	record, err := state{s.state}.read(place{dir: s.modules})
	if err != nil || record == nil || len(record.Current.Proof) != 1 || record.Current.Tool == "" || record.Current.Apache.MMN.Major == 0 || len(record.Current.Pythons) != 2 {
		t.Errorf("%+v, %v", record, err)
	}
}

// a signal that would end the process undoes what it did first. Not parallel:
// the signal is the process's.
func TestSetupSignalled(t *testing.T) {
	s := newServer(t, sharedBuild(t), apxs.FamilySUSE, false, nil)
	before := s.tree(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		setup := Setup{Verify: func(ctx context.Context, l Layout, _ SetupLines) (Proof, error) {
			if err := syscall.Kill(os.Getpid(), sig); err != nil || !exists(l.Module) {
				t.Errorf("%v; the module is there: %v", err, exists(l.Module))
			}
			<-ctx.Done()
			return Proof{}, ctx.Err()
		}}
		if _, err := Install(t.Context(), s.from, s.modules, s.options(setup)); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "as it was before") {
			t.Errorf("%v: %v", sig, err)
		}
		treetest.Same(t, sig.String(), s.tree(t), before)
	}
}

// three generations are kept, and each comes back byte for byte.
func TestRollback(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBuilt(t), apxs.FamilySUSE, false, nil)
	places := func() []string { return append(treetest.Tree(t, s.modules), treetest.Tree(t, s.apache.Root)...) }
	untimed := func(list []string) []string {
		for i, line := range list {
			if at := strings.Index(line, " +0000"); at > 0 && !strings.Contains(line, " -> ") {
				list[i] = line[:strings.Index(line, " 20")] + line[at:]
			}
		}
		return list
	}
	var was [][]string
	for n := range 5 {
		if n > 0 {
			s.Edit("wsgi_relay.c", "return x"+strings.Repeat(" + 1", n-1)+";", "return x"+strings.Repeat(" + 1", n)+";")
			s.rebuild(t)
		}
		s.put(t, s.options(Setup{}))
		was = append(was, untimed(places()))
	}
	o := Options{Runner: s.r, State: s.state}
	now := s.tree(t)
	for n := 1; ; n++ {
		o.watch = failing(n)
		if _, err := Rollback(t.Context(), s.modules, o); err == nil {
			break
		} else if !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
		treetest.Same(t, fmt.Sprintf("rolling back failed after step %d", n), s.tree(t), now)
	}
	o.watch = nil
	for n := 3; n >= 1; n-- {
		treetest.Same(t, fmt.Sprintf("generation %d", n), untimed(places()), was[n])
		g, err := Rollback(t.Context(), s.modules, o)
		if (n > 1) != (err == nil) || err == nil && g.Source == "" || err != nil && hint.Code(err) != hint.NotFound {
			t.Errorf("generation %d: %+v, %v", n, g, err)
		}
	}
	if _, err := Uninstall(t.Context(), s.modules, Removal{}, o); err != nil {
		t.Error(err)
	}
}

// I-5: below a root everything is staged, the record too, and nothing else is
// looked at.
func TestStaged(t *testing.T) {
	t.Parallel()
	s := newServer(t, sharedBuild(t), apxs.FamilyDebian, false, nil)
	root := filepath.Join(s.top, "the root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	a := s.apache
	a.ModulesDir, a.ConfFile, a.Httpd = "/usr/lib/apache2/modules", "/etc/apache2/apache2.conf", "/no/such/httpd"
	before := s.tree(t)
	o := Options{Runner: s.r, Apache: &a, Root: root, Setup: &Setup{Python: s.Pythons[0]}} // no home is looked for
	a.Httpd = ""
	if _, err := Install(t.Context(), s.from, a.ModulesDir, o); err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, line := range treetest.Tree(t, root) {
		if path, _, _ := strings.Cut(line, " "); !strings.Contains(path, "/mod_wsgi/") {
			there = append(there, path)
		}
	}
	for _, want := range []string{"/etc/apache2/mods-available/wsgi.load", "/etc/apache2/mods-available/wsgi.conf", "/usr/lib/apache2/modules/mod_wsgi.so", "/usr/lib/apache2/modules/mod_wsgi"} {
		if !slices.Contains(there, want) {
			t.Errorf("there is no %s: %q", want, there)
		}
	}
	record, err := state{filepath.Join(root, rootsState)}.read(place{dir: a.ModulesDir})
	if err != nil || record == nil || strings.Contains(fmt.Sprintf("%+v", record), root) {
		t.Errorf("%+v, %v", record, err)
	}
	load, err := os.ReadFile(filepath.Join(root, "/etc/apache2/mods-available/wsgi.load"))
	if err != nil || !strings.Contains(string(load), "LoadModule wsgi_module \"/usr/lib/apache2/modules/mod_wsgi.so\"") || strings.Contains(string(load), root) {
		t.Errorf("%s %v", load, err)
	}
	treetest.Same(t, "outside of the root", slices.DeleteFunc(s.tree(t), func(line string) bool { return strings.HasPrefix(line, "/the root/") }), before)
}
