package verbs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/run"
)

// each candidate, usable or why not, the setting that selects it, and what
// differs.
func TestApacheTable(t *testing.T) {
	mmn := apxs.MMN{Cookie: "AP24", Major: 20120211, Minor: 142}
	list := []apxs.Candidate{
		{Apxs: "/usr/bin/apxs", Usable: true, Default: true, Select: "APXS=/usr/bin/apxs", Info: &apxs.Info{Version: "2.4.65", MPM: "event", Family: apxs.FamilyDebian, MMN: mmn, Root: "/etc/apache2",
			ModulesDir: "/usr/lib/apache2/modules", Notes: []string{"the modules folder is odd"}}},
		{Apxs: "/opt/b/bin/apxs", Usable: true, Select: "APXS=/opt/b/bin/apxs", Info: &apxs.Info{Version: "2.4.9", MPM: "worker", Family: apxs.FamilySource, MMN: mmn, Root: "/opt/b", ModulesDir: "/opt/b/modules"}},
		{Apxs: "/opt/c/bin/apxs", Why: "asking apxs: exit status 3\nit is broken", Advice: "apt-get install perl"},
		{Httpd: "/opt/sbin/httpd", Why: "a server without apxs"},
	}
	for _, c := range []struct {
		env  []string
		note string
	}{
		{nil, "  another Apache is here, 2.4.9, with another prefix: APXS=/opt/b/bin/apxs selects it\n"},
		{[]string{"APXS=/usr/bin/apxs"}, ""}, // somebody knows which
	} {
		d := &discovery{Apaches: list, Notes: apacheNotes(list, apxs.Others(&run.Runner{Env: append([]string{}, c.env...)}, list))}
		var b strings.Builder
		if err := d.print(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"* 2.4.65  event   20120211:142  debian  /usr/lib/apache2/modules  APXS=/usr/bin/apxs\n",
			"  2.4.9   worker  20120211:142  source  /opt/b/modules            APXS=/opt/b/bin/apxs\n",
			"\nNotes\n  /usr/bin/apxs: the modules folder is odd\n" + c.note + "\n",
			"\nNot usable\n  /opt/c/bin/apxs: asking apxs: exit status 3\n    it is broken\n    apt-get install perl\n  /opt/sbin/httpd: a server without apxs\n",
		} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("no %q in\n%s", want, b.String())
			}
		}
	}
}

// what the JSON has of the Apache of this machine is a record as it is.
func TestDiscoveryIsARecord(t *testing.T) {
	r := &run.Runner{}
	list := apxs.Candidates(t.Context(), r)
	if len(list) == 0 || !list[0].Usable {
		t.Skip("there is no usable Apache here")
	}
	data, err := json.Marshal(discovery{Schema: 1, Apaches: list})
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Apaches []struct {
			Info json.RawMessage `json:"info"`
		} `json:"apaches"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "apache.json")
	if err := os.WriteFile(path, document.Apaches[0].Info, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := apxs.Find(t.Context(), &run.Runner{Env: []string{"MODWSGI_APACHE_CONFIG=" + path}}, "")
	if err != nil || !reflect.DeepEqual(got, *list[0].Info) {
		t.Errorf("got %+v, %v", got, err)
	}
}
