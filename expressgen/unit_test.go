package expressgen

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// systemd takes the unit for one, of root's server and of anybody's, whatever the
// server root is called.
func TestUnitVerified(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here to verify units")
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	add := func(text string) {
		path := filepath.Join(dir, "mod_wsgi-"+strconv.Itoa(len(args))+".service")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	for i, value := range odd {
		o, f := base(), facts()
		if i%2 == 0 {
			f.UID = 0
		}
		o.Systemd, o.ServerRoot = true, "/srv/"+strings.NewReplacer("*", "", "?", "", "[", "", "]", "").Replace(value)
		s, err := Generate(o, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range s.Files {
			if file.Path == "mod_wsgi.service" {
				add(string(file.Data))
			}
		}
	}
	if len(args) != len(odd)+2 {
		t.Fatalf("%d units", len(args)-2)
	}
	if out := verified(t, analyze, args); strings.Contains(out, "mod_wsgi-") {
		t.Errorf("systemd-analyze verify:\n%s", out)
	}
	add("[Service]\nType=exec\nExecStart=/bin/sh \"it's\nKilMode=mixed\n")
	if out := verified(t, analyze, []string{"verify", "--man=no", args[len(args)-1]}); !strings.Contains(out, "mod_wsgi-") {
		t.Errorf("a unit that is none is taken: %s", out)
	}
}

// What systemd would replace or take away in a command line is doubled or escaped.
func TestQuoteUnit(t *testing.T) {
	for s, want := range map[string]string{"50% $HOME ${x}": `"50%% $$HOME $${x}"`, `a"b\c`: `"a\"b\\c"`, "it's": `"it's"`, "": `""`} {
		if got, err := quoteUnit(s); err != nil || got != want {
			t.Errorf("%q is %s (%v), want %s", s, got, err, want)
		}
	}
	if got, err := quoteUnit("a\nExecStart=/x"); err == nil {
		t.Errorf("a newline is taken: %s", got)
	}
}

// verified is what systemd-analyze says. Where there is no systemd to ask, units
// of the system that it would need are missing: only lines about ours count.
func verified(t *testing.T, analyze string, args []string) string {
	t.Helper()
	out, err := exec.Command(analyze, args...).CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		t.Fatal(err)
	}
	return string(out)
}
