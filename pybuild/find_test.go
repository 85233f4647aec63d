package pybuild

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
)

// P-1, P-2: what is asked for is taken; a build that was not asked for is not.
func TestFindAsked(t *testing.T) {
	m := newMachine(t)
	main := m.install(python{prefix: "/usr", version: "3.11.2"})
	free := m.install(python{prefix: "/opt/free", version: "3.13.0", flags: "t"})
	pyenv := m.install(python{prefix: "/home/user/.pyenv/versions/3.12.1", version: "3.12.1"})
	m.install(python{prefix: "/home/user/.pyenv/versions/3.9.18", version: "3.9.18"})
	m.write("/env/pyvenv.cfg", "home = "+m.path("/home/user/.pyenv/versions/3.12.1/bin")+"\nversion = 3.12.1\n", 0o644)
	m.mkdir("/env/bin")
	if err := os.Symlink(pyenv, m.path("/env/bin/python3")); err != nil {
		t.Fatal(err)
	}
	inherit := m.env

	tests := []struct {
		name, explicit string
		env            []string
		want, source   string
	}{
		{"nothing", "", nil, main, "PATH"},
		{"path", free, nil, free, "flag"},
		{"folder", m.path("/opt/free"), nil, free, "flag"},
		{"command", "python3", nil, main, "flag"},
		{"version", "3.12", nil, pyenv, "pyenv"},
		{"full version", "3.9.18", nil, m.path("/home/user/.pyenv/versions/3.9.18/bin/python3"), "pyenv"},
		{"range", ">=3.10,<3.12", nil, main, "PATH"},
		{"flag before the environment", "3.12", []string{"PYTHON=" + free}, pyenv, "pyenv"},
		{"MODWSGI_PYTHON first", "", []string{"PYTHON=" + main, "MODWSGI_PYTHON=" + free}, free, "MODWSGI_PYTHON"},
		{"PYTHON", "", []string{"PYTHON=" + free}, free, "PYTHON"},
		{"PYTHON before VIRTUAL_ENV", "", []string{"PYTHON=" + free, "VIRTUAL_ENV=" + m.path("/env")}, free, "PYTHON"},
		{"chosen in pyenv", "", []string{"PYENV_VERSION=3.9.18:3.12.1"}, m.path("/home/user/.pyenv/versions/3.9.18/bin/python3"), "pyenv"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m.env = append(slices.Clone(inherit), tt.env...)
			info, err := m.finder().find(t.Context(), tt.explicit)
			if err != nil || info.Executable != tt.want || info.Source != tt.source {
				t.Errorf("%s by %s, %v; want %s by %s", info.Executable, info.Source, err, tt.want, tt.source)
			}
		})
	}
	m.env = inherit
	list := m.finder().candidates(t.Context())
	var got []string
	for _, c := range list {
		got = append(got, c.Source+" "+c.Why)
	}
	want := []string{"pyenv 3.12.1", "pyenv 3.9.18", "PATH 3.11.2", "/opt 3.13.0t"} // P-2
	if !slices.Equal(got, want) || !list[2].Default || list[0].Default {
		t.Errorf("Candidates = %q, want %q, the third by default", got, want)
	}
}

