package pybuild

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// P-2: each source is looked at, in this order, and tagged.
func TestSources(t *testing.T) {
	m := newMachine(t)
	uv := "/home/user/.local/share/uv/python/"
	at := func(path string) string { return m.path(path) + "/bin/python3" }
	sources := []struct{ source, prefix, setting string }{
		{"VIRTUAL_ENV", "/srv/active", "VIRTUAL_ENV=" + m.path("/srv/active")},
		{"CONDA_PREFIX", "/srv/conda", "CONDA_PREFIX=" + m.path("/srv/conda")},
		{".venv", "/srv/here/.venv", ""},
		{"pyenv", "/home/user/.pyenv/versions/3.10.4", "PYENV_VERSION=3.10.4"}, // chosen in it
		{"uv", uv + "cpython-3.13.1-linux-x86_64-gnu", ""},
		{"uv", uv + "cpython-3.9.20-linux-x86_64-gnu", ""},
		{"pyenv", "/home/user/.pyenv/versions/3.12.1", ""},
		{"mise", "/home/user/.local/share/mise/installs/python/3.12.4", ""},
		{"asdf", "/home/user/.asdf/installs/python/3.11.9", ""},
		{"conda", "/data/envs/noted", ""},
		{"conda", "/home/user/miniforge3", ""},
		{"conda", "/home/user/miniforge3/envs/web", ""},
		{"conda", "/opt/miniconda3/envs/other", ""},
		{"tool cache", "/opt/hostedtoolcache/Python/3.12.7/x64", ""},
		{"/opt/python", "/opt/python/cp312-cp312", ""},
		{"PATH", "/usr", ""},
		{"/usr/local/bin", "/usr/local", ""},
		{"/opt", "/opt/py", ""},
		{"Homebrew", "/opt/homebrew/opt/python@3.13", ""},
		{"Homebrew", "/home/linuxbrew/.linuxbrew/opt/python@3.12", ""},
		{"framework", "/Library/Frameworks/Python.framework/Versions/3.13", ""},
		{"MacPorts", "/opt/local/Library/Frameworks/Python.framework/Versions/3.12", ""},
		{"cache", "/home/user/.cache/modwsgi/pythons/3.13.5t", ""},
	}
	var want []string
	for _, s := range sources {
		m.install(python{prefix: s.prefix, version: "3.12.1"})
		want = append(want, s.source+" "+at(s.prefix))
		if s.setting != "" {
			m.env = append(m.env, s.setting)
		}
	}
	m.write("/srv/here/.venv/pyvenv.cfg", "", 0o644)
	m.write("/home/user/.conda/environments.txt", m.path("/data/envs/noted")+"\nrelative\n/gone\n", 0o644)
	m.mkdir("/home/user/miniforge3/conda-meta")
	m.install(python{prefix: "/home/user/.cache/modwsgi/pythons/.3.14.work", version: "3.14.0"}) // somebody makes it just now
	// Free-threaded ones have a name of their own.
	for source, prefix := range map[string]string{"Homebrew": "/opt/homebrew/opt/python-freethreading", "framework": "/Library/Frameworks/PythonT.framework/Versions/3.14"} {
		exe := m.install(python{prefix: prefix, version: "3.14.0", flags: "t"})
		to := exe + ".14t"
		if err := os.Rename(exe, to); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(exe+".json", to+".json"); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(want, func(s string) bool { return strings.HasPrefix(s, source+" ") })
		want = slices.Insert(want, i+1, source+" "+to)
	}
	// The last of Homebrew's is below another prefix.
	var got []string
	for _, at := range m.finder().distinct() {
		got = append(got, at.source+" "+at.path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("places:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// P-1: by the names that conda gives.
	for name, want := range map[string]string{
		"conda:base": at("/home/user/miniforge3"), "conda:web": at("/home/user/miniforge3/envs/web"), "conda:noted": at("/data/envs/noted"),
		"conda:" + m.path("/opt/miniconda3/envs/other"): at("/opt/miniconda3/envs/other"),
	} {
		if info, err := m.finder().find(t.Context(), name); err != nil || info.Executable != want {
			t.Errorf("%s: %s, %v", name, info.Executable, err)
		}
	}
	if _, err := m.finder().find(t.Context(), "conda:absent"); err == nil || !strings.Contains(err.Error(), "conda has no environment absent here") {
		t.Errorf("conda:absent: %v", err)
	}
}

// P-2: the settings of the managers move their folders.
func TestSourcesElsewhere(t *testing.T) {
	for setting, prefix := range map[string]string{
		"UV_PYTHON_INSTALL_DIR": "/x/cpython-3.12.1-linux-x86_64-gnu", "XDG_DATA_HOME": "/x/uv/python/cpython-3.12-linux-x86_64-gnu",
		"PYENV_ROOT": "/x/versions/3.12.1", "MISE_DATA_DIR": "/x/installs/python/3.12.1", "ASDF_DATA_DIR": "/x/installs/python/3.12.1",
		"MAMBA_ROOT_PREFIX": "/x/envs/web", "RUNNER_TOOL_CACHE": "/x/Python/3.12.1/x64", "MODWSGI_CACHE": "/x/pythons/3.12.1", "HOMEBREW_PREFIX": "/x/opt/python@3.12",
	} {
		m := newMachine(t)
		exe := m.install(python{prefix: prefix, version: "3.12.1"})
		m.env = append(m.env, setting+"="+m.path("/x"))
		list := m.finder().candidates(t.Context())
		if len(list) != 1 || list[0].Executable != exe || !list[0].Default || list[0].Select != "PYTHON='"+strings.ReplaceAll(exe, "'", `'\''`)+"'" {
			t.Errorf("%s: %+v", setting, list)
		}
	}
}

// P-2: what the environment names and is not there is listed with its reason.
func TestAskedForIsListed(t *testing.T) {
	m := newMachine(t)
	m.env = append(m.env, "MODWSGI_PYTHON=/no/such/python3")
	list := m.finder().candidates(t.Context())
	if len(list) != 1 || list[0].Usable || list[0].Default || list[0].Source != "MODWSGI_PYTHON" || !strings.Contains(list[0].Why, "no such program") {
		t.Errorf("%+v", list)
	}
}

// P-3: a shim is run and what it reports is taken; it is never an identity.
func TestShims(t *testing.T) {
	for _, dir := range []string{"/home/user/.pyenv/shims", "/home/user/.asdf/shims", "/home/user/.local/share/mise/shims"} {
		m := newMachine(t)
		real := m.install(python{prefix: "/srv/kept/3.12.1", version: "3.12.1"}) // found in no other way
		exec := "#!/bin/sh\nexec '" + strings.ReplaceAll(real, "'", `'\''`) + "' \"$@\"\n"
		for _, name := range []string{"python3", "python", "python3.12"} {
			m.write(filepath.Join(dir, name), exec, 0o755)
		}
		m.env[0] += ":" + m.path(dir)
		list := m.finder().candidates(t.Context())
		if len(list) != 1 || list[0].Executable != real || list[0].Info.Base != real || strings.Contains(list[0].Select, "shims") {
			t.Errorf("%s: %+v", dir, list)
		}
		if info, err := m.finder().find(t.Context(), m.path(dir)+"/python3.12"); err != nil || info.Executable != real || info.Base != real {
			t.Errorf("%s asked for: %s of %s, %v", dir, info.Executable, info.Base, err)
		}
	}
}

// P-4: one installation is one candidate whatever leads to it; an environment is
// another, linked to what it was made from.
func TestDuplicates(t *testing.T) {
	m := newMachine(t)
	base := m.install(python{prefix: "/usr", version: "3.11.2"})
	pyenv := m.install(python{prefix: "/home/user/.pyenv/versions/3.12.1", version: "3.12.1"})
	hidden := m.install(python{prefix: "/srv/hidden", version: "3.13.0"})
	links := map[string]string{
		"/usr/bin/python": base, "/usr/bin/python3.11": base, "/usr/local/bin/python3": base, "/home/user/.pyenv/versions/3.12": filepath.Dir(filepath.Dir(pyenv)),
		"/env/bin/python3": pyenv, "/srv/here/.venv/bin/python3": hidden,
	}
	m.write("/env/pyvenv.cfg", "home = "+filepath.Dir(pyenv)+"\nversion = 3.12.1\n", 0o644)
	m.write("/srv/here/.venv/pyvenv.cfg", "home = "+filepath.Dir(hidden)+"\nversion = 3.13.0\n", 0o644)
	for link, to := range links {
		m.mkdir(filepath.Dir(link))
		if err := os.Symlink(to, m.path(link)); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(link, "bin") { // the fake answers from a file beside it, as what it is called by
			data, err := os.ReadFile(to + ".json")
			if err != nil {
				t.Fatal(err)
			}
			text := string(data)
			if strings.HasPrefix(link, "/env") || strings.HasPrefix(link, "/srv") {
				text = strings.Replace(text, `"executable":`, `"base_executable":"","executable":`, 1)
				text = strings.Replace(text, jsonText(to), jsonText(m.path(link)), 1)
			}
			m.write(link+".json", text, 0o644)
		}
	}
	m.env = append(m.env, "VIRTUAL_ENV="+m.path("/env"))
	list := m.finder().candidates(t.Context())
	var got []string
	for _, c := range list {
		got = append(got, c.Source+" "+strings.TrimPrefix(c.Executable, m.root)+" of "+strings.TrimPrefix(c.Of, m.root))
	}
	want := []string{
		"VIRTUAL_ENV /env/bin/python3 of /home/user/.pyenv/versions/3.12.1/bin/python3",
		".venv /srv/here/.venv/bin/python3 of /srv/hidden/bin/python3",
		"base of .venv /srv/hidden/bin/python3 of ",
		"pyenv /home/user/.pyenv/versions/3.12.1/bin/python3 of ",
		"PATH /usr/bin/python3 of ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("Candidates:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if list[0].Info.Base != list[3].Info.Base || !list[0].Default {
		t.Errorf("base %s of the environment, %s; default %v", list[0].Info.Base, list[3].Info.Base, list[0].Default)
	}
}
