package pybuild

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// What was written down on one machine is what another builds with; the Python
// is not run. One that is asked for comes first.
// P-14: a record is believed, and nothing is run for it.
func TestOfAnotherMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "python.json")
	want := Info{Version: "3.13.1", ABI: ABI{Impl: "cpython", Major: 3, Minor: 13, Micro: 1}, Include: []string{"/there"}, LibPython: "/there/libpython3.13.so.1.0", SONAME: "libpython3.13.so.1.0"}
	for _, c := range []struct {
		info Info
		ok   bool
	}{{want, true}, {Info{Version: "3.13.1"}, false}} {
		data, err := json.Marshal(c.info)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		r := &run.Runner{Env: []string{recordSetting + "=" + path}, Log: &log}
		got, err := Find(t.Context(), r, "")
		if c.ok && (err != nil || !reflect.DeepEqual(got, want)) || !c.ok && hint.Code(err) != hint.Usage {
			t.Errorf("%+v %v", got, err)
		}
		if log.Len() > 0 {
			t.Errorf("programs were run: %s", log.String())
		}
		if _, err := Find(t.Context(), r, "/no/such/python"); hint.Code(err) != hint.NotFound {
			t.Errorf("a Python that was asked for: %v", err)
		}
	}
}
