package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// settled is what the application settings says of its interpreter.
type settled struct {
	PID                              int
	Interpreter, Version, Hash, Eggs string
	Optimize                         int
	Bytecode                         bool `json:"dont_write_bytecode"`
	Warnings, Path, Package, Types   []string
	Interval                         float64
	Prefix, Executable               string
	Stdin, Stdout, Stderr            string
	RawStdout                        string `json:"raw_stdout"`
}

// settings asks a path on a virtual host of the case.
func (t *T) settled(host string) (s settled) {
	t.decode(Request{Host: host, Path: "/facts"}, &s)
	return s
}

// own is the process group of the case in a configuration: that of its mode.
func own(mode Mode) string {
	if mode == Embedded {
		return "%{GLOBAL}"
	}
	return "@GROUP@"
}

// inBoth makes a case of each mode, for configurations that differ by it.
func inBoth(make func(Mode) Case) (cases []Case) {
	for _, mode := range Modes() {
		c := make(mode)
		c.Name += "-" + string(mode)
		c.Modes = []Mode{mode}
		cases = append(cases, c)
	}
	return cases
}

// scope is a container with what stands in it.
func scope(selectors string, lines ...string) []string {
	return slices.Concat([]string{"<WSGIInterpreterOptions " + selectors + ">"}, lines, []string{"</WSGIInterpreterOptions>"})
}

// interpreters are further virtual hosts, each with the script in another
// interpreter, by name.
func interpreters(mode Mode, names ...string) (sites []Site) {
	for _, name := range names {
		sites = append(sites, Site{Host: name + ".test", Mode: mode, Group: "@GROUP@", Interpreter: name})
	}
	return sites
}

