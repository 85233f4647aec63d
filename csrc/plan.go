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

	System  string            // as Go calls it; "" is linux
	Mac     Mac               // where System is darwin
	Sums    map[string]string // sha256 of what each target is made of, by its name
	Profile Profile           // "" is the default
	Builder Builder           // "" is direct
	Foreign Foreign           // flags of others, of the profiles that take any
	Defines []string          // of [Options]
	Package bool
	Bits    int                      // size of a pointer in Apache and Python; 0: not known
	Install string                   // where what is in Dir will lie
	Paths   map[string]RunPaths      // by ABI folder; a Python that is missing there has no run path
	Static  map[string]StaticLibrary // by ABI folder
}

// Compiler is a C compiler and which of the flags we would like it takes.
type Compiler struct {
	Words     []string `json:"words"`   // the command, "ccache" and the like in front
	Version   string   `json:"version"` // the first line of --version
	Machine   string   `json:"machine"` // -dumpmachine
	Compile   []string `json:"compile"` // hardening, rule H-1
	Link      []string `json:"link"`
	PrefixMap []string `json:"prefix_map"`        // options that map a path, without "=OLD=NEW"
	Std       []string `json:"std,omitempty"`     // what makes it read C11 where it would read an older one
	Prctl     bool     `json:"prctl,omitempty"`   // <sys/prctl.h> is there
	Exports   bool     `json:"exports,omitempty"` // its linker takes a version script
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

	Preflight string // the File of what must have passed before
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
	Static    bool   // LibPython is an archive, all of which is in the result
	Note      Note
	Command   Command
	After     []Command // what is run on the staged file
	Apxs      *ApxsStep // Command is one of apxs, which compiles too; nil otherwise
	Key       string
}

// Note is the generated file by which a target says how it was built (rule
// C-11). It is compiled along with each link.
type Note struct {
	File    string // relative to the build folder
	Text    string
	Object  string
	Command Command
}

// Plan is what a build would run if nothing were there yet: a look at the headers
// of each tier, every object once, whoever uses it, then every link. All are in a
// fixed order.
type Plan struct {
	Preflights []Preflight
	Compiles   []Compile
	Links      []Link
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
		pythons := []*pybuild.Info{nil}
		switch t.Needs {
		case NeedsNone:
		case NeedsApache:
			if facts.Apache == nil {
				continue
			}
		case NeedsPython:
			pythons = nil
			for i := range facts.Python {
				pythons = append(pythons, &facts.Python[i])
			}
		default:
			if err := facts.checkClassic(); err != nil {
				return Plan{}, fmt.Errorf("target %s: %w", t.Name, err)
			}
			pythons[0] = &facts.Python[0]
		}
		for _, py := range pythons {
			if err := p.add(t, facts, py, known); err != nil {
				return Plan{}, err
			}
		}
	}
	slices.SortStableFunc(p.Compiles, func(a, b Compile) int { return strings.Compare(a.Object, b.Object) })
	return p, nil
}

// check refuses facts that no good command follows from.
func (f Facts) check() error {
	if err := f.checkMac(); err != nil {
		return err
	}
	if err := CheckDefines(f.Defines); err != nil {
		return err
	}
	seen := map[string]string{}
	for i, py := range f.Python {
		if _, ok := f.static(&f.Python[i]); ok {
			continue
		}
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
	}
	return nil
}

// CheckDefines refuses what is more than a definition.
func CheckDefines(list []string) error {
	for _, w := range list {
		if len(w) < 3 || !strings.HasPrefix(w, "-D") && !strings.HasPrefix(w, "-U") {
			return hint.Exit(fmt.Errorf("%q is no definition: one is -DNAME, -DNAME=value or -UNAME", w), hint.Usage)
		}
	}
	return nil
}

