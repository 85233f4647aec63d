package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"modwsgi/csrc"
	"modwsgi/expressgen"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// commandLine is what can be typed. Each command's grammar says the same of its
// options to the rewriting that comes before.
type commandLine struct {
	Apaches        apachesCommand    `cmd:"" help:"List the Apaches of this machine."`
	Audit          auditCommand      `cmd:"" help:"Tell which interpreters the extension modules of a virtual environment support, and how to run an application with them."`
	Build          buildCommand      `cmd:"" help:"Build the module for an Apache and one or more Pythons."`
	Check          checkCommand      `cmd:"" help:"Compare what is installed with today's machine, after upgrades above all."`
	Completion     completer         `cmd:"" help:"Print what a shell needs to complete commands and options: bash, fish or zsh."`
	Discover       discoverCommand   `cmd:"" help:"List the Apaches and Pythons of this machine, which are usable and how to choose one."`
	Doctor         doctorCommand     `cmd:"" help:"Say what keeps the module from working on this machine, and what to type."`
	Explain        explainCommand    `cmd:"" help:"Say what a build output or an error log means, and what to type."`
	Fetch          fetchCommand      `cmd:"" help:"Fetch a source tree of the original, check it and keep it."`
	Import         importCommand     `cmd:"" help:"Turn the configuration of uWSGI, gunicorn or NGINX Unit into a command line, and say what has no equal."`
	Inspect        inspectCommand    `cmd:"" help:"Say what a built module, program or library needs, exports and is protected by."`
	Install        installAllCommand `cmd:"" help:"Build the module, or take an archive, install it where Apache has its modules, tell Apache of it and prove it there: all of it or nothing."`
	InstallModule  installCommand    `cmd:"" help:"Install the module into Apache's modules folder and print the lines that load it."`
	Matrix         matrixCommand     `cmd:"" help:"List the combinations of Apache, MPM, Python and mode, run them, plan a run for several machines, tell a CI engine, or merge results."`
	ModuleConfig   configCommand     `cmd:"" help:"Print the lines that load the module where it was built."`
	ModuleLocation locationCommand   `cmd:"" help:"Print where the built module is."`
	Package        packageCommand    `cmd:"" help:"Build, and write packages: deb, rpm, apk, arch, tar, wheel, or all."`
	Python         pythonCommand     `cmd:"" help:"Make a Python of its sources into the cache, where it is found afterwards."`
	Pythons        pythonsCommand    `cmd:"" help:"List the Pythons of this machine."`
	Reload         reloadCommand     `cmd:"" help:"Restart a running server gracefully, or replace its daemon processes one by one."`
	Reproduce      reproduceCommand  `cmd:"" help:"Build twice from nothing, in two folders, and compare every file."`
	Rollback       rollbackCommand   `cmd:"" help:"Put back what an interrupted change did, or else what was installed before."`
	SetupServer    setupCommand      `cmd:"" help:"Generate a server and do not start it."`
	StartServer    startCommand      `cmd:"" help:"Generate a server and run it."`
	Telemetry      telemetryCommand  `cmd:"" help:"Receive what WSGITelemetryService sends and show it as a page of live charts."`
	Uninstall      uninstallCommand  `cmd:"" help:"Take away what was installed, and what tells Apache of it."`
	Verify         verifyCommand     `cmd:"" help:"Take the module, or a release of the original, through the levels static, load, config and run."`

	VerifyArtifacts artifactsCommand `cmd:"" help:"Read a folder of packages again, with all that lies beside them, and name each fault."`
}