// settingsCases are about the Python of a process and its interpreters: what
// directives say of them, and what is so without.
func settingsCases() []Case {
	of := func(c Case) Case {
		c.App, c.Own, c.Ours = "settings", true, true
		return c
	}
	flags := func(mode Mode) Case {
		return of(Case{Name: "settings-python", Covers: "IN22", Do: pythonFlags, Extra: interpreters(mode, "sub"), Global: []string{
			"WSGIPythonOptimize 2", "WSGIDontWriteBytecode On", "WSGIPythonWarnings error::UserWarning", "WSGIPythonWarnings ignore::DeprecationWarning",
			"WSGIPythonHashSeed 0", `WSGIPythonEggs "@ROOT@/eggs"`}})
	}
	random := of(Case{Name: "settings-random", Covers: "IN22", Global: []string{"WSGIPythonHashSeed random", "WSGIPythonOptimize 9"}, Do: func(t *T) {
		first := t.settled("")
		Same(t, "optimisation", first.Optimize, 2)
		if again := t.another(first.PID); again.Hash == first.Hash {
			t.Errorf("the hash of two processes is %s", again.Hash)
		}
	}})
	streams := func(mode Mode) Case {
		return of(Case{Name: "settings-streams", Covers: "IN06", Do: restrictedStreams, Extra: interpreters(mode, "free"), Announced: Announce{`by the way of the fallback`},
			Global: append([]string{"WSGIRestrictStdin On", "WSGIRestrictStdout On"}, scope("application-group=free", "WSGIRestrictStdin Off", "WSGIRestrictStdout Off")...)})
	}
	signals := func(mode Mode) Case {
		return of(Case{Name: "settings-signal", Covers: "IN07", Do: registered, Extra: interpreters(mode, "sub"), Prepare: notesFolder, Global: append(
			[]string{"WSGIImportScript \"@APP@/noted.py\" process-group=" + own(mode) + " application-group=%{GLOBAL}"},
			scope("application-group=%{GLOBAL} process-group="+own(mode), "WSGIRestrictSignal Off")...)})
	}
	paths := func(mode Mode) Case {
		c := of(Case{Name: "settings-path", Covers: "IN03 IN21", Do: layeredPath, Prepare: pathFolders, Extra: interpreters(mode, "sub"),
			Announced: Announce{`Error processing line 2 of .*lib1/odd\.pth`, `?ModuleNotFoundError`, `?Remainder of file ignored`, `?^(\[daemon '.*'\])? *(Traceback|File|exec|import|$)`, `WSGIM0608: '.*/nowhere' of python-path`},
			Global: slices.Concat(
				scope("process-group="+own(mode)+" application-group=sub", `WSGIPythonPath "@APP@/both:@APP@/lib2"`),
				scope("", `WSGIPythonPath "@APP@/all"`), scope("application-group=sub", `WSGIPythonPath "@APP@/sub"`),
				scope("process-group="+own(mode), `WSGIPythonPath "@APP@/group"`), scope("application-group=other", `WSGIPythonPath "@APP@/other"`))})
		if list := `"@APP@/lib1:@APP@/nowhere:@APP@/lib2"`; mode == Embedded {
			c.Global = append(c.Global, "WSGIPythonPath "+list)
		} else {
			c.Daemon = `threads=2 home="@ROOT@/home" python-path=` + list
			c.Global = append(c.Global, `WSGIPythonPath "@APP@/other"`) // for children alone
		}
		return c
	}
	precedence := func(mode Mode) Case {
		return of(Case{Name: "settings-scopes", Covers: "IN21", Do: precedence, Extra: interpreters(mode, "a", "b", "c"), Global: slices.Concat(
			scope("application-group=a process-group="+own(mode), "WSGIRestrictStdin On"),
			scope("Application-Group=a", "WSGIRestrictStdin Off"),
			scope("PROCESS-GROUP="+own(mode), "WSGIRestrictStdin Off"), scope("application-group=b", "WSGIRestrictStdin On"), scope("application-group=c", "WSGIRestrictStdin On"),
			scope("process-group="+own(mode)+" application-group=c", "WSGIRestrictStdin Off"), scope("process-group="+own(mode)+" application-group=c"),
			scope("process-group=another", "WSGIRestrictStdin On"), scope("", "WSGIRestrictStdout On"), []string{"WSGIRestrictStdout Off"})})
	}
	interval := func(mode Mode) Case {
		c := of(Case{Name: "settings-interval", Covers: "IN23", Extra: interpreters(mode, "sub"), Announced: Announce{`WSGIM0621: WSGISwitchInterval 0\.001000 .*'sub'`},
			Global: append([]string{"WSGISwitchInterval 0.002"}, scope("application-group=sub", "WSGISwitchInterval .001")...),
			Do: func(t *T) {
				main, sub := t.settled("").Interval, t.settled("sub.test").Interval
				want := t.interval(map[Mode]float64{Embedded: 0.002, Daemon: 0.003}[t.Mode])
				Same(t, "switch interval", main, want)
				Same(t, "switch interval of another interpreter", sub, want)
			}})
		if mode == Daemon {
			c.Daemon = "threads=2 switch-interval=0.003"
		}
		return c
	}
	unreached := Case{Name: "unreached", App: "hello", Modes: daemonOnly, Own: true, Ours: true, Daemon: "threads=1",
		Global: []string{"WSGIDaemonProcess forgotten threads=1", "WSGIDaemonProcess used threads=1", "WSGIRestrictProcess forgotten @GROUP@"},
		Conf:   []string{`WSGIScriptAlias /used "@APP@/app.wsgi" "process-group=used"`}, Do: func(t *T) {
			t.WaitLog(`daemon process group 'forgotten' \(.*httpd\.conf:\d+\) is named by no`)
			Same(t, "groups that are said to be unreached", t.logged("no request reaches it"), 1)
		}}
	return slices.Concat(inBoth(flags), inBoth(streams), inBoth(signals), inBoth(paths), inBoth(precedence), inBoth(interval), []Case{random, unreached})
}

// interval is the switch interval that comes of a setting. Without a GIL it has no
// effect, which the log says.
func (t *T) interval(set float64) float64 {
	if t.GIL != NoGIL {
		return set
	}
	if t.logged(fmt.Sprintf("WSGIM0622: a switch interval of %f seconds has no effect", set)) == 0 {
		t.Errorf("the log does not say that a switch interval of %v has no effect", set)
	}
	return 0.005
}

