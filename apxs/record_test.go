package apxs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// What was written down on one machine is what another builds with.
func TestOfAnotherMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "apache.json")
	want := Info{Version: "2.4.65", MMN: MMN{Cookie: "AP24", Major: 20120211, Minor: 134}, IncludeDirs: []string{"/there/include"}, From: map[string]Provenance{"version": FromHeader}}
	for _, c := range []struct {
		info Info
		ok   bool
	}{{want, true}, {Info{Version: "2.4.65"}, false}} {
		data, err := json.Marshal(c.info)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := Find(t.Context(), &run.Runner{Env: []string{recordSetting + "=" + path}}, "")
		if c.ok && (err != nil || !reflect.DeepEqual(got, want)) || !c.ok && hint.Code(err) != hint.Usage {
			t.Errorf("%+v %v", got, err)
		}
	}
}
