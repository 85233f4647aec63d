package csrc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// wrappers are programs that stand in front of a compiler's name.
var wrappers = []string{"ccache", "sccache", "distcc"}

// environ are the variables by which a compiler finds other files than its
// command line says; the result depends on them.
var environ = []string{"CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX"}

// buildEnv is added to the environment of every compiler and linker: nothing
// that is built may depend on the clock or the place (rule H-3).
func buildEnv(r *run.Runner) []string {
	env := []string{"TZ=UTC"}
	if r.Getenv("SOURCE_DATE_EPOCH") == "" {
		env = append(env, "SOURCE_DATE_EPOCH=0")
	}
	return env
}

// FindCompiler says which compiler to use (rule C-1): $CC, which may hold
// words; the one apache was built with, if it is not nil and that is here; cc,
// gcc, clang. A $CC that is not there is an error, never passed over. programs
// are the files the choice stands for. Nothing is run.
func FindCompiler(r *run.Runner, apache *apxs.Info) (command, programs []string, err error) {
	if cc := r.Getenv("CC"); strings.TrimSpace(cc) != "" {
		command, err = words.Split(cc)
		if err != nil {
			return nil, nil, hint.Exit(fmt.Errorf("reading CC=%s: %w", cc, err), hint.Usage)
		}
		programs, err = lookUp(r, command)
		if err != nil {
			return nil, nil, hint.Exit(hint.New(fmt.Errorf("the compiler named by CC: %s: %w", cc, err),
				"unset CC, or set it to a C compiler that is installed"), hint.NotFound)
		}
		return command, programs, nil
	}
	candidates := [][]string{{"cc"}, {"gcc"}, {"clang"}}
	if apache != nil && len(apache.CC) > 0 {
		candidates = slices.Insert(candidates, 0, apache.CC)
	}
	for _, c := range candidates {
		if programs, err := lookUp(r, c); err == nil {
			return c, programs, nil
		}
	}
	return nil, nil, hint.Exit(hint.New(fmt.Errorf("looking for a C compiler: %w", exec.ErrNotFound),
		"install gcc and libc6-dev (Debian), gcc (Fedora), build-base (Alpine), or set CC"), hint.NotFound)
}

// lookUp finds the files of a compiler's command: a wrapper's and its own.
func lookUp(r *run.Runner, command []string) ([]string, error) {
	if len(command) == 0 {
		return nil, exec.ErrNotFound
	}
	var found []string
	for _, word := range command {
		path, err := r.LookPath(word)
		if err != nil {
			return nil, err
		}
		found = append(found, path)
		if !slices.Contains(wrappers, filepath.Base(word)) {
			break
		}
	}
	return found, nil
}

// feature is something we would like of a compiler; any of them may be unknown
// to it.
type feature struct {
	compile, link, prefixMap []string

	probe []string        // words for the trial only
	std   []string        // what stands in for a feature that is not there
	found func(*Compiler) // notes that it is there
}

// exportsName is the list of exports in the folder of a trial.
const exportsName = "exports.map"

// features are those of rules H-1 and H-3, for a machine as -dumpmachine
// names it.
func features(machine string) []feature {
	list := []feature{
		{compile: []string{"-fstack-protector-strong"}},
		{compile: []string{"-fstack-clash-protection"}},
		{compile: []string{"-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"}},
		{link: []string{"-Wl,-z,relro", "-Wl,-z,now"}},
		{link: []string{"-Wl,-z,noexecstack"}},
		{link: []string{"-Wl,-z,separate-code"}},
		{link: []string{"-Wl,--build-id=sha1"}},
		{prefixMap: []string{"-ffile-prefix-map"}},
		{probe: []string{"-DWANT_C11"}, std: []string{"-std=gnu11"}},
		{probe: []string{"-DWANT_PRCTL"}, found: func(c *Compiler) { c.Prctl = true }},
		{probe: []string{"-Wl,--version-script=" + exportsName}, found: func(c *Compiler) { c.Exports = true }},
	}
	switch cpu, _, _ := strings.Cut(machine, "-"); cpu {
	case "x86_64":
		list = append(list, feature{compile: []string{"-fcf-protection"}})
	case "aarch64":
		list = append(list, feature{compile: []string{"-mbranch-protection=standard"}})
	}
	return list
}

