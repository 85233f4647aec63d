package pybuild

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/pattern"
)

// readSetting has Python's files read in place of running it (rule P-7): for one
// of another machine, or one that is not trusted.
const readSetting = "MODWSGI_PYTHON_READ"

// maxRecord is ample for what Python records of its build.
const maxRecord = 4 << 20

var (
	// dataName is a _sysconfigdata file: of the flags, platform and triplet.
	dataName = pattern.New(`^_sysconfigdata_([a-z]*)_.*\.py$`)
	// exeName is an interpreter with version and flags in its name.
	exeName = pattern.New(`^python(3\.\d+)([a-z]*)$`)
)

// read makes the answer that the interpreter at path would give, of what its
// installation has on file. Nothing of it is run.
func read(path string) (probe, error) {
	exe := path
	if env := environmentOf(path); env.Dir != "" {
		exe = filepath.Join(env.Home, filepath.Base(path))
	}
	exe, err := ownFile(exe)
	if err != nil {
		return probe{}, err
	}
	prefix := filepath.Dir(filepath.Dir(exe))
	found, err := builds(prefix)
	if err != nil {
		return probe{}, err
	}
	if m := exeName.FindStringSubmatch(filepath.Base(exe)); m != nil {
		found = narrow(found, m[1], m[2])
	}
	switch {
	case len(found) == 0:
		return probe{}, fmt.Errorf("there is neither build-details.json nor _sysconfigdata in %s", filepath.Join(prefix, "lib", "python3*"))
	case len(found) > 1:
		return probe{}, fmt.Errorf("%s has more than one Python, %s and %s: give the path with its version", prefix, found[0].name(), found[1].name())
	}
	p, err := found[0].probe(prefix)
	p.Executable, p.BaseExecutable = path, exe
	return p, err
}