// another is what a process other than that with this number says, after a
// graceful restart that has ended that one.
func (t *T) another(pid int) (s settled) {
	if err := t.Server.Graceful(t.Context); err != nil {
		t.Fatalf("%v", err)
	}
	t.Wait("the process of before to be gone", func() bool { return !exists(fmt.Sprintf("/proc/%d", pid)) })
	t.Wait("an answer of another process", func() bool {
		s = t.settled("")
		return s.PID != pid
	})
	return s
}

func pythonFlags(t *T) {
	first := t.settled("")
	for host, s := range map[string]settled{"": first, "sub.test": t.settled("sub.test")} {
		Same(t, "optimisation "+host, s.Optimize, 2)
		Same(t, "sys.dont_write_bytecode "+host, s.Bytecode, true)
		if n := len(s.Warnings); n < 2 || !slices.Equal(s.Warnings[n-2:], []string{"error::UserWarning", "ignore::DeprecationWarning"}) {
			t.Errorf("filters of warnings are %q", s.Warnings)
		}
		Same(t, "hash "+host, s.Hash, first.Hash)
		Same(t, "PYTHON_EGG_CACHE "+host, s.Eggs, map[Mode]string{Embedded: filepath.Join(t.Server.Root, "eggs")}[t.Mode])
	}
	Same(t, "hash in another process", t.another(first.PID).Hash, first.Hash)
}

// restrictedStreams wants the two to refuse in their own names, where they are
// restricted, and all else to reach the log.
func restrictedStreams(t *T) {
	s, free := t.settled(""), t.settled("free.test")
	for name, got := range map[string]string{"sys.stdin": s.Stdin, "sys.stdout": s.Stdout} {
		if !strings.HasPrefix(got, "OSError: "+name+" is restricted by mod_wsgi") {
			t.Errorf("%s, restricted: %s", name, got)
		}
	}
	Same(t, "types", strings.Join(s.Types, " "), "Restricted Restricted TextIOWrapper TextIOWrapper TextIOWrapper")
	Same(t, "types, not restricted", strings.Join(free.Types, " "), "TextIOWrapper TextIOWrapper TextIOWrapper TextIOWrapper TextIOWrapper")
	Same(t, "sys.stderr", s.Stderr, "<stderr>")
	Same(t, "sys.stdin", free.Stdin, "<stdin>")
	Same(t, "sys.stdout", free.Stdout, "<stdout>")
	Same(t, "sys.__stdout__", s.RawStdout, "<stdout>")
	t.Get("/fallback")
}

// registered wants a handler to be ignored, with the place that wanted it, but not
// in the one interpreter where it may be registered: by its main thread.
func registered(t *T) {
	sub := t.Do(Request{Host: "sub.test", Path: "/signal"})
	Same(t, "signal.signal in an interpreter that may not", string(sub.Body), "given back, unchanged")
	t.waitLogOf("sub.test.log", "registration of a handler for signal 15 ignored")
	t.waitLogOf("sub.test.log", "in register")
	if got := string(t.Get("/signal").Body); !strings.HasPrefix(got, "ValueError: signal only works in main thread") {
		t.Errorf("signal.signal of a request's thread in an interpreter that may: %s", got)
	}
	noted := strings.Fields(readFile(filepath.Join(t.Dir, "notes", "main")))
	if len(noted) < 3 || noted[1] != "True" || noted[2] != "True" {
		t.Errorf("an import script that registers a handler noted %q", noted)
	}
}

