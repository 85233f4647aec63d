package provider

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
)

// pythonVersion is what Python can be asked for: 3.13, 3.13t, 3.13.5t.
var pythonVersion = pattern.New(`^(3\.[0-9]{1,2})(\.[0-9]{1,2})?(t?)$`)

// Python makes a CPython of its sources into the cache, where pybuild finds it
// (M-17): always with a shared library, and without the GIL for a version with a t.
// from is a URL with its checksum or a file; "" is the distribution's source
// package. It gives the folder: of the one that was made before, if there is one.
func (m Maker) Python(ctx context.Context, version, from string) (string, Stamp, error) {
	r, name, number, err := pythonRecipe(version)
	if err != nil {
		return "", Stamp{}, err
	}
	if dir, stamp, ok := m.Store.Have(r.room, r.name); ok {
		return dir, stamp, nil
	}
	if err := m.ready(ctx, r); err != nil {
		return "", Stamp{}, err
	}
	return m.make(ctx, r, m.bring(name, number, from))
}

// PythonSteps are what [Maker.Python] would do.
func (m Maker) PythonSteps(version, from string) ([]string, error) {
	r, name, number, err := pythonRecipe(version)
	if err != nil {
		return nil, err
	}
	to, err := m.Store.path(r.room, r.name)
	if err != nil {
		return nil, err
	}
	if _, _, ok := m.Store.Have(r.room, r.name); ok {
		return []string{"take " + to}, nil
	}
	first := "fetch the source package " + name + " " + number
	if from != "" {
		first = "fetch " + from
	}
	return append([]string{first}, r.steps(to)...), nil
}

// bring is where an archive comes from.
func (m Maker) bring(name, version, from string) fetching {
	return func(ctx context.Context, dir string) (Archive, error) {
		if from != "" {
			return Fetched(ctx, m.R, m.Agent, from, version, dir)
		}
		return m.Mirror.Source(ctx, name, version, dir)
	}
}

// pythonRecipe is how a CPython is made, with its source package and what upstream
// calls the version. pip is left out: environments get theirs from what Python
// carries for them.
func pythonRecipe(version string) (r recipe, name, number string, err error) {
	w := pythonVersion.FindStringSubmatch(version)
	if w == nil {
		return r, "", "", hint.Exit(hint.New(fmt.Errorf("%q is no version of a Python to make", version), "as 3.13, 3.13t or 3.13.5t"), hint.Usage)
	}
	series, number, flag := w[1], w[1]+w[2], w[3]
	minor, _ := strconv.Atoi(series[len("3."):])
	if flag == "t" && minor < 13 {
		return r, "", "", hint.Exit(hint.New(fmt.Errorf("python %s: none before 3.13 can be built without the GIL", version), "as 3.13t"), hint.Usage)
	}
	return recipe{
		room: pythonsRoom, name: version,
		configure: func(prefix string) []string {
			words := []string{"--prefix=" + prefix, "--enable-shared", "--with-ensurepip=no", "LDFLAGS=-Wl,-rpath," + filepath.Join(prefix, "lib")}
			if flag == "t" {
				words = append(words, "--disable-gil")
			}
			return words
		},
		targets:  [][]string{{"all"}},
		needs:    []string{"zlib.h", "openssl/ssl.h", "ffi.h"},
		packages: []string{"build-essential", "zlib1g-dev", "libssl-dev", "libffi-dev", "libsqlite3-dev"},
		proof:    "bin/python" + series + flag, header: "include/python" + series + flag + "/patchlevel.h", version: number,
	}, "python" + series, number, nil
}

// install is what a person types to install packages, by their names in Debian.
func install(packages ...string) string {
	return distro.Here().InstallLine(packages...)
}
