package matrix

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"modwsgi/csrc"
)

// source is a file of the module's sources.
func source(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(csrc.Sources(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDirectiveTable compares the table of the cases with the one in C: no
// directive is without its cases.
func TestDirectiveTable(t *testing.T) {
	row := regexp.MustCompile(`AP_INIT_(\w+)\("(\w+)", (\w+),\s+(?:NULL|\w+\(\w+\)),\s+(\w+),`)
	rows := row.FindAllStringSubmatch(source(t, "wsgi_config.c"), -1)
	// The container is no row of this kind: what may stand in it, and where, its own cases show.
	if all := strings.Count(source(t, "wsgi_config.c"), "AP_INIT_"); len(rows) == 0 || len(rows) != all-1 {
		t.Fatalf("%d rows of %d are read in wsgi_config.c", len(rows), all)
	}
	have := map[string]directive{}
	for _, d := range directives {
		have[d.Name] = d
	}
	for _, r := range rows {
		d, ok := have[r[2]]
		delete(have, r[2])
		flag := strings.HasSuffix(r[3], "_flag")
		if !ok || d.Context != r[4] || d.Flag != flag || (d.Flag || d.One) != (r[1] == "TAKE1") {
			t.Errorf("in C %s is %s, flag %v, %s; the cases have %+v", r[2], r[4], flag, r[1], d)
		}
		merged := d.Fact != "" || d.Name == "WSGIEnableSendfile" || d.Name == "WSGIIgnoreActivity" || slices.Contains(mergedInAuth, d.Name)
		if d.inSections() != merged {
			t.Errorf("%s stands in sections: the cases need two settings of it", d.Name)
		}
	}
	for name := range have {
		t.Errorf("there is no %s in C", name)
	}
}
