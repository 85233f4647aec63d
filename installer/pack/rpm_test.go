package pack

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// relations of an rpm.
func (x packed) testRPM(t *testing.T) {
	t.Parallel()
	all := described(t, "rpm", x.b, x.o)
	apache, half, own := all["mod_wsgi-any"], all["python3.11-mod_wsgi"], all["python3.13t-mod_wsgi"]
	if apache.Name == "" || half.Name == "" || own.Name == "" {
		t.Fatalf("%d packages", len(all))
	}
	for name, d := range all { // as rpmbuild says of packages with scripts
		if slices.Contains(d.Depends, "/bin/sh") != (d.Scripts != Scripts{}) {
			t.Errorf("%s: %q", name, d.Depends)
		}
	}
	list := strings.Join(apache.Depends, "\n")
	if !strings.Contains(list, "httpd-mmn = 20120211x8664") || !strings.Contains(list, "rtld(GNU_HASH)") {
		t.Errorf("%s", list)
	}
	if list := strings.Join(half.Depends, "\n"); !strings.Contains(list, "libpython3.11.so.1.0()(64bit)") || !strings.Contains(list, "mod-wsgi-interface-7") {
		t.Errorf("%s", list)
	}
	if list := strings.Join(own.Depends, "\n"); strings.Contains(list, "libpython") || !strings.Contains(own.Text, "of no package") {
		t.Errorf("a Python of no package: %s\n%s", list, own.Text)
	}
	b := x.b
	b.MMNText = "20120211x1234"
	if got := described(t, "rpm", b, x.o)["mod_wsgi-any"].Depends[0]; got != "httpd-mmn = 20120211x1234" {
		t.Errorf("not as .mmn says: %s", got)
	}
}

// what is otherwise on SUSE. A release of the original is loaded by its file
// there, and a2enmod would not know its name.
func (x packed) testSUSE(t *testing.T) {
	t.Parallel()
	o := x.o
	o.Family = "suse"
	all := described(t, "rpm", x.b, o)
	apache, half := all["apache2-mod_wsgi-any"], all["python311-mod_wsgi"]
	if apache.Name == "" || half.Name == "" {
		t.Fatalf("%d packages", len(all))
	}
	if list := strings.Join(apache.Depends, "\n"); !strings.Contains(list, "apache_mmn_20120211") || strings.Contains(list, "httpd-mmn") {
		t.Errorf("%s", list)
	}
	if !slices.Contains(apache.Conflicts, "apache2-mod_wsgi") || !strings.Contains(apache.Scripts.AfterInstall, "a2enmod wsgi") {
		t.Errorf("%q\n%s", apache.Conflicts, apache.Scripts.AfterInstall)
	}
	for _, want := range []string{"/usr/lib64/apache2/mod_wsgi.so", "/usr/lib64/apache2/mod_wsgi", "/usr/libexec/mod_wsgi/wsgi-supervisor", "/etc/apache2/conf.d/wsgi.conf"} {
		if !slices.ContainsFunc(apache.Files, func(f File) bool { return f.Path == want }) {
			t.Errorf("there is no %s", want)
		}
	}
	if s := described(t, "rpm", x.b, x.o)["mod_wsgi-any"].Scripts; strings.Contains(s.AfterInstall+s.BeforeRemove, "a2") {
		t.Errorf("Fedora has no a2enmod: %+v", s)
	}
	if Target("rpm", "", "suse") != "suse" || Target("rpm", "", "debian") != "fedora" || Target("tar", "suse") != "" || CheckFamily("rpm", "suse") != nil || CheckFamily("deb", "suse") == nil {
		t.Error("which systems packages are for")
	}
}

// the half for the system's own python3 goes with that, and no other does;
// elsewhere nothing is known of that python3.
func (x packed) testOwn(t *testing.T) {
	t.Parallel()
	b, o := x.b, x.o
	b.Python3 = "python3.11"
	for _, c := range []struct{ format, system, half, depends, provides string }{
		{"deb", "debian", "libapache2-mod-wsgi-py311", "python3 (>= 3.11) python3 (<< 3.12)", ""},
		{"deb", "debian", "libapache2-mod-wsgi-py313t", "", ""},
		{"deb", "fedora", "libapache2-mod-wsgi-py311", "", ""},
		{"rpm", "fedora", "python3.11-mod_wsgi", "", "mod_wsgi = " + x.b.Layout.Apache.Version + "-1"},
		{"rpm", "fedora", "python3.13t-mod_wsgi", "", ""},
		{"rpm", "debian", "python3.11-mod_wsgi", "", ""},
	} {
		b.System = c.system
		d := described(t, c.format, b, o)[c.half]
		var depends, provides []string
		for _, r := range d.Depends {
			if strings.HasPrefix(r, "python3 ") {
				depends = append(depends, r)
			}
		}
		for _, r := range d.Provides {
			if strings.HasPrefix(r, "mod_wsgi") {
				provides = append(provides, r)
			}
		}
		if d.Name == "" || strings.Join(depends, " ") != c.depends || strings.Join(provides, " ") != c.provides {
			t.Errorf("%+v: %q, %q", c, depends, provides)
		}
		made(t, c.format, b, o) // the readers find it again
	}
}

// Q-6, Y-7: rpm reads what was written.
func (x packed) testRPMTool(t *testing.T) {
	t.Parallel()
	rpm := tool(t, "rpm")
	dir := kept(t, made(t, "rpm", x.b, x.o))
	v := x.b.Layout.Apache.Version
	apache, half := filepath.Join(dir, "mod_wsgi-any-"+v+"-1.x86_64.rpm"), filepath.Join(dir, "python3.11-mod_wsgi-"+v+"-1.x86_64.rpm")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"-qip", apache}, []string{"Name        : mod_wsgi-any", "License     : Apache-2.0", "Build Host  : localhost", "Build Date  : "}},
		{[]string{"-qp", "--requires", apache}, []string{"httpd-mmn = 20120211x8664", "rtld(GNU_HASH)"}},
		{[]string{"-qp", "--provides", apache}, []string{"mod-wsgi-interface-7", "mod_wsgi-any = " + v + "-1"}},
		{[]string{"-qp", "--requires", half}, []string{"libpython3.11.so.1.0()(64bit)", "mod-wsgi-interface-7"}},
		{[]string{"-qpc", apache}, []string{"/etc/httpd/conf.modules.d/10-mod_wsgi.conf"}},
		{[]string{"-qpL", apache}, []string{"/usr/share/licenses/mod_wsgi-any/LICENSE"}},
		{[]string{"-qp", "--changelog", apache}, []string{"packager@debian.org", "Package of version"}},
		{[]string{"-qp", "--qf", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]", apache}, []string{"cn /etc/httpd/conf.modules.d/10-mod_wsgi.conf"}},
		{[]string{"-K", "--nosignature", apache, half}, []string{"digests OK"}},
	} {
		out := ask(t, rpm, c.args...)
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("rpm %q lacks %q:\n%s", c.args, want, out)
			}
		}
	}
	if list := ask(t, rpm, "-qpl", apache); strings.Contains(list, ".c\n") || !strings.Contains(list, "/usr/libexec/mod_wsgi/wsgi-supervisor") {
		t.Errorf("%s", list)
	}
}
