package matrix

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"modwsgi/pybuild"
)

// identityCases are about who daemon processes are, and whose scripts they run.
func identityCases() []Case {
	uid, gid := os.Getuid(), os.Getgid()
	cases := []Case{
		{Name: "script-owner", App: "hello", Modes: daemonOnly, Ours: true, Own: true, Covers: "DP34",
			Daemon: fmt.Sprintf("threads=1 script-user=#%d", uid),
			Global: []string{
				fmt.Sprintf("WSGIDaemonProcess by-group threads=1 script-group=#%d", gid),
				fmt.Sprintf("WSGIDaemonProcess of-others threads=1 script-user=#%d", uid+4321)},
			Extra: []Site{
				{Host: "by-group.test", Mode: Daemon, Group: "by-group"},
				{Host: "of-others.test", Mode: Daemon, Group: "of-others"}},
			Announced: Announce{`WSGIM0245: .*'g-script-owner'.*may be written by its group`, `?WSGIM0245`}, Do: scriptOwner},
		{Name: "environment", App: "process", Modes: daemonOnly, Ours: true, Daemon: "threads=1", Covers: "DP04", Do: inheritedEnvironment},
	}
	if os.Geteuid() != 0 {
		return cases
	}
	return append(cases,
		Case{Name: "identity", App: "limits", Modes: daemonOnly, Ours: true, Covers: "DP02",
			Daemon: `threads=1 user=nobody group=#4241 supplementary-groups=#4242,#4243 umask=0027 home="@ROOT@/home"`, Do: identity},
		Case{Name: "home-of-user", App: "limits", Modes: daemonOnly, Ours: true, Daemon: `threads=1 user=games`, Do: homeOfUser},
		Case{Name: "chroot", App: "jailed", Modes: daemonOnly, Ours: true, Own: true, Covers: "DP41",
			Daemon: `threads=1 chroot="@APP@/jail"`, Jail: makeJail, Announced: Announce{`?(?i)could not find platform`, `?PYTHONHOME`}, Do: jailed})
}

// scriptOwner changes mode and folder of the script, and wants it refused until
// it is as it was.
func scriptOwner(t *T) {
	script := filepath.Join(t.Dir, "app.wsgi")
	status := func(host string, want int) {
		t.check(Request{Host: host}, Want{Status: want}, t.Do(Request{Host: host}))
	}
	mode := func(path string, m os.FileMode) {
		if err := os.Chmod(path, m); err != nil {
			t.Fatalf("%v", err)
		}
	}
	status("", 200)
	status("by-group.test", 200)
	status("of-others.test", 403)
	mode(script, 0o664)
	status("", 403)
	status("by-group.test", 200) // the group may write what is of the group
	mode(script, 0o646)
	status("", 403)
	status("by-group.test", 403)
	mode(script, 0o644)
	mode(t.Dir, 0o777)
	status("", 403)
	status("by-group.test", 403)
	mode(t.Dir, 0o755)
	status("", 200)
	status("by-group.test", 200)
	t.waitLogOf("by-group.test.log", "WSGIM0245: daemon process group 'by-group' does not run this script, see its script-group: the script's folder")
	t.waitLogOf("of-others.test.log", "belongs to user")
}

// inheritedEnvironment wants what httpd has, with the user's own HOME and USER,
// and nothing that somebody put in on the way.
func inheritedEnvironment(t *T) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", t.Server.PID))
	if err != nil {
		t.Skipf("%v", err)
	}
	httpd := map[string]string{}
	for _, l := range strings.Split(strings.TrimRight(string(text), "\x00"), "\x00") {
		name, value, _ := strings.Cut(l, "=")
		httpd[name] = value
	}
	p := processOf(t)
	for name, value := range p.Environ {
		if name == "HOME" || name == "LC_CTYPE" { // the latter is set by Python in the locale C
			continue
		}
		want, known := httpd[name]
		if !known {
			t.Errorf("the process has %s=%q, httpd has not", name, value)
		}
		if name != "USER" && name != "LOGNAME" && name != "USERNAME" {
			Same(t, name, value, want)
		}
	}
	u, err := user.LookupId(strconv.Itoa(p.UID))
	if err != nil {
		t.Skipf("%v", err)
	}
	if os.Geteuid() == 0 {
		Same(t, "HOME", p.Environ["HOME"], u.HomeDir)
	}
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		got, has := p.Environ[name]
		if _, had := httpd[name]; had != has {
			t.Errorf("%s is set: %v, in httpd: %v", name, has, had)
		}
		if has && os.Geteuid() == 0 {
			Same(t, name, got, u.Username)
		}
	}
}

