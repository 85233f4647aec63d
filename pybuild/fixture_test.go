package pybuild

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var recordOne = flag.String("record", "", "write a fixture anew: 'NAME EXECUTABLE [FROM=TO]...', paths that begin with FROM are written as TO")

// How a fixture came about.
const (
	byRecord = "recorded" // a real Python said it, and these files were beside it
	byHand   = "composed" // written down after what is documented of such a Python
)

// Y-1: a fixture says truthfully how it came about. What a real Python said has
// all that the probe asks for, which is more than anybody writes down; what is
// composed says after what.
func TestFixturesSayHowTheyWereMade(t *testing.T) {
	asked := regexp.MustCompile(`(?s)VARIABLES = """(.*?)"""`).FindStringSubmatch(probeScript)
	if asked == nil {
		t.Fatal("the probe asks for no variables")
	}
	files, err := filepath.Glob("testdata/pythons/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	recorded := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		x := readFixture(t, name)
		var answer struct {
			Vars map[string]json.RawMessage `json:"vars"`
		}
		if err := json.Unmarshal(x.Answer, &answer); err != nil {
			t.Fatal(err)
		}
		lacks := 0
		for _, v := range strings.Fields(asked[1]) {
			if _, ok := answer.Vars[v]; !ok {
				lacks++
			}
		}
		switch {
		case x.Made == byRecord && lacks > 0:
			t.Errorf("%s: recorded, and %d variables of the probe are not in it", name, lacks)
		case x.Made == byHand && !strings.Contains(x.About, "after "):
			t.Errorf("%s: composed, and does not say after what: %s", name, x.About)
		case x.Made != byRecord && x.Made != byHand:
			t.Errorf("%s: how was it made? %q", name, x.Made)
		}
		if x.Made == byRecord {
			recorded++
		}
	}
	t.Logf("%d fixtures, %d of them recorded", len(files), recorded)
}

// TestRecordFixture writes the answer and the files of a fixture anew from a
// Python of this machine; what is to be found out stays as it is.
func TestRecordFixture(t *testing.T) {
	words := strings.Fields(*recordOne)
	if len(words) < 2 {
		t.Skip("nothing is recorded without -record")
	}
	var renames []string
	for _, word := range words[2:] {
		from, to, _ := strings.Cut(word, "=")
		renames = append(renames, from, to)
	}
	rename := strings.NewReplacer(renames...)
	out, err := exec.Command(words[1], "-I", "-S", "-c", probeScript, "<m>").Output()
	if err != nil {
		t.Fatal(err)
	}
	p, err := readProbe(string(out), "<m>")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for path, what := range besides(t, &p) {
		files[rename.Replace(path)] = what
	}
	path := filepath.Join("testdata", "pythons", words[0]+".json")
	var document struct {
		About  string            `json:"about"`
		Made   string            `json:"made"`
		Answer json.RawMessage   `json:"answer"`
		Files  map[string]string `json:"files"`
		Beside map[string]string `json:"beside,omitempty"`
		Want   json.RawMessage   `json:"want"`
	}
	if data, err := os.ReadFile(path); err == nil {
		err = json.Unmarshal(data, &document)
		if err != nil {
			t.Fatal(err)
		}
	} else if document.Want = json.RawMessage("{}"); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	document.Made, document.Files = byRecord, files
	document.Answer = json.RawMessage(rename.Replace(strings.Split(string(out), "<m>")[1]))
	data, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// besides are the headers, the standard library and all libpythons of one
// version that are beside an interpreter, as fixtures name them.
func besides(t *testing.T, p *probe) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"INCLUDEPY", "CONFINCLUDEPY"} {
		dir := p.text(name)
		if data, err := os.ReadFile(filepath.Join(dir, "patchlevel.h")); err == nil {
			v := headerVersion(string(data))
			files[dir] = fmt.Sprintf("headers %d.%d.%d", v[0], v[1], v[2])
		}
	}
	files[p.Paths["platstdlib"]] = "folder"
	for _, dir := range []string{p.text("LIBDIR"), p.text("LIBPL"), filepath.Join(p.BasePrefix, "lib")} {
		list, err := filepath.Glob(filepath.Join(dir, "libpython*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range list {
			name := filepath.Base(path)
			if strings.HasSuffix(name, ".a") {
				files[path] = "archive"
				continue
			}
			if lib, err := readELF(path, path); err == nil && (strings.HasPrefix(name, "libpython"+p.xy()) || name == "libpython3.so") {
				files[path] = fmt.Sprintf("elf %s %#x", lib.name, lib.hex)
			}
		}
	}
	return files
}
