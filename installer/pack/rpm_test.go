package pack

import (
	"path/filepath"
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
