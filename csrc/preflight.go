package csrc

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/pybuild"
)

// Preflight is a file that is compiled and thrown away before anything else of
// its tier (rule C-2): whether the headers are there and are those of the Apache
// and Python that were looked at. What it finds would otherwise be a screen of
// errors in sources that nobody wrote, or a module that crashes.
type Preflight struct {
	What    string // "the headers of Python 3.11.2"
	ABI     string
	File    string // relative to the build folder
	Text    string
	Depends string
	Command Command
	Key     string
}

// preflight plans the file of one tier: of Apache (py nil), of a Python, or of
// both where a module needs both.
func (f Facts) preflight(needs Needs, py *pybuild.Info) Preflight {
	tier, _, args := f.tier(needs, py)
	p := Preflight{What: "the headers of Apache"}
	var b strings.Builder
	b.WriteString("/* Generated: are these the headers that were looked at? */\n")
	if py != nil {
		p.ABI, p.What = py.ABI.Folder(), "the headers of Python "+py.Version
		b.WriteString(pythonAssertions(*py, f.Bits))
	}
	if needs == NeedsBoth {
		p.What += " and of Apache"
	}
	if needs != NeedsPython {
		b.WriteString(apacheAssertions)
	}
	p.Text = b.String()
	p.Key = hash(slices.Concat(f.Compiler.identity(), args, []string{p.Text}))
	p.File = path.Join("obj", "preflight", tier+".c")
	p.Depends = path.Join("obj", "preflight", tier+".d")
	p.Command = Command{Dir: f.Dir, Args: slices.Concat(f.Compiler.Words, args,
		[]string{"-w", "-fsyntax-only", "-MD", "-MF", p.Depends, "-MT", "preflight", p.File})}
	return p
}

// The doctor's code is part of each complaint, so that it can be read from what
// any compiler makes of it.
const apacheAssertions = `#include <httpd.h>
#include <http_config.h>
#include <apr.h>
#include <apr_version.h>
#if AP_SERVER_MAJORVERSION_NUMBER < 2 || AP_SERVER_MAJORVERSION_NUMBER == 2 && AP_SERVER_MINORVERSION_NUMBER < 4
#error "MW103: these are the headers of an Apache before 2.4"
#endif
#if !APR_HAS_THREADS
#error "MW118: this APR was built without threads"
#endif
`

// pythonAssertions compare the headers with the record of that Python. bits is
// the size of pointers in the process that it will run in, 0 where not known.
func pythonAssertions(py pybuild.Info, bits int) string {
	has := func(macro string, want bool, text string) string {
		if want {
			return fmt.Sprintf("#ifndef %s\n#error \"MW117: these are headers of a Python without %s\"\n#endif\n", macro, text)
		}
		return fmt.Sprintf("#ifdef %s\n#error \"MW117: these are headers of a Python with %s\"\n#endif\n", macro, text)
	}
	text := "#include <Python.h>\n" +
		fmt.Sprintf("#if PY_MAJOR_VERSION != %d || PY_MINOR_VERSION != %d\n#error \"MW104: these are not the headers of Python %d.%d\"\n#endif\n",
			py.ABI.Major, py.ABI.Minor, py.ABI.Major, py.ABI.Minor) +
		has("Py_GIL_DISABLED", py.ABI.Free, "free threading (t)") +
		has("Py_DEBUG", py.ABI.Debug, "debug checks (d)")
	if bits > 0 {
		text += fmt.Sprintf("typedef char MW113_pointers_have_another_size[sizeof(void *) * 8 == %d ? 1 : -1];\n", bits)
	}
	return text
}

// preflights are those of the tiers that compiles are of, as far as they were
// not passed with the same headers before.
func (b *builder) preflights(compiles []Compile) []Preflight {
	var list []Preflight
	for _, p := range b.plan.Preflights {
		needed := slices.ContainsFunc(compiles, func(c Compile) bool { return c.Preflight == p.File })
		if known, ok := b.state.Preflights[p.File]; needed && (!ok || known.Key != p.Key || !b.state.inputsAre(b.tree, known.Read, known.Inputs)) {
			list = append(list, p)
		}
	}
	return list
}

// fly compiles one of them and notes what it read.
func (b *builder) fly(ctx context.Context, p Preflight) error {
	if err := fsx.WriteTree(b.dir, []fsx.File{{Path: p.File, Data: []byte(p.Text), Passing: true}}); err != nil {
		return err
	}
	doing := "checking " + p.What
	_, files, err := b.traced(ctx, doing, p.ABI, p.Command, p.Depends)
	if err != nil {
		return err
	}
	made := object{Key: p.Key, Read: slices.DeleteFunc(files, func(name string) bool { return !filepath.IsAbs(name) })}
	if made.Inputs, err = b.state.inputs(b.tree, made.Read); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	b.state.mu.Lock()
	defer b.state.mu.Unlock()
	b.state.Preflights[p.File] = made
	b.state.dirty = true
	return nil
}

var assertion = pattern.New(`\b(MW1\d\d)[:_]`)

// oneMachine is the advice where an Apache and a Python are for two.
const oneMachine = "take an Apache and a Python for one machine"

// assertionAdvice is what to do when the headers are not those that were
// expected.
func assertionAdvice(code, abi string) (string, int) {
	switch code {
	case "MW103":
		return "Apache 2.4 or later is needed: name the apxs of one (APXS=/path/to/apxs)", hint.Refused
	case "MW104":
		return "install the headers of that Python: " + pythonPackage(abi), hint.NotFound
	case "MW113":
		return oneMachine, hint.Refused
	case "MW117":
		return "the folder of headers belongs to another build of that Python: install those of this one, or choose the other Python", hint.Refused
	}
	return "use an Apache whose APR was built with threads", hint.Refused
}