// instead gives what to try, in that order, where f is not known.
func (f feature) instead() []feature {
	switch {
	case slices.Contains(f.compile, "-D_FORTIFY_SOURCE=3"):
		return []feature{{compile: []string{"-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"}}}
	case slices.Contains(f.prefixMap, "-ffile-prefix-map"):
		return []feature{{prefixMap: []string{"-fdebug-prefix-map", "-fmacro-prefix-map"}}, {prefixMap: []string{"-fdebug-prefix-map"}}}
	case f.std != nil:
		std := f.std
		return []feature{{probe: append([]string{"-DWANT_C11"}, std...), found: func(c *Compiler) { c.Std = std }}}
	}
	return nil
}

// probeSource compiles only where the C library gives the level of
// _FORTIFY_SOURCE that was asked for: an unknown level is taken silently.
const probeSource = `#include <stdio.h>
#if defined __USE_FORTIFY_LEVEL && defined _FORTIFY_SOURCE && __USE_FORTIFY_LEVEL < _FORTIFY_SOURCE
#error the level is not known
#endif
#if defined WANT_C11 && (!defined __STDC_VERSION__ || __STDC_VERSION__ < 201112L)
#error the default is an older C
#endif
#ifdef WANT_PRCTL
#include <sys/prctl.h>
#endif
int main(int argc, char **argv) { (void)argv; return argc == 2 ? puts("") : 0; }
`

// probeCompiler asks a compiler who it is and which features it takes. That is
// three programs where it takes all of them, as a current one does.
func probeCompiler(ctx context.Context, r *run.Runner, command []string) (Compiler, error) {
	c := Compiler{Words: command}
	for _, name := range environ {
		if v := r.Getenv(name); v != "" {
			c.Environ = append(c.Environ, name+"="+v)
		}
	}
	ask := func(option string) (string, error) {
		out, err := r.Output(ctx, "", command[0], append(slices.Clone(command[1:]), option)...)
		line, _, _ := strings.Cut(out, "\n")
		return line, err
	}
	var err error
	if c.Version, err = ask("--version"); err != nil {
		return c, fmt.Errorf("asking the compiler for its version: %w", err)
	}
	if c.Machine, err = ask("-dumpmachine"); err != nil {
		return c, fmt.Errorf("asking the compiler for its machine: %w", err)
	}

	dir, err := os.MkdirTemp("", "modwsgi-cc-")
	if err != nil {
		return c, fmt.Errorf("trying the compiler: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "probe.c"), []byte(probeSource), 0o600); err != nil {
		return c, fmt.Errorf("trying the compiler: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, exportsName), []byte("{ global: main; local: *; };\n"), 0o600); err != nil {
		return c, fmt.Errorf("trying the compiler: %w", err)
	}
	try := func(list ...feature) error {
		args := slices.Concat(command[1:], []string{"-O2", "-Werror"})
		for _, f := range list {
			args = slices.Concat(args, f.compile, f.link, f.probe)
			for _, option := range f.prefixMap {
				args = append(args, option+"="+dir+"=.")
			}
		}
		_, err := r.Run(ctx, run.Cmd{Dir: dir, Path: command[0], Args: append(args, "-o", "probe", "probe.c"), Env: buildEnv(r)})
		return err
	}

	wanted := features(c.Machine)
	if try(wanted...) == nil {
		c.take(wanted...)
		return c, nil
	}
	if err := try(); err != nil {
		return c, compilerBroken(err)
	}
	for _, f := range wanted {
		if try(f) == nil {
			c.take(f)
			continue
		}
		for _, other := range f.instead() {
			if try(other) == nil {
				c.take(other)
				break
			}
		}
	}
	return c, ctx.Err()
}

func (c *Compiler) take(list ...feature) {
	for _, f := range list {
		c.Compile = append(c.Compile, f.compile...)
		c.Link = append(c.Link, f.link...)
		c.PrefixMap = append(c.PrefixMap, f.prefixMap...)
		if f.found != nil {
			f.found(c)
		}
	}
}

// compilerBroken is the error for a compiler that cannot make a program at all.
func compilerBroken(err error) error {
	var e *run.Error
	if errors.As(err, &e) && (strings.Contains(e.Stderr, "stdio.h") || strings.Contains(e.Stderr, "crt1.o") || strings.Contains(e.Stderr, "Scrt1.o")) {
		return hint.Exit(hint.New(fmt.Errorf("compiling an empty program: %w", err),
			"install the C library's headers: libc6-dev (Debian), glibc-devel (Fedora), musl-dev (Alpine)"), hint.NotFound)
	}
	return fmt.Errorf("compiling an empty program: %w", err)
}