// commands are the same names with their grammars and one-line usage.
var commands = []struct {
	name, usage string
	grammar     func() grammar
	public      bool // one of the original's five
}{
	{"apaches", "[--json]", func() grammar { return grammarOf(apachesCommand{}, 0) }, false},
	{"audit", "[--json] [--no-import] VENV", auditGrammar, false},
	{"build", "[--apxs PATH] [--python PYTHON]... [--output DIR] [--source SOURCE] [options]", func() grammar { return grammarOf(buildCommand{}, 0) }, false},
	{"check", "[--apxs PATH] [--modules-directory DIR] [--json]", func() grammar { return grammarOf(checkCommand{}, 0) }, false},
	{"completion", "bash|fish|zsh", func() grammar { return grammar{positionals: 1} }, false},
	{"discover", "[--json]", func() grammar { return grammarOf(discoverCommand{}, 0) }, false},
	{"doctor", "[--apxs PATH] [--python PATH] [--log FILE] [--json | --report]", doctorGrammar, false},
	{"explain", "[--json] [FILE]", explainGrammar, false},
	{"fetch", "[--update] [options] SOURCE", func() grammar { return grammarOf(fetchCommand{}, 1) }, false},
	{"import", "[--from FORMAT] [--execute] [--python PATH] [--application NAME] [--json] FILE", importGrammar, false},
	{"inspect", "[--json] [--strict] FILE", func() grammar { return grammarOf(inspectCommand{}, 1) }, false},
	{"install", "[--apxs PATH] [--python PYTHON] [--source SOURCE] [--other-module WHAT] [--dryrun] [options] [ARCHIVE]", func() grammar { return grammarOf(installAllCommand{}, 1) }, false},
	{"install-module", "[--modules-directory DIR] [--dryrun]", func() grammar { return grammarOf(installCommand{}, 0) }, true},
	{"matrix", "list|plan|run|github|gitlab [MODE] [SELECTOR]... [options], or merge DIR..., repro CELL, sheet", func() grammar { return grammarOf(matrixCommand{}, 1+maxSelectors) }, false},
	{"module-config", "", func() grammar { return grammar{} }, true},
	{"module-location", "", func() grammar { return grammar{} }, true},
	{"package", "[--apxs PATH] [--python PYTHON]... [--source SOURCE] [--dist DIR] [options] FORMAT", func() grammar { return grammarOf(packageCommand{}, 1) }, false},
	{"python", "[--cpython SOURCE] [--jobs N] [options] VERSION", func() grammar { return grammarOf(pythonCommand{}, 1) }, false},
	{"pythons", "[--json]", func() grammar { return grammarOf(pythonsCommand{}, 0) }, false},
	{"reload", "[--rolling] SERVER_ROOT", reloadGrammar, false},
	{"reproduce", "[--apxs PATH] [--python PYTHON] [--source SOURCE] [--json] [options]", func() grammar { return grammarOf(reproduceCommand{}, 0) }, false},
	{"rollback", "[--apxs PATH] [--modules-directory DIR] [--dryrun] [--json]", func() grammar { return grammarOf(rollbackCommand{}, 0) }, false},
	{"setup-server", "[SCRIPT] [options]", serverGrammar, true},
	{"start-server", "[SCRIPT] [options]", serverGrammar, true},
	{"telemetry", "--listen unix:PATH [--http-host ADDRESS] [--http-port N]", telemetryGrammar, false},
	{"uninstall", "[--apxs PATH] [--modules-directory DIR] [--restore] [--dryrun] [--json]", func() grammar { return grammarOf(uninstallCommand{}, 0) }, false},
	{"verify", "[--apxs PATH] [--python PYTHON] [--source SOURCE] [--json] [options]", func() grammar { return grammarOf(verifyCommand{}, 0) }, false},
	{"verify-artifacts", "[--json] [DIST]", func() grammar { return grammarOf(artifactsCommand{}, 1) }, false},
}

// app is what every command works with.
type app struct {
	ctx   context.Context
	r     *run.Runner
	notes []string // what to warn of
	bad   error    // what is wrong with the words before they were parsed
}

// execute runs the command line args.
func execute(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return &usageError{overview(), errors.New("no command was given")}
	}
	switch args[0] {
	case "-h", "--help", "help":
		fmt.Print(overview())
		return nil
	case "--version", "version":
		fmt.Println(tool, csrc.Version())
		return nil
	case describeCommand:
		return describe()
	}
	for _, c := range commands {
		if c.name == args[0] {
			err := dispatch(ctx, c.name, c.grammar(), args[1:])
			if hint.Code(err) == hint.Usage {
				text := strings.TrimRight(fmt.Sprintf("usage: %s %s %s", tool, c.name, c.usage), " ")
				return &usageError{text, err}
			}
			if err != nil && c.public {
				err = hint.Exit(err, hint.Failed) // the original knows 1 and 2 only
			}
			return err
		}
	}
	return &usageError{overview(), fmt.Errorf("unknown command %q", args[0])}
}

