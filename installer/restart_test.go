package installer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/treetest"
)

// I-8: Apache is stopped and started only if that is asked for and it runs; one that
// does not come back is started again with what was there.
func TestRestart(t *testing.T) {
	t.Parallel()
	b := sharedBuild(t)
	for _, c := range []struct {
		name    string
		asked   bool
		service string // what the system's tool does, by its words
		said    string // what it was told
		works   bool
		advice  string
	}{
		{"not asked", false, "exit 0", "", true, ""},
		{"asked", true, "exit 0", "is-active --quiet apache2,stop apache2,start apache2,is-active --quiet apache2", true, ""},
		{"not running", true, "exit 3", "is-active --quiet apache2", true, "was not restarted"},
		{"does not come back", true, `[ "$1" != start ] || { [ -e MODULE ] && exit 1; exit 0; }`, "is-active --quiet apache2,stop apache2,start apache2,stop apache2,start apache2", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, b, apxs.FamilySUSE, false, nil)
			bin, said := filepath.Join(t.TempDir(), "bin"), filepath.Join(t.TempDir(), "said")
			module := "'" + strings.ReplaceAll(filepath.Join(s.modules, moduleFile), "'", `'\''`) + "'"
			script := "#!/bin/sh\necho \"$*\" >>" + said + "\n" + strings.ReplaceAll(c.service, "MODULE", module) + "\n"
			if err := errors.Join(os.Mkdir(bin, 0o755), os.WriteFile(filepath.Join(bin, "systemctl"), []byte(script), 0o755)); err != nil {
				t.Fatal(err)
			}
			s.r.Env = []string{"PATH=" + bin}
			before := s.tree(t)
			r, err := Install(t.Context(), s.from, s.modules, s.options(Setup{Restart: c.asked}))
			if (err == nil) != c.works || err != nil && hint.Code(err) != hint.Unverified || !strings.Contains(strings.Join(r.Advice, "\n"), c.advice) {
				t.Errorf("%v, %q", err, r.Advice)
			}
			if !c.works {
				treetest.Same(t, "put back", s.tree(t), before)
			}
			data, err := os.ReadFile(said)
			if got := strings.ReplaceAll(strings.TrimSpace(string(data)), "\n", ","); got != c.said {
				t.Errorf("told %q (%v), want %q", got, err, c.said)
			}
		})
	}
}