// add puts t and the objects it needs into the plan, for Python py if it needs
// one.
func (p *Plan) add(t Target, f Facts, py *pybuild.Info, known map[string]bool) error {
	l := Link{Target: t}
	if py != nil {
		l.ABI = py.ABI.Folder()
	}
	l.Output = place(t, l.ABI)
	if slices.ContainsFunc(p.Links, func(o Link) bool { return o.Output == l.Output }) {
		return nil // the same Python named twice, say as itself and as its environment
	}
	for _, src := range t.Sources {
		c := f.compile(src, py)
		l.Objects = append(l.Objects, c.Object)
		if f.byApxs(t) || known[c.Object] {
			continue
		}
		known[c.Object] = true
		p.Compiles = append(p.Compiles, c)
		if c.Preflight != "" && !known[c.Preflight] {
			known[c.Preflight] = true
			p.Preflights = append(p.Preflights, f.preflight(src.Needs, py))
		}
	}
	l.Staged = path.Join("obj", "linked", l.Output)
	if err := f.link(&l, py); err != nil {
		return fmt.Errorf("planning %s: %w", l.describe(), err)
	}
	p.Links = append(p.Links, l)
	return nil
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
// is what the sources are written in; whatever the module exports is marked. A
// distribution brings optimisation, debug information and warnings itself.
func (f Facts) base() []string {
	dialect, warnings := []string{"-std=gnu99", "-fvisibility=hidden"}, []string{"-Wall", "-Wextra", "-Wshadow"}
	if f.Classic {
		dialect, warnings = f.Compiler.Std, []string{"-Wall"}
	}
	args := slices.Concat(dialect, []string{"-fPIC", "-DPIC", "-pthread"})
	if f.Profile != ProfileDistro {
		args = slices.Concat(args, []string{"-O2", "-g"}, warnings, []string{"-Wformat", "-Werror=format-security"})
	}
	if f.Classic {
		if f.Compiler.Prctl {
			args = append(args, "-DHAVE_PRCTL=1")
		}
		return args
	}
	return append(args, "-D_GNU_SOURCE", "-DMOD_WSGI_VERSION="+strconv.Quote(f.Version))
}

// tier is how files are compiled that need this of a tier: its name, the ABI it
// is for, and every word that does not name a file. Those of the machine come
// last, so that they hold.
func (f Facts) tier(needs Needs, py *pybuild.Info) (name, abi string, args []string) {
	args, name = f.base(), "plain"
	switch needs {
	case NeedsApache:
		name = "apache-" + strconv.Itoa(f.Apache.MMN.Major)
		args = slices.Concat(args, f.Apache.Defines, includes(f.Apache.IncludeDirs))
	case NeedsPython:
		abi = py.ABI.Folder()
		name = abi
		args = slices.Concat(args, py.Defines, includes(py.Include))
	case NeedsBoth:
		abi = py.ABI.Folder()
		name = fmt.Sprintf("apache-%d-%s", f.Apache.MMN.Major, abi)
		args = slices.Concat(args, f.Apache.Defines, py.Defines, includes(slices.Concat(py.Include, f.Apache.IncludeDirs)))
	}
	args = slices.Concat(args, f.Defines, f.hardening(), f.Foreign.Compile)
	if f.System == "darwin" {
		args = append(args, f.Mac.common()...)
	}
	return name, abi, args
}

// hardening are our own words of the profile (rule C-4).
func (f Facts) hardening() []string {
	if f.Profile == ProfileDistro {
		return nil
	}
	return f.Compiler.Compile
}

// compile plans one object. It is found by its tier and by a hash of how it is
// compiled, so that a plan with other flags leaves it alone.
func (f Facts) compile(src Source, py *pybuild.Info) Compile {
	c := Compile{Source: src}
	tierName, abi, args := f.tier(src.Needs, py)
	c.ABI = abi
	if src.Needs != NeedsNone {
		c.Preflight = path.Join("obj", "preflight", tierName+".c")
	}
	stem := strings.TrimSuffix(src.File, ".c")
	key := hash(slices.Concat(f.Compiler.identity(), f.Compiler.PrefixMap, args))
	folder := path.Join("obj", tierName+"-"+key[:10])
	c.Object = path.Join(folder, stem+".o")
	c.Depends = path.Join(folder, stem+".d")
	c.Key = hash([]string{key, src.File})

	root := filepath.Join(f.Dir, filepath.FromSlash(f.Source))
	args = append(args, f.repro(root, src.File)...)
	up := strings.Repeat("../", strings.Count(f.Source, "/")+1)
	args = append(args, "-MMD", "-MF", up+c.Depends, "-o", up+c.Object, "-c", src.File)
	c.Command = Command{Dir: root, Args: slices.Concat(f.Compiler.Words, args)}
	return c
}

// repro are the words by which the same source gives the same object wherever it
// is compiled (rule H-3): debug information and assertions name files as the
// compiler is told them, with the folders mapped away.
func (f Facts) repro(root, name string) []string {
	var args []string
	for _, option := range f.Compiler.PrefixMap {
		args = append(args, option+"="+f.Dir+"=.")
		if root != f.Dir {
			args = append(args, option+"="+root+"=.") // the last one that fits counts
		}
	}
	return append(args, "-frandom-seed="+name)
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

// link fills in how l is linked.
func (f Facts) link(l *Link, py *pybuild.Info) error {
	if py != nil {
		var err error
		library, static := f.static(py)
		l.LibPython, l.SONAME = py.LibPython, py.SONAME
		if static {
			l.Static, l.LibPython, l.SONAME = true, library.Archive, ""
		} else if l.RunPath, err = f.runPath(l.ABI, l.Output); err != nil {
			return err
		}
	}
	if err := f.addNote(l, py); err != nil {
		return err
	}
	switch {
	case f.byApxs(l.Target):
		if err := f.linkByApxs(l, py); err != nil {
			return err
		}
	case f.System == "darwin":
		f.Mac.link(f, l, py)
	default:
		words := slices.Concat([]string{"-o", l.Staged}, l.Objects, []string{l.Note.Object}, f.linkWords(l, py))
		l.Command = Command{Dir: f.Dir, Args: slices.Concat(f.Compiler.Words, f.linkKind(l), words)}
	}
	l.Key = hash(slices.Concat(f.Compiler.identity(), l.Command.Args, []string{l.Note.Text}, f.apxsSums(l)))
	return nil
}

// apxsSums is what a result of apxs depends on besides its command; of other
// links the objects are looked at.
func (f Facts) apxsSums(l *Link) []string {
	if l.Apxs == nil {
		return nil
	}
	return []string{f.Sums[l.Target.Name], l.Apxs.Define}
}

// runPath is that of the file output of a build, for the Python of an ABI; "" for
// none.
func (f Facts) runPath(abi, output string) (string, error) {
	install := f.Install
	if install == "" {
		install = f.Dir
	}
	return f.Paths[abi].For(path.Dir(path.Join(filepath.ToSlash(install), output)))
}

// linkKind are the words that say what comes out (rule S-1).
func (f Facts) linkKind(l *Link) []string {
	args := []string{"-shared", "-fPIC", "-Wl,-soname," + l.Target.Name}
	if l.Target.Kind == Executable {
		args = []string{"-pie"}
	}
	return slices.Concat(args, []string{"-pthread"}, f.linkHardening())
}

func (f Facts) linkHardening() []string {
	if f.Profile == ProfileDistro {
		return f.Foreign.Link
	}
	return slices.Concat(f.Compiler.Link, f.Foreign.Link)
}

// linkWords are those behind the objects. Neither httpd, APR nor anything that
// Python itself was linked with is named: the server brings the first two,
// libpython the last (rule S-2). What is not defined is not an error either: it
// is looked for in the server (rule S-3).
func (f Facts) linkWords(l *Link, py *pybuild.Info) []string {
	args := []string{"-Wl,--as-needed"}
	if f.Classic && f.Compiler.Exports && !l.Static {
		args = append(args, "-Wl,--version-script="+f.exportsPath(l))
	}
	if py != nil {
		if library, static := f.static(py); static {
			args = append(args, library.linkStatic(l.Target.Kind)...)
		} else {
			// By absolute file: the linker records its SONAME and cannot take another
			// library of a similar name (rule S-1).
			args = append(args, py.LibPython)
			if l.RunPath != "" {
				// Word by word, since -Wl would split a folder's name at its commas.
				args = append(args, "-Wl,--enable-new-dtags", "-Xlinker", "-rpath", "-Xlinker", l.RunPath)
			}
			args = append(args, "-lm")
		}
	}
	if f.System != "freebsd" {
		args = append(args, "-ldl") // dlopen lives there before glibc 2.34
	}
	return args
}

// exportsPath is where the linker of l finds the list of exports: apxs runs
// elsewhere than we do.
func (f Facts) exportsPath(l *Link) string {
	if f.byApxs(l.Target) {
		return strings.Repeat("../", strings.Count(apxsFolder(l), "/")+1) + exportsFile
	}
	return exportsFile
}

// addNote plans the note that is compiled along with l. Its flags are those of
// the tier, without debug information: some properties hold for a file only if
// they hold for all of its objects.
func (f Facts) addNote(l *Link, py *pybuild.Info) error {
	var flags []string
	for _, o := range l.Objects {
		flags = append(flags, path.Dir(o))
	}
	slices.Sort(flags)
	n := f.note(*l, py)
	n.Flags = hash(slices.Concat(slices.Compact(flags), f.linkKind(l), f.Foreign.Compile))[:16]
	text, err := n.text()
	if err != nil {
		return err
	}
	l.Note = Note{File: l.Staged + ".note.c", Object: l.Staged + ".note.o", Text: noteSource(text, f.System)}
	args := slices.Concat(f.Compiler.Words, []string{"-O2", "-fPIC"}, f.hardening(), f.Foreign.Compile, f.repro(f.Dir, path.Base(l.Note.File)))
	if f.System == "darwin" {
		args = append(args, f.Mac.common()...)
	}
	l.Note.Command = Command{Dir: f.Dir, Args: append(args, "-g0", "-o", l.Note.Object, "-c", l.Note.File)}
	return nil
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