// overview lists the commands.
func overview() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s COMMAND [arguments]\n\n", tool)
	helps := commandHelps()
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-16s %s\n", c.name, helps[c.name])
	}
	fmt.Fprintf(&b, "\n%s COMMAND --help lists a command's options; --version prints the version.\n", tool)
	return b.String()
}

// alone is a commandLine with one command in it, of the type given: the options of
// the others would take as long to read as all the rest.
func alone(name string, command reflect.Type) reflect.Value {
	f := commandField(name)
	return reflect.New(reflect.StructOf([]reflect.StructField{{Name: f.Name, Type: command, Tag: f.Tag}}))
}

// commandField is the field of commandLine for a command.
func commandField(name string) reflect.StructField {
	f, _ := reflect.TypeFor[commandLine]().FieldByName(fieldName(name))
	return f
}

// commandHelps are what is said of each command.
func commandHelps() map[string]string {
	out := map[string]string{}
	for _, c := range commands {
		out[c.name] = commandField(c.name).Tag.Get("help")
	}
	return out
}

// fieldName is the field of commandLine for a command.
func fieldName(command string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(command, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// dispatch parses and runs one command.
func dispatch(ctx context.Context, name string, g grammar, args []string) error {
	if !isLiteral() {
		for i := range args {
			args[i] = expand(args[i])
		}
	}
	typed := g.rewrite(args)
	serve := name == "start-server" || name == "setup-server"
	if serve {
		debug.SetGCPercent(roomyGC)
		typed = g.fromElsewhere(typed, os.Environ())
	}
	if typed.help {
		serve, typed = false, result{words: []string{"--help"}}
	}
	a := &app{ctx: ctx, r: &run.Runner{}, notes: typed.notes, bad: hint.Exit(typed.err, hint.Usage)}
	full := commandField(name).Type
	if serve {
		if command, ok := parseSpoken(name, full, typed.words); ok {
			return command.Run(a)
		} // what is wrong, the parser of all options says
	}
	parser, err := newParser(alone(name, full))
	if err != nil {
		return err
	}
	if name == "matrix" {
		hideOthers(parser.Model.Children[0].Flags, matrixVerb(args))
	}
	parsed, err := parser.Parse(append([]string{name}, typed.words...))
	if err != nil {
		return hint.Exit(errors.Join(typed.err, err), hint.Usage)
	}
	return parsed.Run(a)
}

// roomyGC keeps the garbage collector away while a server is generated: it would come
// several times for less than what there is at the end. expressgen.Run sets it back.
const roomyGC = 800

// newParser is the parser of what the struct behind line declares.
func newParser(line reflect.Value) (*kong.Kong, error) {
	return kong.New(line.Interface(),
		kong.Name(tool),
		kong.WithHyphenPrefixedParameters(true), // a value may look like an option
		kong.TypeMapper(reflect.TypeFor[expressgen.Pairs](), kong.MapperFunc(decodePair)),
		kong.ValueFormatter(withDefault),
		helps(),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, WrapUpperBound: 100}),
	)
}

// withDefault is the help text of an option with its default.
func withDefault(v *kong.Value) string {
	if v.HasDefault && v.Default != "" {
		return fmt.Sprintf("%s (default: %s)", v.Help, v.Default)
	}
	return v.Help
}

// decodePair takes the two words of an option's value and adds them to those it
// has.
func decodePair(ctx *kong.DecodeContext, target reflect.Value) error {
	var p expressgen.Pair
	if err := ctx.Scan.PopValueInto("value", &p.Key); err != nil {
		return err
	}
	if err := ctx.Scan.PopValueInto("value", &p.Value); err != nil {
		return err
	}
	target.Set(reflect.Append(target, reflect.ValueOf(p)))
	return nil
}

// workingFolder is where the command was run.
func workingFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the current folder: %w", err)
	}
	return dir, nil
}
