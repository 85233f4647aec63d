package pybuild

import (
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/words"
)

// relocate mends the paths of an installation that was moved after it was built
// (rule P-9): the folder it was made for does not exist, the one it runs from
// does.
func relocate(p *probe) {
	for _, was := range builtFor(p) {
		if fsx.IsDir(was) && (was != standalone || p.livesIn(was)) {
			continue
		}
		for name, value := range p.Vars {
			p.Vars[name] = setting(p.moved(string(value), was))
		}
		for name, value := range p.Paths {
			p.Paths[name] = p.moved(value, was)
		}
	}
}

// standalone is the prefix that the builds of python-build-standalone were made
// for, wherever they are: a folder of that name is not theirs.
const standalone = "/install"

// moved is path with p's own prefix in place of was.
func (p *probe) moved(path, was string) string {
	rest, ok := strings.CutPrefix(path, was)
	if !ok || rest != "" && rest[0] != '/' || strings.HasPrefix(path, p.BasePrefix+"/") {
		return path
	}
	return p.BasePrefix + rest
}

// builtFor lists the prefixes that p was made for by what it says, other than
// that it runs from. sysconfig itself replaces some of them and not others, which
// changed from version to version.
func builtFor(p *probe) []string {
	said := []string{p.text("installed_base"), p.text("prefix"), p.text("exec_prefix")}
	if args, err := words.Split(p.text("CONFIG_ARGS")); err == nil {
		for _, w := range args {
			if prefix, ok := strings.CutPrefix(w, "--prefix="); ok {
				said = append(said, prefix)
			}
		}
	}
	for _, lib := range []string{"/lib", "/lib64"} {
		if prefix, ok := strings.CutSuffix(p.text("LIBDIR"), lib); ok {
			said = append(said, prefix)
		}
	}
	var list []string
	for _, dir := range said {
		here := dir == p.BasePrefix || dir == p.Prefix || dir == p.BaseExecPrefix || dir == p.ExecPrefix
		if filepath.IsAbs(dir) && dir != "/" && !here && !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	return list
}

// livesIn tells whether dir has a standard library where p has its own.
func (p *probe) livesIn(dir string) bool {
	rest, ok := strings.CutPrefix(p.stdlib(), p.BasePrefix+"/")
	if !ok {
		return fsx.IsDir(dir)
	}
	return fsx.IsDir(filepath.Join(dir, rest))
}
