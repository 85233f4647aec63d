package installer

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/pybuild"
)

// recordedApache is the first of a system of package apxs.
func recordedApache(t *testing.T, system string) apxs.Info {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "apxs", "testdata", "systems", system+".golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []apxs.Candidate
	if err := json.Unmarshal(data, &list); err != nil || len(list) == 0 || list[0].Info == nil {
		t.Fatalf("%s: %v", system, err)
	}
	return *list[0].Info
}

// Section 11: where a module and its configuration lie on each system that was
// recorded, ours and a release of the original; I-1: what is otherwise is said.
func TestFamilies(t *testing.T) {
	for _, c := range []struct {
		system, module, classic, conf, classicConf string
		enable                                     Enabling
		unexpected                                 string
	}{
		{"debian12", "/usr/lib/apache2/modules/mod_wsgi.so", "mod_wsgi-py313t.so", "/etc/apache2/mods-available/wsgi.load", "/etc/apache2/mods-available/wsgi-py313t.load", ByA2enmod, ""},
		{"fedora", "/usr/lib64/httpd/modules/mod_wsgi.so", "mod_wsgi_py313t.so", "/etc/httpd/conf.modules.d/10-mod_wsgi.conf", "/etc/httpd/conf.modules.d/10-wsgi-py313t.conf", ByPresence, ""},
		{"scl", "/opt/rh/httpd24/root/usr/lib64/httpd/modules/mod_wsgi.so", "mod_wsgi_py313t.so", "/opt/rh/httpd24/root/etc/httpd/conf.modules.d/10-mod_wsgi.conf", "/opt/rh/httpd24/root/etc/httpd/conf.modules.d/10-wsgi-py313t.conf", ByPresence,
			"the modules of this Apache lie in /opt/rh/httpd24/root/usr/lib64/httpd/modules, on fedora they are in /usr/lib64/httpd/modules\nthe configuration of this Apache lies in /opt/rh/httpd24/root/etc/httpd/conf, on fedora it is in /etc/httpd/conf"},
		{"suse", "/usr/lib64/apache2/mod_wsgi.so", "mod_wsgi-py313t.so", "/etc/apache2/conf.d/wsgi.conf", "/etc/apache2/conf.d/wsgi-py313t.conf", ByPresence, ""},
		{"alpine", "/usr/lib/apache2/mod_wsgi.so", "mod_wsgi-py313t.so", "/etc/apache2/conf.d/wsgi-module.conf", "/etc/apache2/conf.d/wsgi-module-py313t.conf", ByPresence, ""},
		{"arch", "/usr/lib/httpd/modules/mod_wsgi.so", "mod_wsgi-py313t.so", "/etc/httpd/conf/extra/httpd-wsgi.conf", "/etc/httpd/conf/extra/httpd-wsgi-py313t.conf", ByInclude, ""},
		{"freebsd", "/usr/local/libexec/apache24/mod_wsgi.so", "mod_wsgi-py313t.so", "/usr/local/etc/apache24/modules.d/270_mod_wsgi.conf", "/usr/local/etc/apache24/modules.d/270_mod_wsgi_py313t.conf", ByPresence, ""},
		{"homebrew", "/opt/homebrew/opt/httpd/lib/httpd/modules/mod_wsgi.so", "mod_wsgi-py313t.so", "/opt/homebrew/etc/httpd/extra/httpd-wsgi.conf", "/opt/homebrew/etc/httpd/extra/httpd-wsgi-py313t.conf", ByInclude, ""},
		{"source", "/usr/local/apache2/modules/mod_wsgi.so", "mod_wsgi-py313t.so", "/usr/local/apache2/conf/extra/httpd-wsgi.conf", "/usr/local/apache2/conf/extra/httpd-wsgi-py313t.conf", ByInclude, ""},
		{"conda", "/home/user/miniconda3/envs/web/modules/mod_wsgi.so", "mod_wsgi-py313t.so", "/home/user/miniconda3/envs/web/conf/extra/httpd-wsgi.conf", "/home/user/miniconda3/envs/web/conf/extra/httpd-wsgi-py313t.conf", ByInclude, ""},
		{"gentoo", "/usr/lib64/apache2/modules/mod_wsgi.so", "mod_wsgi-py313t.so", "/etc/apache2/modules.d/70_mod_wsgi.conf", "/etc/apache2/modules.d/70_mod_wsgi_py313t.conf", ByDefine, ""},
		{"nix", "/nix/store/x-httpd/modules/mod_wsgi.so", "mod_wsgi-py313t.so", "", "", ByHand, ""},
	} {
		t.Run(c.system, func(t *testing.T) {
			var a apxs.Info
			switch c.system {
			case "gentoo": // composed: after Gentoo's own ebuild
				a = apxs.Info{Family: apxs.FamilyGentoo, ModulesDir: "/usr/lib64/apache2/modules", ConfFile: "/etc/apache2/httpd.conf"}
			case "nix":
				a = apxs.Info{Family: apxs.FamilySource, ModulesDir: "/nix/store/x-httpd/modules", ConfFile: "/nix/store/x-httpd/conf/httpd.conf"}
			default:
				a = recordedApache(t, c.system)
			}
			f, conf := FamilyOf(a), filepath.Dir(a.ConfFile)
			for what, pair := range map[string][2]string{
				"module":                          {filepath.Join(a.ModulesDir, f.ModuleFile("")), c.module},
				"module of a release":             {f.ModuleFile("py313t"), c.classic},
				"configuration":                   {f.ConfFile(conf, ""), c.conf},
				"configuration for a release":     {f.ConfFile(conf, "py313t"), c.classicConf},
				"enabling":                        {string(f.Enable), string(c.enable)},
				"what is otherwise than expected": {strings.Join(f.Unexpected(a), "\n"), c.unexpected},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: %s, want %s", what, pair[0], pair[1])
				}
			}
		})
	}
	if got := FlavourOf(pybuild.Info{ABI: pybuild.ABI{Major: 3, Minor: 13, Free: true}}); got != "py313t" || got.Load() != "wsgi-py313t" {
		t.Errorf("%q, %q", got, got.Load())
	}
}