// ownFile follows the links that path itself is, as Python does to find where it
// is installed: those among its folders stay.
func ownFile(path string) (string, error) {
	for range 40 {
		to, err := os.Readlink(path)
		if err != nil {
			break // no link
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	_, err := os.Stat(path)
	return path, err
}

// build is one Python that has its record in a folder of a standard library.
type build struct {
	stdlib  string
	details *details
	vars    map[string]setting
}

// builds lists those in the library folders below prefix: one for each record.
func builds(prefix string) ([]build, error) {
	var list []build
	for _, lib := range []string{"lib", "lib64"} {
		folders, _ := fsx.Glob(filepath.Join(prefix, lib), "python3.*")
		for _, stdlib := range folders {
			found, err := recordsIn(stdlib)
			if err != nil {
				return nil, err
			}
			list = append(list, found...)
		}
	}
	return list, nil
}

// recordsIn reads what is recorded in one folder. The newer file says what the
// older does, and where both are there the older adds the rest.
func recordsIn(stdlib string) ([]build, error) {
	var list []build
	var known *details
	switch d, err := readDetails(stdlib); {
	case err == nil:
		known = &d
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	entries, _ := os.ReadDir(stdlib)
	seen := map[string]bool{}
	for _, e := range entries {
		m := dataName.FindStringSubmatch(e.Name())
		if m == nil || seen[m[1]] { // Debian has one under two names
			continue
		}
		seen[m[1]] = true
		path := filepath.Join(stdlib, e.Name())
		if fi, err := os.Stat(path); err != nil || fi.Size() > maxRecord {
			return nil, fmt.Errorf("reading %s: %w", path, cmp.Or(err, errors.New("it is too large")))
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading what Python was built with: %w", err)
		}
		vars, err := parseBuildVars(string(data))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		list = append(list, build{stdlib, known, vars})
	}
	if len(list) == 0 && known != nil {
		list = append(list, build{stdlib, known, map[string]setting{}})
	}
	return list, nil
}

// narrow keeps those of a version and flags; where none has these flags, as with
// python3.13 of a free-threaded build, those of the version.
func narrow(list []build, version, flags string) []build {
	var exact, same []build
	for _, b := range list {
		v, f := b.version()
		if v == version {
			same = append(same, b)
			if f == flags {
				exact = append(exact, b)
			}
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return same
}

func (b build) version() (xy, flags string) {
	if b.details != nil {
		v := b.details.Language.VersionInfo
		return fmt.Sprintf("%d.%d", v.Major, v.Minor), strings.Join(b.details.ABI.Flags, "")
	}
	return string(b.vars["VERSION"]), string(b.vars["ABIFLAGS"])
}

func (b build) name() string {
	xy, flags := b.version()
	return xy + flags
}

// probe is the answer of b, which is installed in prefix.
func (b build) probe(prefix string) (probe, error) {
	p := probe{
		Implementation: "cpython", BasePrefix: prefix, BaseExecPrefix: prefix, Prefix: prefix, ExecPrefix: prefix,
		Platform: string(b.vars["MACHDEP"]), Vars: b.vars, Paths: map[string]string{"stdlib": b.stdlib, "platstdlib": b.stdlib},
		ABIFlags: string(b.vars["ABIFLAGS"]), ByteOrder: "little", MaxSize: 1<<31 - 1,
	}
	if p.on("WORDS_BIGENDIAN") {
		p.ByteOrder = "big"
	}
	if n := p.text("SIZEOF_VOID_P"); n == "" || n == "8" {
		p.MaxSize = 1<<63 - 1
	}
	if p.text("installed_base") == "" {
		p.Vars["installed_base"] = p.Vars["prefix"]
	}
	if b.details != nil {
		b.details.complete(&p)
	}
	machine, _, _ := strings.Cut(p.text("MULTIARCH"), "-")
	p.SysPlatform = cmp.Or(p.SysPlatform, p.Platform+"-"+machine)
	relocate(&p)
	if p.HexVersion == 0 {
		if err := versionOfHeaders(&p); err != nil {
			return p, err
		}
	}
	return p, nil
}

// complete takes into p what d says, and what is not said otherwise follows from
// it. Its static library counts only where the file is.
func (d *details) complete(p *probe) {
	v := d.Language.VersionInfo
	p.VersionInfo, p.HexVersion, p.ReleaseLevel = [3]int{v.Major, v.Minor, v.Micro}, d.Implementation.HexVersion, v.ReleaseLevel
	if p.HexVersion == 0 {
		p.HexVersion = v.Major<<24 | v.Minor<<16 | v.Micro<<8 | 0xf0
	}
	p.Implementation = cmp.Or(d.Implementation.Name, p.Implementation)
	p.ABIFlags, p.SysPlatform = strings.Join(d.ABI.Flags, ""), d.Platform
	if os, _, ok := strings.Cut(d.Platform, "-"); ok && p.Platform == "" {
		p.Platform = map[string]string{"macosx": "darwin"}[os]
		p.Platform = cmp.Or(p.Platform, os)
	}
	for name, value := range map[string]string{
		"VERSION": p.xy(), "ABIFLAGS": p.ABIFlags, "LDVERSION": p.xy() + p.ABIFlags, "EXT_SUFFIX": d.ABI.ExtensionSuffix,
		"SOABI": soabiOf(d.ABI.ExtensionSuffix), "INCLUDEPY": d.CAPI.Headers, "installed_base": d.BasePrefix,
	} {
		if p.Vars[name] == "" && value != "" {
			p.Vars[name] = setting(value)
		}
	}
	for flag, name := range map[string]string{"t": "Py_GIL_DISABLED", "d": "Py_DEBUG"} {
		if _, ok := p.Vars[name]; !ok && strings.Contains(p.ABIFlags, flag) {
			p.Vars[name] = "1"
		}
	}
	if p.Vars["LIBRARY"] == "" && fsx.IsFile(d.LibPython.Static) {
		p.Vars["LIBDIR"], p.Vars["LIBRARY"] = setting(filepath.Dir(d.LibPython.Static)), setting(filepath.Base(d.LibPython.Static))
	}
}

// soabiOf is the "cpython-314t-x86_64-linux-gnu" of an extension's suffix.
func soabiOf(suffix string) string {
	return strings.TrimSuffix(strings.TrimPrefix(suffix, "."), filepath.Ext(suffix))
}

var releaseMacro = pattern.New(`(?m)^[ \t]*#[ \t]*define[ \t]+PY_RELEASE_(LEVEL|SERIAL)[ \t]+(?:PY_RELEASE_LEVEL_)?(\w+)`)

// versionOfHeaders takes the version from patchlevel.h, which is the only place
// besides build-details.json that has all of it.
func versionOfHeaders(p *probe) error {
	path := filepath.Join(p.text("INCLUDEPY"), "patchlevel.h")
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("its exact version stands in its headers: %w", err)
	}
	v := headerVersion(string(data))
	level, serial := 0xf, 0
	for _, m := range releaseMacro.FindAllStringSubmatch(string(data), -1) {
		switch m[1] {
		case "LEVEL":
			level = cmp.Or(map[string]int{"ALPHA": 0xa, "BETA": 0xb, "GAMMA": 0xc}[m[2]], 0xf)
		case "SERIAL":
			serial, _ = strconv.Atoi(m[2])
		}
	}
	p.VersionInfo, p.HexVersion = v, v[0]<<24|v[1]<<16|v[2]<<8|level<<4|serial
	if p.xy() != p.text("VERSION") {
		return fmt.Errorf("%s is of Python %s, what was recorded of %s", path, p.xy(), p.text("VERSION"))
	}
	return nil
}
