package csrc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// Facts are all that a plan depends on.
type Facts struct {
	Dir      string // the build folder, absolute
	Source   string // the folder of the sources, below Dir, with slashes
	Version  string
	Classic  bool // a release of the original: its own flags, and an exports file
	Compiler Compiler
	Apache   *apxs.Info     // nil: no Apache half
	Python   []pybuild.Info // empty: no Python half
}

// Compiler is a C compiler and which of the flags we would like it takes.
type Compiler struct {
	Words     []string `json:"words"`   // the command, "ccache" and the like in front
	Version   string   `json:"version"` // the first line of --version
	Machine   string   `json:"machine"` // -dumpmachine
	Compile   []string `json:"compile"` // hardening, rule H-1
	Link      []string `json:"link"`
	PrefixMap []string `json:"prefix_map"`        // options that map a path, without "=OLD=NEW"
	Environ   []string `json:"environ,omitempty"` // variables that it heeds
}

// identity is what makes the same flags mean something else.
func (c Compiler) identity() []string {
	return slices.Concat([]string{c.Version, c.Machine}, c.Words, c.Environ)
}

// Command is a program with its arguments and the folder it runs in.
type Command struct {
	Dir  string
	Args []string
}

// Compile makes one object. Object and Depends are relative to the build
// folder.
type Compile struct {
	Source  Source
	ABI     string // of the Python it is for; "" outside that tier
	Object  string
	Depends string // where the compiler lists the headers it read
	Command Command
	Key     string // hash of the command, without the build folder's name
}

// Link makes one target. The linker writes to Staged; a result that passed its
// checks is renamed to Output. Paths are relative to the build folder.
type Link struct {
	Target    Target
	ABI       string
	Objects   []string
	Staged    string
	Output    string
	LibPython string // linked by this absolute path; "" for none
	SONAME    string // what that must leave in the result
	RunPath   string // "" for none
	Command   Command
	Key       string
}

// Plan is what a build would run if nothing were there yet: every object once,
// whoever uses it, then every link. Both are in a fixed order.
type Plan struct {
	Compiles []Compile
	Links    []Link
}

// NewPlan works out the commands of a build. Targets that need an Apache or a
// Python which facts do not name are left out.
func NewPlan(targets []Target, facts Facts) (Plan, error) {
	if err := facts.check(); err != nil {
		return Plan{}, err
	}
	var p Plan
	known := map[string]bool{}
	for _, t := range targets {
		switch t.Needs {
		case NeedsNone:
			p.add(t, facts, nil, known)
		case NeedsApache:
			if facts.Apache != nil {
				p.add(t, facts, nil, known)
			}
		case NeedsPython:
			for i := range facts.Python {
				p.add(t, facts, &facts.Python[i], known)
			}
		default:
			if err := facts.checkClassic(); err != nil {
				return Plan{}, fmt.Errorf("target %s: %w", t.Name, err)
			}
			p.add(t, facts, &facts.Python[0], known)
		}
	}
	slices.SortStableFunc(p.Compiles, func(a, b Compile) int { return strings.Compare(a.Object, b.Object) })
	return p, nil
}

// check refuses facts that no good command follows from.
func (f Facts) check() error {
	seen := map[string]string{}
	for _, py := range f.Python {
		if py.LibPython == "" {
			reason := py.Reason
			if reason == "" {
				reason = "it has no shared libpython"
			}
			return hint.New(fmt.Errorf("%s cannot be linked: %s", py.Executable, reason),
				"use a Python with a shared library: the distribution's with its -dev package, or one configured with --enable-shared")
		}
		abi := py.ABI.Folder()
		if other, ok := seen[abi]; ok && other != py.LibPython {
			return hint.New(fmt.Errorf("two Pythons are both %s: %s and %s", abi, other, py.LibPython),
				"a folder holds one Python of each ABI: build one of them into another folder")
		}
		seen[abi] = py.LibPython
		// The loader expands these in a run path and has no escape for them.
		if dir := filepath.Dir(py.LibPython); py.NeedsPath && strings.ContainsAny(dir, "$:") {
			return fmt.Errorf("%s cannot be linked: a run path cannot name the folder %s", py.Executable, dir)
		}
	}
	return nil
}

// add puts t and the objects it needs into the plan, for Python py if it needs
// one.
func (p *Plan) add(t Target, f Facts, py *pybuild.Info, known map[string]bool) {
	l := Link{Target: t}
	if py != nil {
		l.ABI = py.ABI.Folder()
	}
	for _, src := range t.Sources {
		c := f.compile(src, py)
		l.Objects = append(l.Objects, c.Object)
		if !known[c.Object] {
			known[c.Object] = true
			p.Compiles = append(p.Compiles, c)
		}
	}
	l.Output = place(t, l.ABI)
	if slices.ContainsFunc(p.Links, func(o Link) bool { return o.Output == l.Output }) {
		return // the same Python named twice, say as itself and as its environment
	}
	l.Staged = path.Join("obj", "linked", l.Output)
	f.link(&l, py)
	p.Links = append(p.Links, l)
}

