package csrc

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// Foreign are flags of others that were found good: what rule C-5 leaves of
// them.
type Foreign struct {
	Compile []string  `json:"compile,omitempty"`
	Link    []string  `json:"link,omitempty"`
	Dropped []Dropped `json:"dropped,omitempty"`
}

// Dropped is a word of other people's flags that was not taken over.
type Dropped struct {
	Word string `json:"word"`
	From string `json:"from"` // "CFLAGS of apxs"
	Why  string `json:"why"`
}

// takesNext are options whose argument may be, or is, the next word.
var takesNext = []string{"-D", "-U", "-I", "-L", "-l", "-B", "-include", "-imacros", "-isystem", "-iquote", "-idirafter", "-isysroot", "-arch", "-target",
	"--param", "-rpath", "-Xlinker", "-Xassembler", "-Xpreprocessor", "-Xclang", "-x", "-o", "-MF", "-MT", "-MQ", "-T", "-z", "-u"}

// groups keeps an option and the word that belongs to it together.
func groups(list []string) [][]string {
	var out [][]string
	for i := 0; i < len(list); i++ {
		if slices.Contains(takesNext, list[i]) && i+1 < len(list) {
			out = append(out, list[i:i+2])
			i++
			continue
		}
		out = append(out, list[i:i+1])
	}
	return out
}

// rule is one of what is never taken over, whatever the compiler says of it.
type rule struct {
	pattern *pattern.Late
	why     string
}

func never(words, why string) rule {
	return rule{pattern.New(`^(?:` + words + `)`), why}
}

// neverCompile is for flags of a compiler. A word is matched from its start.
var neverCompile = []rule{
	never(`-flto`, "objects for link time optimisation fit one compiler only"),
	never(`-f(?:no-)?profile|-fauto-profile|--coverage|-fbranch-prob|-ftest-cov`, "profiles belong to the files they were made from"),
	never(`-Wp,-M`, "it writes lists of headers elsewhere"),
	never(`-isysroot|--sysroot`, "the system that it names need not be there"),
	never(`-B`, "it brings another linker"),
	never(`-f(?:debug|file|macro|profile)-prefix-map|-fcanon-prefix-map`, "it maps the folders of another build"),
	never(`-Wl,|-Xlinker|-rpath|-R/|-L|-l|-T|-z$|-u$|-pie$|-static|-shared`, "it is for the linker"),
	never(`-c$|-o|-wrapper|-no-canonical|-M[DMFGPQTV]*$|-E$|-S$|-x$|-include$|-imacros$|-dumpmachine|-v$|--version|-###`, "it changes what the compiler is asked to do"),
	never(`-Werror`, "a warning of another compiler must not end a build"),
	never(`-std=|-ansi$|-fvisibility|-finline-visibility`, "the sources say themselves in which C they are and what they show"),
	never(`@|[^-]`, "it is no option"),
}

// neverMachine is left alone in a distribution's own flags.
var neverMachine = never(`-march=|-mtune=|-mcpu=`, "it is for the machine that Apache was built on")

// onlyLink is what is taken of a linker's flags; the rest is dropped.
var onlyLink = map[Profile]*pattern.Late{
	ProfileApxs:   pattern.New(`^(?:-Wl,-z,|-Wl,-O|-m32$|-m64$|-arch$)`),
	ProfileDistro: pattern.New(`^(?:-Wl,-z,|-Wl,-O|-m32$|-m64$|-arch$|-Wl,--as-needed|-Wl,--build-id|-Wl,--hash-style|-Wl,--enable-new-dtags|-Wl,--sort-common|-Wl,--package-metadata|-f|-O|-g)`),
}

// undefinedToo are linker words that forbid what every module has: symbols that
// the server brings (rule S-3).
var undefinedToo = pattern.New(`-z,(?:defs|nodlopen|execstack|lazy|norelro)|no-undefined`)

// known are words that every compiler we know takes in the same way; only others
// are tried.
var known = pattern.New(`^(?:-[DU][A-Za-z_]|-I/|-m(?:32|64)$|-O(?:[0-3sgz]|fast)?$|-g(?:[0-3]|gdb[0-3]?)?$|-f(?:PIC|pic|PIE|pie|no-strict-aliasing|wrapv|no-common|stack-protector(?:-strong|-all)?|exceptions)$|-W(?:all|extra|format|format-security|no-unused-[a-z-]+)?$|-pthread$|-pipe$)`)

