package pack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// B-3: a folder of packages is checked as a whole; whatever was changed in it
// afterwards is found.
func (x packed) testFolder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ want, change, old, new string }{
		{"", "", "", ""},
		{"has another sum", "*-py311_*.deb", "", ""},
		{"no such file", "*-py311_*.deb", "remove", ""},
		{"is about another", "SHA256SUMS", "*-py311_*.deb", "sum"},
		{"has the line", "SHA256SUMS", "", ""},
	} {
		all := made(t, "deb", x.b, x.o)
		dir := kept(t, all)
		var list []Made
		for name, data := range all {
			list = append(list, Made{name, data})
		}
		text, err := SumsOf(dir, Sums(list))
		if err != nil {
			t.Fatal(err)
		}
		deb, err := filepath.Glob(filepath.Join(dir, "*-py311_*.deb"))
		if err != nil || len(deb) != 1 {
			t.Fatalf("%q, %v", deb, err)
		}
		switch {
		case c.change == "*-py311_*.deb" && c.old == "remove":
			err = os.Remove(deb[0])
		case c.change == "*-py311_*.deb":
			err = os.WriteFile(deb[0], []byte("other"), 0o644)
		case c.new == "sum": // a file was replaced, and its sum with it
			other := Made{filepath.Base(deb[0]), []byte("other")}
			if err = os.WriteFile(deb[0], other.Data, 0o644); err == nil {
				text = []byte(strings.Replace(string(text), Sums([]Made{{other.Name, all[other.Name]}})[0].SHA256, Sums([]Made{other})[0].SHA256, 1))
			}
		case c.change != "":
			text = append(text, "nonsense\n"...)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, SumsFile), text, 0o644); err != nil {
			t.Fatal(err)
		}
		err = CheckFolder(dir)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || hint.Code(err) != hint.Unverified) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}
