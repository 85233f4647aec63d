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
	if len(rows) == 0 {
		t.Fatal("no table is found in wsgi_config.c")
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

// TestSettingsAreMerged: each member of the settings of a directory begins
// unset and is handed down. It holds too for what no client can see.
func TestSettingsAreMerged(t *testing.T) {
	header := source(t, "wsgi_config.h")
	end := strings.Index(header, "} wsgi_dir_config;")
	if end < 0 {
		t.Fatal("wsgi_config.h has no wsgi_dir_config")
	}
	members := header[strings.LastIndex(header[:end], "typedef struct {"):end]
	members = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(members, "")
	body := func(name string) string {
		_, text, _ := strings.Cut(source(t, "wsgi_config.c"), "void *"+name+"(")
		text, _, _ = strings.Cut(text, "\n}\n")
		return text
	}
	create, merge := body("wsgi_config_create_dir"), body("wsgi_config_merge_dir")
	n := 0
	for _, m := range regexp.MustCompile(`(?m)^    (int|.*?\*)? ?([\w, *]+);`).FindAllStringSubmatch(members, -1) {
		for _, name := range regexp.MustCompile(`\w+`).FindAllString(m[2], -1) {
			n++
			if m[1] == "int" && !strings.Contains(create, "c->"+name+" = -1;") {
				t.Errorf("%s does not begin unset", name)
			}
			for _, of := range []string{"c->", "a->", "b->"} {
				if !regexp.MustCompile(regexp.QuoteMeta(of+name) + `\b`).MatchString(merge) {
					t.Errorf("%s%s is not in the merge", of, name)
				}
			}
		}
	}
	if n < len(merged()) {
		t.Errorf("%d members, less than there are directives in sections", n)
	}
}
