package apxs

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/words"
)

// options takes what apxs would compile and link with: words that structures
// depend on for every build, the rest for one that wants just these (rule A-5).
func (d *draft) options(ctx context.Context) {
	d.defines(ctx)
	d.includes(ctx)
	d.compiler(ctx)
	for _, word := range d.flags(ctx, "cflags", "CFLAGS", "EXTRA_CFLAGS", "NOTEST_CFLAGS", "SHLTCFLAGS") {
		if !strings.HasPrefix(word, "-prefer-") { // libtool's own
			d.info.CFlags = append(d.info.CFlags, word)
		}
	}
	list := d.flags(ctx, "ldflags", "LDFLAGS", "SH_LDFLAGS", "NOTEST_LDFLAGS")
	for i, word := range list {
		switch {
		case word == "-arch" && i+1 < len(list):
			d.info.LDFlags = append(d.info.LDFlags, word, list[i+1])
		case word == "-m32", word == "-m64", strings.HasPrefix(word, "-Wl,-z,"), strings.HasPrefix(word, "-Wl,-O"):
			d.info.LDFlags = append(d.info.LDFlags, word)
		}
	}
	for field, list := range map[string][]string{"cflags": d.info.CFlags, "ldflags": d.info.LDFlags, "defines": d.info.Defines} {
		if len(list) == 0 {
			delete(d.info.From, field)
		}
	}
}

// flags are the words of some variables.
func (d *draft) flags(ctx context.Context, field string, variables ...string) []string {
	var out []string
	for _, name := range variables {
		text, from := d.w.ask(ctx, name)
		list, err := words.Split(text)
		if err != nil {
			d.note("the %s of apxs cannot be read (%v): %s", name, err, text)
			continue
		}
		if len(list) > 0 {
			d.from(from, field)
		}
		out = append(out, list...)
	}
	return out
}

// defines are the words of APR's program, without which its types have other
// sizes, then those of apxs.
func (d *draft) defines(ctx context.Context) {
	list := d.flags(ctx, "defines", "CPPFLAGS", "EXTRA_CPPFLAGS", "NOTEST_CPPFLAGS")
	program := d.aprConfig(ctx, libApr)
	if program == "" {
		d.flag(FlagNoAprConfig, "no apr-1-config: APR's definitions are taken from apxs alone")
		d.define(list)
		return
	}
	own, err := words.Split(d.aprAsk(ctx, program, "--cppflags"))
	if err != nil {
		d.note("the flags of %s cannot be read: %v", program, err)
	}
	d.from(FromApxs, "defines")
	d.define(append(own, list...))
}

// define keeps the -D and -U words of list, each once. _FORTIFY_SOURCE is how
// Apache was hardened, not what its structures depend on.
func (d *draft) define(list []string) {
	for i := 0; i < len(list); i++ {
		word := list[i]
		if (word == "-D" || word == "-U") && i+1 < len(list) {
			i++
			word += list[i]
		}
		if len(word) < 3 || word[:2] != "-D" && word[:2] != "-U" || strings.HasPrefix(word[2:], "_FORTIFY_SOURCE") {
			continue
		}
		if !slices.Contains(d.info.Defines, word) {
			d.info.Defines = append(d.info.Defines, word)
		}
	}
}

// includes adds the folders of EXTRA_INCLUDES that are there and say something:
// the compiler searches the system's own anyway, and relative ones mean the
// folder that Apache was built in.
func (d *draft) includes(ctx context.Context) {
	text, _ := d.w.ask(ctx, "EXTRA_INCLUDES")
	list, err := words.Split(text)
	if err != nil {
		d.note("the EXTRA_INCLUDES of apxs cannot be read (%v): %s", err, text)
		return
	}
	for _, word := range list {
		dir, ok := strings.CutPrefix(word, "-I")
		if !ok || !filepath.IsAbs(dir) || strings.Contains(dir, "$") || !fsx.IsDir(dir) {
			continue
		}
		dir = filepath.Clean(dir)
		if dir != filepath.Join(d.root, "/usr/include") && !slices.Contains(d.info.IncludeDirs, dir) {
			d.info.IncludeDirs = append(d.info.IncludeDirs, dir)
		}
	}
}

// compiler takes the one apxs names, if it is there.
func (d *draft) compiler(ctx context.Context) {
	cc, from := d.w.ask(ctx, "CC")
	list, err := words.Split(cc)
	if err != nil || len(list) == 0 {
		return
	}
	if _, err := d.r.LookPath(list[0]); err == nil {
		d.info.CC = list
		d.from(from, "cc")
	}
}

// reported takes what nothing is decided by.
func (d *draft) reported(ctx context.Context) {
	d.set(ctx, &d.info.LibDir, "lib_dir", "LIBDIR")
	d.set(ctx, &d.info.RuntimeDir, "runtime_dir", "RUNTIMEDIR")
	d.set(ctx, &d.info.LogDir, "log_dir", "LOGFILEDIR")
	d.set(ctx, &d.info.LibraryPath, "library_path", "SHLIBPATH_VAR")
	if d.w.file != "" {
		d.info.BuildDir = filepath.Dir(d.w.file)
		d.from(FromFile, "build_dir")
	}
}
