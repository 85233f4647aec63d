package csrc

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

var includeLine = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]`)

// foreign says to whom a header that is not ours belongs; "" to the system.
func foreign(name string) Needs {
	base := filepath.Base(name)
	switch {
	case base == "Python.h", base == "pyconfig.h", base == "structmember.h", base == "frameobject.h":
		return NeedsPython
	case base == "httpd.h", base == "unixd.h", base == "mpm_common.h", base == "scoreboard.h",
		strings.HasPrefix(base, "http_"), strings.HasPrefix(base, "util_"), strings.HasPrefix(base, "mod_"),
		strings.HasPrefix(base, "ap_"), strings.HasPrefix(base, "apr"), strings.HasPrefix(base, "apu"):
		return NeedsApache
	}
	return ""
}

// reaches gathers whose headers the file name includes, by way of ours too,
// with the path that leads there.
func reaches(t *testing.T, tr *tree, name string, seen map[string]bool, found map[Needs]string, trail string) {
	t.Helper()
	if seen[name] {
		return
	}
	seen[name] = true
	for _, m := range includeLine.FindAllStringSubmatch(string(tr.files[name]), -1) {
		other := m[2]
		if _, ours := tr.files[other]; ours && m[1] == `"` {
			reaches(t, tr, other, seen, found, trail+" -> "+other)
		} else if owner := foreign(other); owner != "" && found[owner] == "" {
			found[owner] = trail + " -> " + other
		}
	}
}

// No file knows both httpd and Python, and none knows more than its tier may.
func TestTiers(t *testing.T) {
	tr, err := readTree(Sources())
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]Needs{}
	for _, target := range Targets() {
		for _, s := range target.Sources {
			allowed[s.File] = s.Needs
		}
	}
	for _, name := range tr.names {
		found := map[Needs]string{}
		reaches(t, tr, name, map[string]bool{}, found, name)
		if found[NeedsApache] != "" && found[NeedsPython] != "" {
			t.Errorf("%s includes both halves: %s and %s", name, found[NeedsApache], found[NeedsPython])
		}
		if needs, ok := allowed[name]; ok {
			for owner, trail := range found {
				if owner != needs {
					t.Errorf("%s is of the tier %s and reaches %s headers: %s", name, needs, owner, trail)
				}
			}
		}
	}
}

// machine is the real Apache and Pythons of this machine, as far as there are
// any.
type machine struct {
	apache  *apxs.Info
	pythons []pybuild.Info
	gaps    []string // what is missing, and why
}

func realMachine(t *testing.T) machine {
	t.Helper()
	var m machine
	r := &run.Runner{}
	if a, err := apxs.Find(t.Context(), r, ""); err == nil {
		m.apache = &a
	} else {
		m.gaps = append(m.gaps, err.Error())
	}
	if p, err := pybuild.Find(t.Context(), r, ""); err == nil {
		m.pythons = append(m.pythons, p)
	} else {
		m.gaps = append(m.gaps, err.Error())
	}
	return m
}

// wholeMachine is one with both.
func wholeMachine(t *testing.T) machine {
	t.Helper()
	m := realMachine(t)
	if len(m.gaps) > 0 {
		t.Skip(strings.Join(m.gaps, "; "))
	}
	return m
}

// Each header of src compiles alone, and with no more than its tier may see.
func TestHeadersAlone(t *testing.T) {
	r := &run.Runner{}
	cc, _, err := FindCompiler(r, nil)
	if err != nil {
		t.Skip("no C compiler: ", err)
	}
	tr, err := readTree(Sources())
	if err != nil {
		t.Fatal(err)
	}
	m := realMachine(t)
	dir, err := filepath.Abs("src")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tr.names {
		if !strings.HasSuffix(name, ".h") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := map[Needs]string{}
			reaches(t, tr, name, map[string]bool{}, found, name)
			f := Facts{Version: Version(), Apache: m.apache, Python: m.pythons}
			args := slices.Concat(cc[1:], f.base(), []string{"-Werror", "-fsyntax-only", "-I" + dir})
			switch {
			case found[NeedsApache] != "":
				if m.apache == nil {
					t.Skip("no Apache: ", strings.Join(m.gaps, "; "))
				}
				args = slices.Concat(args, m.apache.Defines, includes(m.apache.IncludeDirs))
			case found[NeedsPython] != "":
				if len(m.pythons) == 0 {
					t.Skip("no Python: ", strings.Join(m.gaps, "; "))
				}
				args = slices.Concat(args, m.pythons[0].Defines, includes(m.pythons[0].Include))
			}
			// By way of a file, since a header as the main file has warnings of its own.
			code := filepath.Join(t.TempDir(), "alone.c")
			if err := os.WriteFile(code, []byte("#include \""+name+"\"\n#include \""+name+"\"\ntypedef int alone;\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Output(t.Context(), "", cc[0], append(args, code)...); err != nil {
				t.Error(err)
			}
		})
	}
}