// An error says what is wrong, what to do, and never takes another Python.
func TestFindErrors(t *testing.T) {
	m := newMachine(t)
	good := m.install(python{prefix: "/usr", version: "3.11.2"})
	static := m.install(python{prefix: "/home/user/.pyenv/versions/3.12.1", version: "3.12.1", static: true})
	bare := m.install(python{prefix: "/srv/bare", version: "3.12.3", bare: true})
	old := m.install(python{prefix: "/srv/old", version: "3.8.18"})
	drifted := m.install(python{prefix: "/srv/drift", version: "3.10.1", vars: map[string]string{
		"INCLUDEPY": m.path("/usr/include/python3.11"), "CONFINCLUDEPY": m.path("/usr/include/python3.11")}})
	m.write("/lost/pyvenv.cfg", "home = /gone/bin\nversion = 3.10.4\n", 0o644)
	two := m.write("/srv/two/bin/python3", "#!/bin/sh\necho 'Unknown option: -I' >&2; exit 2\n", 0o755)
	silent := m.write("/srv/silent/bin/python3", "#!/bin/sh\necho no python\n", 0o755)
	crash := m.write("/srv/crash/bin/python3", "#!/bin/sh\necho 'Fatal Python error: init_fs_encoding' >&2; exit 1\n", 0o755)
	chatty := m.write("/srv/chatty/bin/python3", "#!/bin/sh\necho \"cannot access '$4'\" >&2; exit 2\n", 0o755) // as ls does
	m.install(python{prefix: "/home/user/.pyenv/versions/3.7.16", version: "3.7.16"})
	tests := []struct {
		name, explicit string
		err, advice    string
		code           int
	}{
		{"absent path", "/no/such/python3", "the Python asked for, /no/such/python3: no such program: there is no such file", "or leave it out", hint.NotFound},
		{"absent command", "python3.77", "no such program in PATH", "apt-get install python3-dev", hint.NotFound},
		{"absent version", "3.77", "there are 3.12.1 (", "ask for one of these", hint.NotFound},
		{"free-threaded is not there", "3.11t", "no Python here is of that version", "ask for one of these", hint.NotFound},
		{"no grammar", ">=x", "is not a version", "", hint.Usage},
		{"empty folder", m.path("/srv/here"), "there is no bin/python3 in this folder", "", hint.NotFound},
		{"orphaned environment", m.path("/lost"), "lost its Python, 3.10.4 of /gone/bin", "-m venv --clear", hint.NotFound},
		{"static", static, "it has no shared library to link with: it was built without one, there is only ", "pyenv install --force 3.12.1", hint.NotFound},
		{"static names others", static, "", "these Pythons here have one: PYTHON=", hint.NotFound},
		{"no headers", bare, "its C headers are missing: no Python.h in ", "install the headers of Python 3.12", hint.NotFound},
		{"headers of another", drifted, "are of Python 3.11.2, the interpreter is 3.10.1", "", hint.NotFound},
		{"too old", old, "it is Python 3.8.18: version 3.9 or later is needed", "", hint.Refused},
		{"too old by version", "3.7", "it is Python 3.7.16: version 3.9 or later is needed", "", hint.Refused},
		{"takes it for something else", chatty, "it does not answer as Python does", "", hint.Refused},
		{"Python 2", two, "older than Python 3.4", "", hint.Refused},
		{"no Python", silent, "it does not answer as Python does", "", hint.Refused},
		{"does not start", crash, "exit status 1\nFatal Python error: init_fs_encoding", "", hint.Refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info, err := m.finder().find(t.Context(), tt.explicit)
			if err == nil {
				t.Fatalf("no error, %+v", info)
			}
			if !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error = %q, want %q in it", err, tt.err)
			}
			if strings.Contains(err.Error(), "import sys") || strings.Contains(err.Error(), "there are ") && strings.Contains(err.Error(), "3.7.16") {
				t.Errorf("error quotes the probe, or offers what cannot be used: %q", err)
			}
			if got := hint.Of(err); !strings.Contains(got, tt.advice) {
				t.Errorf("advice = %q, want %q in it", got, tt.advice)
			}
			if got := hint.Code(err); got != tt.code {
				t.Errorf("exit status %d, want %d", got, tt.code)
			}
		})
	}
	if info, err := m.finder().find(t.Context(), static); !errors.Is(err, ErrShared) || info.Version != "3.12.1" || info.Reason == "" || info.Include == nil {
		t.Errorf("a static Python is not described: %+v, %v", info, err)
	}
	if info, err := m.finder().find(t.Context(), ""); err != nil || info.Executable != good {
		t.Errorf("%s, %v", info.Executable, err)
	}
}