func identity(t *T) {
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("no user nobody: %v", err)
	}
	var f limits
	t.JSON("/facts", &f)
	Same(t, "user", strconv.Itoa(f.UID), u.Uid)
	Same(t, "group", f.GID, 4241)
	slices.Sort(f.Groups)
	if !slices.Equal(f.Groups, []int{4241, 4242, 4243}) {
		t.Errorf("groups are %d, want exactly 4241, 4242 and 4243", f.Groups)
	}
	home := filepath.Join(t.Server.Root, "home")
	Same(t, "working directory", f.Cwd, home)
	Same(t, "first entry of sys.path", f.First, home)
	Same(t, "umask", f.Umask, 0o027)
	for _, set := range f.Capabilities {
		Same(t, "capabilities", strings.Trim(set, "0"), "")
	}
	Same(t, "no_new_privs", f.NoNewPrivs, "1")
}

// homeOfUser wants a process of another user than httpd's in that user's home,
// which is not in sys.path since nobody asked for it.
func homeOfUser(t *T) {
	u, err := user.Lookup("games")
	if err != nil || !exists(u.HomeDir) {
		t.Skipf("no user games with a home: %v", err)
	}
	var f limits
	t.JSON("/facts", &f)
	Same(t, "working directory", f.Cwd, u.HomeDir)
	if f.First == u.HomeDir {
		t.Errorf("sys.path begins with %s", f.First)
	}
}

// makeJail puts the standard library and the script below dir/jail, at the paths
// they have outside.
func makeJail(dir string, python pybuild.Info) error {
	jail := filepath.Join(dir, "jail")
	libraries, err := filepath.Glob(filepath.Join(python.BasePrefix, "lib*", "python3.[0-9]*"))
	if err != nil {
		return err
	}
	for _, from := range libraries {
		if err := copyLibrary(from, filepath.Join(jail, from)); err != nil {
			return err
		}
	}
	inside := filepath.Join(jail, dir)
	if err := os.MkdirAll(inside, 0o755); err != nil {
		return err
	}
	script, err := os.ReadFile(filepath.Join(dir, "app.wsgi"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(inside, "app.wsgi"), script, 0o644)
}

// copyLibrary copies the modules of a folder but for those that no server
// imports.
func copyLibrary(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(from, path)
		switch d.Name() {
		case "__pycache__", "test", "tests", "idlelib", "tkinter", "lib2to3", "ensurepip", "dist-packages", "site-packages", "pydoc_data":
			if d.IsDir() {
				return filepath.SkipDir
			}
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		if ext := filepath.Ext(path); !d.Type().IsRegular() || ext != ".py" && ext != ".so" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o644)
	})
}

func jailed(t *T) {
	python := t.Server.Conf.Target.Python
	if python.Prefix != python.BasePrefix {
		t.Skipf("the virtual environment %s is not in the jail", python.Prefix)
	}
	var seen struct {
		Cwd     string
		Top, Up []string
		Outside bool
		UID     int
	}
	t.JSON("/", &seen)
	Same(t, "working directory", seen.Cwd, "/")
	Same(t, "/etc/passwd is within reach", seen.Outside, false)
	if !slices.Equal(seen.Top, seen.Up) || !slices.Contains(seen.Top, strings.Split(python.BasePrefix, "/")[1]) || slices.Contains(seen.Top, "proc") {
		t.Errorf("/ holds %q, and above it is %q", seen.Top, seen.Up)
	}
	if seen.UID == 0 {
		t.Errorf("the process is root")
	}
}
