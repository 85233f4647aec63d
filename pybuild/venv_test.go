package pybuild

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// P-8: what pyvenv.cfg says, and the verdicts on it.
func TestReadEnvironment(t *testing.T) {
	p := recorded(t, "pyenv-3.12.1") // before the machine, which is elsewhere
	m := newMachine(t)
	bin := m.mkdir("/base/bin")
	for _, c := range []struct {
		name, cfg string
		xy        string
		verdicts  []Verdict
		site      bool
	}{
		{"as venv writes it", "home = " + bin + "\ninclude-system-site-packages = false\nversion = 3.12.1\nexecutable = " + bin + "/python3.12\n", "3.12", nil, false},
		{"as virtualenv writes it", "HOME=" + bin + "\r\nversion_info = 3.12.1.final.0\ninclude-system-site-packages = True\n", "3.12", nil, true},
		{"as uv writes it", "home = " + bin + "\nimplementation = CPython\nuv = 0.5.1\nversion_info = 3.12\n", "3.12", nil, false},
		{"base gone", "home = /gone/bin\nversion = 3.12.1\n", "3.12", []Verdict{Orphaned}, false},
		{"base upgraded", "home = " + bin + "\nversion = 3.1.4\n", "3.1", []Verdict{VersionDrift}, false},
		{"patch level alone", "home = " + bin + "\nversion = 3.12.0\n", "3.12", nil, false},
		{"both", "home = /gone/bin\nversion_info = 3.11.9\n", "3.11", []Verdict{Orphaned, VersionDrift}, false},
		{"says nothing", "", "", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.write("/env/pyvenv.cfg", c.cfg, 0o644)
			env := environmentOf(m.path("/env/bin/python3"))
			notes := env.compare(&p)
			if env.Dir != m.path("/env") || env.XY() != c.xy || env.SystemSite != c.site || !slices.Equal(env.Verdicts, c.verdicts) {
				t.Errorf("%+v", env)
			}
			if len(notes) != len(c.verdicts) {
				t.Errorf("notes %q", notes)
			}
			if env.Is(VersionDrift) && !strings.Contains(strings.Join(notes, ""), "was made for Python "+env.Version+" and runs 3.12.1") {
				t.Errorf("notes %q", notes)
			}
		})
	}
	if _, err := ReadEnvironment(m.path("/base")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no environment: %v", err)
	}
}

// P-8: an environment whose interpreter went away is listed with its verdict.
func TestOrphanedEnvironmentIsListed(t *testing.T) {
	m := newMachine(t)
	m.install(python{prefix: "/usr", version: "3.11.2"})
	m.write("/env/pyvenv.cfg", "home = /gone/bin\nversion = 3.12.4\n", 0o644)
	m.mkdir("/env/bin")
	if err := os.Symlink("/gone/bin/python3", m.path("/env/bin/python3")); err != nil {
		t.Fatal(err)
	}
	m.env = append(m.env, "VIRTUAL_ENV="+m.path("/env"))
	list := m.finder().candidates(t.Context())
	if len(list) != 2 || list[0].Usable || list[0].Source != "VIRTUAL_ENV" || list[0].Info.Environment == nil ||
		!list[0].Info.Environment.Is(Orphaned) || !strings.Contains(list[0].Why, "lost its Python, 3.12.4 of /gone/bin") {
		t.Errorf("Candidates = %+v", list)
	}
	info, err := m.finder().find(t.Context(), "")
	if err != nil || info.Version != "3.11.2" || !strings.Contains(strings.Join(info.Notes, "\n"), "VIRTUAL_ENV was passed over") {
		t.Errorf("%s, notes %q, %v", info.Version, info.Notes, err)
	}
}