// pathFolders makes what sys.path is to be made of.
func pathFolders(dir string) error {
	for _, name := range []string{"lib1", "lib2", "extra", "both", "all", "sub", "group", "other", "lib2/mod_wsgi/server"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"lib1/extra.pth": "../extra\n", "lib1/odd.pth": "# odd\nimport no_such_module_here\n",
		"lib2/mod_wsgi/__init__.py": "", "lib2/mod_wsgi/server/__init__.py": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func layeredPath(t *T) {
	for host, want := range map[string]string{"": "group all lib1 extra nowhere lib2", "sub.test": "both group sub all lib1 extra nowhere lib2"} {
		s := t.settled(host)
		if t.Mode == Daemon {
			Same(t, "first of sys.path, with home= "+host, s.Path[0], filepath.Join(t.Server.Root, "home"))
			s.Path = s.Path[1:]
		}
		var got []string
		for _, p := range s.Path[:min(len(s.Path), len(strings.Fields(want)))] {
			name, _ := filepath.Rel(t.Dir, p)
			got = append(got, name)
		}
		Same(t, "beginning of sys.path "+host, strings.Join(got, " "), want)
		if slices.ContainsFunc(s.Path, func(p string) bool { return strings.HasSuffix(p, "/other") }) {
			t.Errorf("sys.path %s has what is for others: %q", host, s.Path)
		}
		Same(t, "first folder of the package mod_wsgi", s.Package[0], filepath.Join(t.Dir, "lib2", "mod_wsgi"))
		Same(t, "its folders", len(s.Package), 2)
	}
}

func precedence(t *T) {
	for host, want := range map[string]string{
		"":       "TextIOWrapper", // the scope of its process group
		"a.test": "Restricted",    // both selectors, though they come first
		"b.test": "Restricted",    // the later of two that are equal
		"c.test": "TextIOWrapper", // both selectors
	} {
		s := t.settled(host)
		Same(t, "type of sys.stdin of "+orElse(host, "the main interpreter"), s.Types[0], want)
		Same(t, "type of sys.stdout, of a container without selectors, at "+host, s.Types[1], "Restricted")
	}
}

// settingsRefusals are values that the directives of interpreters refuse.
func settingsRefusals() []Refusal {
	var cases []Refusal
	add := func(name, covers string, wants []string, lines ...string) {
		cases = append(cases, Refusal{Name: "settings-" + name, Covers: covers, Lines: lines, Wants: wants})
	}
	fine := func(name, covers string, lines ...string) {
		cases = append(cases, Refusal{Name: "settings-" + name, Covers: covers, Lines: lines, Accept: true, Wants: []string{"Syntax OK"}})
	}
	for i, bad := range []string{"x", "4294967296", "-1", "1.0", "0x10", "99999999999999999999"} {
		add(fmt.Sprintf("hash-seed-%d", i), "CF15", []string{"WSGIPythonHashSeed: '" + bad + "' is not understood; use random, or a whole number from 0 to 4294967295"}, "WSGIPythonHashSeed "+bad)
	}
	fine("hash-seed", "CF15", "WSGIPythonHashSeed random", "WSGIPythonHashSeed 0", "WSGIPythonHashSeed 4294967295")
	for i, bad := range []string{"0", "abc", "-1", "1x", "nan", "1e3", "1001"} {
		add(fmt.Sprintf("interval-%d", i), "CF16", []string{"WSGISwitchInterval: '" + bad + "' is not understood; use seconds"}, "WSGISwitchInterval "+bad)
	}
	for i, bad := range []string{"-1", "two", "1.5", "0x1"} {
		add(fmt.Sprintf("optimize-%d", i), "", []string{"WSGIPythonOptimize: '" + bad + "' is not understood; use 0, 1 or 2"}, "WSGIPythonOptimize "+bad)
	}
	fine("optimize", "", "WSGIPythonOptimize 0", "WSGIPythonOptimize 17")
	add("eggs", "", []string{"WSGIPythonEggs: 'eggs' is not an absolute path"}, "WSGIPythonEggs eggs")
	for name, c := range map[string]struct{ covers, open, want string }{
		"selector":  {"CF18", "<WSGIInterpreterOptions foo=1>", "'foo' selects nothing; the selectors are process-group and application-group"},
		"doubled":   {"CF18", "<WSGIInterpreterOptions process-group=a Process-Group=b>", "Process-Group is given twice"},
		"word":      {"CF18", "<WSGIInterpreterOptions process-group>", "'process-group' is not an option"},
		"empty":     {"CF18", "<WSGIInterpreterOptions process-group=>", "option process-group= has no value"},
		"unclosed":  {"CF18", "<WSGIInterpreterOptions process-group=a", "<WSGIInterpreterOptions does not end in >"},
		"following": {"", "<WSGIInterpreterOptions process-group=a> b", "<WSGIInterpreterOptions does not end in >"},
	} {
		add("scope-"+name, c.covers, []string{c.want}, c.open, "</WSGIInterpreterOptions>")
	}
	for _, inside := range []string{"WSGIProcessGroup x", "WSGIDaemonProcess x", "WSGIPythonHome /usr", "WSGIDestroyInterpreter Off", "ServerAdmin x", "<WSGIInterpreterOptions>\n</WSGIInterpreterOptions>", "<Location />\n</Location>"} {
		name, _, _ := strings.Cut(strings.Fields(inside)[0], ">")
		add("scope-with-"+strings.Trim(name, "<"), "CF19", []string{name + `>? cannot stand in <WSGIInterpreterOptions>, which takes WSGIPerInterpreterGIL`, "line [0-9]+"}, "<WSGIInterpreterOptions>", inside, "</WSGIInterpreterOptions>")
	}
	add("scope-in-vhost", "CF03", []string{"<WSGIInterpreterOptions> cannot occur within <VirtualHost> section"}, "<VirtualHost *:1>", "<WSGIInterpreterOptions>", "</WSGIInterpreterOptions>", "</VirtualHost>")
	add("scope-in-directory", "", []string{"<WSGIInterpreterOptions (not allowed|cannot occur)"}, "<Location />", "<WSGIInterpreterOptions>", "</WSGIInterpreterOptions>", "</Location>")
	add("scope-value", "", []string{"WSGIRestrictStdin: 'maybe' is not understood; use On or Off"}, "<WSGIInterpreterOptions>", "WSGIRestrictStdin maybe", "</WSGIInterpreterOptions>")
	fine("scopes", "", slices.Concat(scope(""), scope(`process-group="a b" 'application-group=%{GLOBAL}'`, "WSGIPerInterpreterGIL On", "WSGIFreeThreading Off", "<IfModule mod_wsgi.c>", "WSGISwitchInterval 0.01", "</IfModule>",
		"WSGIPythonPath /a:/b", "WSGIRestrictStdin On", "WSGIRestrictStdout On", "WSGIRestrictSignal Off"))...)
	cases = append(cases, Refusal{Name: "settings-free-threading", Accept: true, Lines: scope("application-group=x", "WSGIFreeThreading On"),
		Wants: []string{"WSGIM0101: WSGIFreeThreading in <WSGIInterpreterOptions application-group=x> has no effect", "Syntax OK"}})
	return append(cases, legacyRefusals()...)
}

// legacyRefusals are directives of other releases: taken, remarked on where it
// matters, and refused with arguments that they never had.
func legacyRefusals() []Refusal {
	remarks := map[string]string{
		"WSGILazyInitialization Off": `\[wsgi:warn\].*WSGIM0102: WSGILazyInitialization .*Off has no effect`,
		"WSGINewRelicConfigFile /x":  `\[wsgi:warn\].*WSGIM0102: WSGINewRelicConfigFile .*no effect`,
		"WSGINewRelicEnvironment x":  `\[wsgi:warn\].*WSGIM0102: WSGINewRelicEnvironment .*no effect`,
		"WSGIVerboseDebugging On":    `\[wsgi:info\].*WSGIVerboseDebugging .*does nothing: LogLevel wsgi:debug`,
		"WSGIPy3kWarningFlag On":     `\[wsgi:debug\].*WSGIPy3kWarningFlag .*does nothing`,
	}
	all := Refusal{Name: "legacy", Covers: "CF22", Accept: true, Wants: []string{"Syntax OK", `\[wsgi:debug\].*WSGIUserAuthoritative .*does nothing`, `\[wsgi:warn\].*newrelic-config-file`, `\[wsgi:warn\].*newrelic-environment`},
		Lines: []string{"LogLevel wsgi:debug", "WSGILazyInitialization On", "WSGISocketRotation Off", "WSGIAcceptMutex FLOCK", "WSGIDaemonProcess d newrelic-config-file=/x newrelic-environment=x",
			"<Location />", "WSGIUserAuthoritative Off", "WSGIGroupAuthoritative Off", "</Location>"}}
	for line, want := range remarks {
		all.Lines, all.Wants = append(all.Lines, line), append(all.Wants, want)
	}
	return []Refusal{all,
		{Name: "legacy-mutex", Covers: "CF23", Lines: []string{"WSGIAcceptMutex bogus"}, Wants: []string{"WSGIAcceptMutex: 'bogus' is not understood; the mechanisms are default, .*fcntl"}},
	}
}