// place is where a target goes, from the folder that holds the module.
func place(t Target, abi string) string {
	switch {
	case t.Needs == NeedsApache, t.Needs == NeedsBoth:
		return t.Name
	case abi != "":
		return path.Join(RuntimeFolder, abi, t.Name)
	}
	return path.Join(RuntimeFolder, t.Name)
}

// base is in front of every compile command (rule C-3). C99 with what GNU adds
// is what the sources are written in; whatever the module exports is marked.
func (f Facts) base() []string {
	if f.Classic {
		return classicBase()
	}
	return []string{
		"-std=gnu99", "-O2", "-g", "-fPIC", "-DPIC", "-fvisibility=hidden", "-pthread",
		"-Wall", "-Wextra", "-Wshadow", "-Wformat", "-Werror=format-security",
		"-D_GNU_SOURCE", "-DMOD_WSGI_VERSION=" + strconv.Quote(f.Version),
	}
}

// compile plans one object. It is found by its tier and by a hash of how it is
// compiled, so that a plan with other flags leaves it alone.
func (f Facts) compile(src Source, py *pybuild.Info) Compile {
	c := Compile{Source: src}
	args := f.base()
	tierName := "plain"
	switch src.Needs {
	case NeedsApache:
		tierName = "apache-" + strconv.Itoa(f.Apache.MMN.Major)
		args = append(args, f.Apache.Defines...)
		args = append(args, includes(f.Apache.IncludeDirs)...)
	case NeedsPython:
		c.ABI = py.ABI.Folder()
		tierName = c.ABI
		args = append(args, py.Defines...)
		args = append(args, includes(py.Include)...)
	case NeedsBoth:
		c.ABI = py.ABI.Folder()
		tierName = "apache-" + strconv.Itoa(f.Apache.MMN.Major) + "-" + c.ABI
		args = slices.Concat(args, f.Apache.Defines, py.Defines)
		args = append(args, includes(slices.Concat(py.Include, f.Apache.IncludeDirs))...)
	}
	args = append(args, f.Compiler.Compile...)

	stem := strings.TrimSuffix(src.File, ".c")
	key := hash(slices.Concat(f.Compiler.identity(), f.Compiler.PrefixMap, args))
	folder := path.Join("obj", tierName+"-"+key[:10])
	c.Object = path.Join(folder, stem+".o")
	c.Depends = path.Join(folder, stem+".d")
	c.Key = hash([]string{key, src.File})

	// Debug information and assertions name files as the compiler is told them:
	// with the folder mapped away they are the same wherever the build runs.
	root := filepath.Join(f.Dir, filepath.FromSlash(f.Source))
	for _, option := range f.Compiler.PrefixMap {
		args = append(args, option+"="+root+"=.")
	}
	up := strings.Repeat("../", strings.Count(f.Source, "/")+1)
	args = append(args, "-frandom-seed="+src.File, "-MMD", "-MF", up+c.Depends, "-o", up+c.Object, "-c", src.File)
	c.Command = Command{Dir: root, Args: slices.Concat(f.Compiler.Words, args)}
	return c
}

// includes are the -I words for dirs. The compiler's own default folder must
// not be among them: it would come before those it belongs after.
func includes(dirs []string) []string {
	var out []string
	for _, dir := range dirs {
		word := "-I" + dir
		if filepath.IsAbs(dir) && filepath.Clean(dir) != "/usr/include" && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

// link fills in how l is linked. Neither httpd, APR nor anything that Python
// itself was linked with is named: the server brings the first two, libpython
// the last (rule S-2).
func (f Facts) link(l *Link, py *pybuild.Info) {
	var args []string
	if l.Target.Kind == Executable {
		args = []string{"-pie"}
	} else {
		args = []string{"-shared", "-fPIC", "-Wl,-soname," + l.Target.Name}
	}
	args = append(args, "-pthread")
	args = append(args, f.Compiler.Link...)
	args = append(args, "-o", l.Staged)
	args = append(args, l.Objects...)
	args = append(args, "-Wl,--as-needed")
	if f.Classic {
		args = append(args, "-Wl,--version-script="+exportsFile)
	}
	if py != nil {
		// By absolute file: the linker records its SONAME and cannot take another
		// library of a similar name (rule S-1).
		l.LibPython, l.SONAME = py.LibPython, py.SONAME
		args = append(args, py.LibPython)
		if py.NeedsPath {
			l.RunPath = filepath.Dir(py.LibPython)
			// Word by word, since -Wl would split a folder's name at its commas.
			args = append(args, "-Wl,--enable-new-dtags", "-Xlinker", "-rpath", "-Xlinker", l.RunPath)
		}
		args = append(args, "-lm")
	}
	args = append(args, "-ldl") // dlopen lives there before glibc 2.34
	l.Command = Command{Dir: f.Dir, Args: slices.Concat(f.Compiler.Words, args)}
	l.Key = hash(append(f.Compiler.identity(), l.Command.Args...))
}

// hash is a hash of a list of words that no other list has.
func hash(words []string) string {
	h := sha256.New()
	for _, w := range words {
		fmt.Fprintf(h, "%d:%s,", len(w), w)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