// sift drops what is never taken over. missing tells whether a file that a word
// names is absent.
func sift(p Profile, o origin, missing func(string) bool) (kept [][]string, dropped []Dropped, err error) {
	list, err := o.split()
	if err != nil {
		return nil, nil, err
	}
	for _, group := range list {
		if why := refuse(p, o.link, group, missing); why != "" {
			dropped = append(dropped, Dropped{Word: strings.Join(group, " "), From: o.name, Why: why})
			continue
		}
		kept = append(kept, group)
	}
	return kept, dropped, nil
}

// refuse says why a word is not taken over, "" if it may be.
func refuse(p Profile, link bool, group []string, missing func(string) bool) string {
	word := group[0]
	for _, prefix := range []string{"-specs=", "--specs=", "-fplugin="} {
		if file, ok := strings.CutPrefix(word, prefix); ok && missing(file) {
			return "the file that it names is missing"
		}
	}
	value := strings.TrimPrefix(strings.Join(group, ""), "-I")
	switch {
	case strings.HasPrefix(word, "-flto"):
		return neverCompile[0].why
	case link && undefinedToo.MatchString(strings.Join(group, ",")):
		return "a module takes symbols from the server, and is not weakened"
	case link && !onlyLink[p].MatchString(word):
		return "of a linker's flags only those that protect or order the result are taken"
	case link:
		return ""
	case p != ProfileDistro && neverMachine.pattern.MatchString(word):
		return neverMachine.why
	case strings.HasPrefix(word, "-I") && (!filepath.IsAbs(value) || filepath.Clean(value) == "/usr/include" || missing(value)):
		return "a folder of headers must be there, and not the compiler's own"
	}
	for _, r := range neverCompile {
		if r.pattern.MatchString(word) {
			return r.why
		}
	}
	return ""
}

// absent is what sift asks of a path. A name without a folder is one of the
// compiler's own.
func absent(path string) bool {
	if !strings.Contains(path, "/") {
		return false
	}
	_, err := os.Stat(path)
	return err != nil
}

// tryForeign brings the flags of others into a state in which this compiler takes
// all of them: what it rejects is found by compiling, or linking, an empty file.
func tryForeign(ctx context.Context, r *run.Runner, cc Compiler, p Profile, list []origin) (Foreign, error) {
	var f Foreign
	dir, err := os.MkdirTemp("", "modwsgi-cc-")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "empty.c"), []byte("typedef int modwsgi_empty;\n"), 0o600); err != nil {
		return f, err
	}
	for _, o := range list {
		kept, dropped, err := sift(p, o, absent)
		if err != nil {
			return f, err
		}
		f.Dropped = append(f.Dropped, dropped...)
		t := trial{r: r, cc: cc, dir: dir, link: o.link, before: f.Compile}
		good, bad := t.sort(ctx, kept)
		for _, group := range bad {
			f.Dropped = append(f.Dropped, Dropped{Word: strings.Join(group, " "), From: o.name, Why: "the compiler rejects it"})
		}
		if o.link {
			f.Link = append(f.Link, good...)
		} else {
			f.Compile = append(f.Compile, good...)
		}
	}
	return f, ctx.Err()
}

// trial finds out which words a compiler takes.
type trial struct {
	r      *run.Runner
	cc     Compiler
	dir    string
	link   bool
	before []string // words taken already: some mean something only behind others
}

// sort divides words: all at once where that works, else one by one.
func (t trial) sort(ctx context.Context, list [][]string) (good []string, bad [][]string) {
	all := slices.Concat(list...)
	if !slices.ContainsFunc(list, t.doubts) || t.takes(ctx, all) {
		return all, nil
	}
	for _, group := range list {
		if !t.doubts(group) || t.takes(ctx, slices.Concat(good, group)) {
			good = append(good, group...)
		} else {
			bad = append(bad, group)
		}
	}
	return good, bad
}

// doubts tells whether only the compiler knows if it takes a word.
func (t trial) doubts(group []string) bool {
	return t.link || len(group) > 1 || !known.MatchString(group[0])
}

func (t trial) takes(ctx context.Context, list []string) bool {
	args := slices.Concat(t.cc.Words[1:], t.before, list, []string{"-Werror", "-fPIC"})
	if t.link {
		args = append(args, "-shared", "-Wl,--fatal-warnings", "-o", "empty.so", "empty.c")
	} else {
		args = append(args, "-c", "-o", "empty.o", "empty.c")
	}
	res, err := t.r.Run(ctx, run.Cmd{Dir: t.dir, Path: t.cc.Words[0], Args: args, Env: buildEnv(t.r)})
	// Of a keyword that it does not know a linker only says that it passes over it.
	return err == nil && !(t.link && strings.Contains(res.Stderr, "ignored"))
}