// N-3: ours is read before the distribution's own, by name.
func TestSortsFirst(t *testing.T) {
	i := slices.IndexFunc(Families(), func(f Family) bool { return f.Name == apxs.FamilyFedora })
	for _, v := range []Flavour{"", "py313t", "py39"} {
		if name := filepath.Base(Families()[i].ConfFile("/etc/httpd/conf", v)); name >= "10-wsgi-python3.conf" {
			t.Errorf("%s is read after 10-wsgi-python3.conf", name)
		}
	}
}

// N-1, N-2, N-3: the files of each way to enable a module; a real Apache reads
// them.
func TestConfFiles(t *testing.T) {
	d := Directives{About: []string{"Written by mod_wsgi-express.", "Remove it:\nmod_wsgi-express uninstall"}, LoadFile: "/opt/py \"x\"/libpython3.13t.so", Module: "/m/mod_wsgi.so", Home: "/opt/py", Free: true, Sockets: "/var/run/wsgi"}
	const comments = "# Written by mod_wsgi-express.\n# Remove it: mod_wsgi-express uninstall\n"
	const load = "LoadFile \"/opt/py \\\"x\\\"/libpython3.13t.so\"\nLoadModule wsgi_module \"/m/mod_wsgi.so\"\n"
	const guarded = "<IfModule !wsgi_module>\n    LoadFile \"/opt/py \\\"x\\\"/libpython3.13t.so\"\n    LoadModule wsgi_module \"/m/mod_wsgi.so\"\n</IfModule>\n"
	const settings = "<IfModule wsgi_module>\n    WSGIPythonHome \"/opt/py\"\n    # WSGIFreeThreading On\n    # WSGISocketPrefix \"/var/run/wsgi\"\n</IfModule>\n"
	for _, c := range []struct {
		enable Enabling
		want   []string
	}{
		{ByPresence, []string{comments + guarded + settings}},
		{ByInclude, []string{comments + guarded + settings}},
		{ByA2enmod, []string{
			comments + "# Conflicts: wsgi wsgi-py36 wsgi-py37 wsgi-py38 wsgi-py39 wsgi-py310 wsgi-py311 wsgi-py312 wsgi-py313 wsgi-py314 wsgi-py314t wsgi-py315 wsgi-py315t\n" + load,
			comments + settings}},
		{ByDefine, []string{comments + "<IfDefine WSGI>\n    " + strings.ReplaceAll(strings.TrimSuffix(guarded+settings, "\n"), "\n", "\n    ") + "\n</IfDefine>\n"}},
		{ByName, []string{comments + settings}},
		{ByHand, nil},
	} {
		f := Family{File: "wsgi{-}.load", Enable: c.enable}
		files, err := f.Files("/conf", "py313t", d)
		if err != nil || len(files) != len(c.want) {
			t.Errorf("%s: %d files, %v", c.enable, len(files), err)
			continue
		}
		for i, file := range files {
			if file.Text != c.want[i] {
				t.Errorf("%s: %s is\n%s\nwant\n%s", c.enable, file.Path, file.Text, c.want[i])
			}
			readByApache(t, file.Text)
		}
	}

	// N-4
	for _, path := range []string{"/a\nb", "/a${b}", "/a%{b}", "relative"} {
		for what, d := range map[string]Directives{"module": {Module: path}, "home": {Module: "/m", Home: path}, "library": {Module: "/m", LoadFile: path}} {
			if files, err := Families()[0].Files("/conf", "", d); err == nil {
				t.Errorf("%s %q: %v", what, path, files)
			}
		}
	}
}

// readByApache has the real server read a file without what it loads: sections and
// quotes must be as it wants them.
func readByApache(t *testing.T, text string) {
	t.Helper()
	httpd, err := exec.LookPath("apache2")
	if err != nil {
		if httpd, err = exec.LookPath("/usr/sbin/apache2"); err != nil {
			t.Log("no server that reads it: there is no apache2")
			return
		}
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "httpd.conf")
	text = strings.NewReplacer("LoadModule wsgi_module", "Define a", "LoadFile", "Define b", "WSGIPythonHome", "Define c").Replace(text)
	head := "ServerRoot \"" + dir + "\"\nServerName localhost\nDefaultRuntimeDir \"" + dir + "\"\nErrorLog \"" + dir + "/log\"\nDefine WSGI\n"
	for _, name := range []string{"mpm_event", "authz_core"} {
		if path := "/usr/lib/apache2/modules/mod_" + name + ".so"; exists(path) {
			head += "LoadModule " + name + "_module " + path + "\n"
		}
	}
	if err := os.WriteFile(conf, []byte(head+text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(httpd, "-t", "-f", conf).CombinedOutput(); err != nil {
		t.Errorf("Apache refuses\n%s\n%s", text, out)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