// With nothing asked the first that will do is taken, and what a person had
// chosen is not passed over in silence.
func TestChoose(t *testing.T) {
	t.Run("nothing here", func(t *testing.T) {
		m := newMachine(t)
		_, err := m.finder().find(t.Context(), "")
		if err == nil || hint.Of(err) != "apt-get install python3-dev" || hint.Code(err) != hint.NotFound {
			t.Errorf("%v, advice %q", err, hint.Of(err))
		}
		if got := m.finder().missing(t.Context()); !slices.Equal(got, []string{"python3-dev"}) {
			t.Errorf("missing = %q", got)
		}
	})
	t.Run("system Python without headers", func(t *testing.T) {
		m := newMachine(t)
		m.install(python{prefix: "/usr", version: "3.11.2", bare: true})
		_, err := m.finder().find(t.Context(), "")
		if !errors.Is(err, ErrHeaders) || hint.Of(err) != "apt-get install python3-dev" {
			t.Errorf("%v, advice %q", err, hint.Of(err))
		}
		if got := m.finder().missing(t.Context()); !slices.Equal(got, []string{"python3-dev"}) {
			t.Errorf("missing = %q", got)
		}
	})
	t.Run("second system Python", func(t *testing.T) {
		m := newMachine(t)
		m.install(python{prefix: "/usr", version: "3.9.1", bare: true})
		exe := m.path("/usr/bin/python3")
		if err := errors.Join(os.Rename(exe, exe+".9"), os.Rename(exe+".json", exe+".9.json")); err != nil {
			t.Fatal(err)
		}
		m.env = append(m.env, "PYTHON="+exe+".9")
		for family, want := range map[string]string{distro.Debian: "python3.9-dev", distro.Fedora: "python3.9-devel", distro.SUSE: "python39-devel", distro.Alpine: "python3-dev"} {
			f := m.finder()
			f.sys.Family = family
			// The probe names python3, which is not there any more: the path asked for counts.
			if got := f.missing(t.Context()); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: missing = %q, want %q", family, got, want)
			}
		}
	})
	t.Run("an environment that will not do", func(t *testing.T) {
		m := newMachine(t)
		good := m.install(python{prefix: "/usr", version: "3.11.2"})
		m.install(python{prefix: "/env", version: "3.12.1", static: true})
		m.env = append(m.env, "VIRTUAL_ENV="+m.path("/env"))
		info, err := m.finder().find(t.Context(), "")
		if err != nil || info.Executable != good || !strings.Contains(strings.Join(info.Notes, "\n"), "the Python of VIRTUAL_ENV was passed over") {
			t.Errorf("%s, notes %q, %v", info.Executable, info.Notes, err)
		}
		if got := m.finder().missing(t.Context()); got != nil {
			t.Errorf("missing = %q", got)
		}
	})
	t.Run("special builds must be asked for", func(t *testing.T) {
		m := newMachine(t)
		free := m.install(python{prefix: "/usr", version: "3.13.0", flags: "t"})
		if info, err := m.finder().find(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "cp313t, a build that must be asked for") {
			t.Errorf("%s, %v", info.Executable, err)
		}
		if info, err := m.finder().find(t.Context(), "3.13t"); err != nil || info.Executable != free {
			t.Errorf("%s, %v", info.Executable, err)
		}
	})
	t.Run("a shim is what it leads to" /* P-3 */, func(t *testing.T) {
		m := newMachine(t)
		real := m.install(python{prefix: "/home/user/.pyenv/versions/3.12.1", version: "3.12.1"})
		m.write("/home/user/.pyenv/shims/python3", "#!/bin/sh\nexec '"+strings.ReplaceAll(real, "'", `'\''`)+"' \"$@\"\n", 0o755)
		m.write("/home/user/.pyenv/shims/python", "#!/bin/sh\necho 'pyenv: python: command not found' >&2; exit 127\n", 0o755)
		m.env[0] += ":" + m.path("/home/user/.pyenv/shims")
		info, err := m.finder().find(t.Context(), "")
		if err != nil || info.Executable != real || info.Source != "PATH" {
			t.Errorf("%s by %s, %v", info.Executable, info.Source, err)
		}
		if list := m.finder().candidates(t.Context()); len(list) != 1 || list[0].Executable != real {
			t.Errorf("Candidates = %+v", list)
		}
	})
}
