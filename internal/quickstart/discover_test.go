package quickstart

import (
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/pybuild"
)

func TestDiscoverTable(t *testing.T) {
	d := discovery{
		Apaches: []apxs.Candidate{
			{Apxs: "/usr/bin/apxs", Usable: true, Select: "APXS=/usr/bin/apxs", Info: &apxs.Info{Version: "2.4.65", MPM: "event", ModulesDir: "/usr/lib/apache2/modules"}},
			{Httpd: "/opt/sbin/httpd", Why: "it has no apxs"},
		},
		Pythons: []pybuild.Candidate{
			{Executable: "/opt/py/bin/python3", Usable: true, Default: true, Source: "/opt", Select: "PYTHON=/opt/py/bin/python3",
				Info: &pybuild.Info{Version: "3.13.1", SONAME: "libpython3.13t.so.1.0", ABI: pybuild.ABI{Impl: "cpython", Major: 3, Minor: 13, Free: true}}},
			{Executable: "/usr/bin/python", Source: "PATH", Why: "it is older than Python 3.4", Info: &pybuild.Info{}},
		},
	}
	var b strings.Builder
	if err := d.print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"/usr/lib/apache2/modules  APXS=/usr/bin/apxs\n",
		"CPython 3.13.1  cp313t  /opt      libpython3.13t.so.1.0  PYTHON=/opt/py/bin/python3  (taken when none is named)\n",
		"Not usable\n  /opt/sbin/httpd: it has no apxs\n  /usr/bin/python (PATH): it is older than Python 3.4\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
