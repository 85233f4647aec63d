package apxs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/run"
)

// systems are what must be found on each archived system. Y-1 for Apache, with
// A-5 (what each variable is good for) and A-11 (families).
var systems = []struct {
	name, family, mpm, version, modules, conf string

	choose  string // the apxs that selects it
	defines string // in order
	lost    string // other candidates, and why they are not usable
}{
	{"debian12", FamilyDebian, "event", "2.4.71", "/usr/lib/apache2/modules", "/etc/apache2/apache2.conf", "/usr/bin/apxs", "-DLINUX -D_REENTRANT -D_GNU_SOURCE", ""},
	{"fedora", FamilyFedora, "event", "2.4.63", "/usr/lib64/httpd/modules", "/etc/httpd/conf/httpd.conf", "/usr/bin/apxs", "-DLINUX -D_REENTRANT -D_GNU_SOURCE", ""},
	{"scl", FamilyFedora, "prefork", "2.4.34", "/opt/rh/httpd24/root/usr/lib64/httpd/modules", "/opt/rh/httpd24/root/etc/httpd/conf/httpd.conf", "/opt/rh/httpd24/root/usr/bin/apxs", "-DLINUX -D_REENTRANT -D_GNU_SOURCE", ""},
	{"alpine", FamilyAlpine, "prefork", "2.4.62", "/usr/lib/apache2", "/etc/apache2/httpd.conf", "/usr/bin/apxs", "-DLINUX -D_REENTRANT -D_GNU_SOURCE", ""},
	{"arch", FamilyArch, "event", "2.4.65", "/usr/lib/httpd/modules", "/etc/httpd/conf/httpd.conf", "/usr/bin/apxs", "-DLINUX -D_REENTRANT -D_GNU_SOURCE", ""},
	{"suse", FamilySUSE, "prefork", "2.4.58", "/usr/lib64/apache2", "/etc/apache2/httpd.conf", "/usr/bin/apxs", "-DLINUX -D_REENTRANT -D_GNU_SOURCE -DMAX_SERVER_LIMIT=200000 -DLDAP_DEPRECATED", ""},
	{"freebsd", FamilyFreeBSD, "event", "2.4.62", "/usr/local/libexec/apache24", "/usr/local/etc/apache24/httpd.conf", "/usr/local/sbin/apxs", "", ""},
	{"homebrew", FamilyHomebrew, "prefork", "2.4.63", "/opt/homebrew/opt/httpd/lib/httpd/modules", "/opt/homebrew/etc/httpd/httpd.conf", "/opt/homebrew/Cellar/httpd/2.4.63/bin/apxs",
		"-DDARWIN -DSIGPROCMASK_SETS_THREAD_MASK -DDARWIN_10", "/usr/sbin/httpd: macOS's own server: it comes without headers, and loads signed modules only"},
	{"source", FamilySource, "event", "2.4.66", "/usr/local/apache2/modules", "/usr/local/apache2/conf/httpd.conf", "/usr/local/apache2/bin/apxs", "-DLINUX -D_REENTRANT -D_GNU_SOURCE", ""},
	{"conda", FamilyConda, "worker", "2.4.62", "/home/user/miniconda3/envs/web/modules", "/home/user/miniconda3/envs/web/conf/httpd.conf", "/home/user/miniconda3/envs/web/bin/apxs", "-DLINUX -D_REENTRANT -D_GNU_SOURCE -DNDEBUG", ""},
}

func TestSystems(t *testing.T) {
	for _, tt := range systems {
		t.Run(tt.name, func(t *testing.T) {
			m := archivedMachine(t, tt.name)
			list := m.finder().all(t.Context())
			if len(list) == 0 || !list[0].Usable {
				t.Fatalf("nothing usable: %+v", list)
			}
			info := *list[0].Info
			for what, pair := range map[string][2]string{
				"family": {info.Family, tt.family}, "mpm": {info.MPM, tt.mpm}, "version": {info.Version, tt.version},
				"modules": {m.there(info.ModulesDir), tt.modules}, "configuration": {m.there(info.ConfFile), tt.conf},
				"selected by": {m.there(list[0].Select), "APXS=" + tt.choose}, "defines": {strings.Join(info.Defines, " "), tt.defines},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s: %q, want %q", what, pair[0], pair[1])
				}
			}
			var lost []string
			for _, c := range list[1:] {
				lost = append(lost, m.there(c.Apxs+c.Httpd)+": "+c.Why)
			}
			if got := strings.Join(lost, "\n"); got != tt.lost {
				t.Errorf("not usable: %q, want %q", got, tt.lost)
			}
			fromSomewhere(t, info)
			again(t, info)
			data, err := json.MarshalIndent(list, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "systems", tt.name+".golden.json"), []byte(m.there(string(data))+"\n"))
		})
	}
}

// fromSomewhere checks that each field with a value says where it was read.
func fromSomewhere(t *testing.T, info Info) {
	t.Helper()
	v := reflect.ValueOf(info)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		_, said := info.From[name]
		if about := slices.Contains([]string{"from", "flags", "notes"}, name); !about && said == v.Field(i).IsZero() && v.Field(i).Kind() != reflect.Bool {
			t.Errorf("%s = %v is from %q", name, v.Field(i), info.From[name])
		}
	}
}

// again checks that a record brings back what it was made of.
func again(t *testing.T, info Info) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "apache.json")
	data, err := json.Marshal(info)
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &run.Runner{Env: []string{recordSetting + "=" + path}}
	got, err := Find(t.Context(), r, "")
	if err != nil || !reflect.DeepEqual(got, info) {
		t.Errorf("the record brings back\n%+v\nof\n%+v: %v", got, info, err)
	}
	if list := Candidates(t.Context(), r); len(list) == 0 || !list[0].Usable || list[0].Select != recordSetting+"="+path || !reflect.DeepEqual(*list[0].Info, info) {
		t.Errorf("the record is no candidate: %+v", list)
	}
}
