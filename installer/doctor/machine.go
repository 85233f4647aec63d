package doctor

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Machine is all that the checks look at: what was found, as values. The zero
// value of a member means that it could not be looked at, and nothing is said
// of it.
type Machine struct {
	System distro.System `json:"system"`

	Apache        *apxs.Info    `json:"apache,omitempty"`
	ApacheProblem *Problem      `json:"apache_problem,omitempty"` // why there is none
	Server        *Kind         `json:"server,omitempty"`         // what the server's file is
	Python        *pybuild.Info `json:"python,omitempty"`
	PythonProblem *Problem      `json:"python_problem,omitempty"`
	Library       *Kind         `json:"library,omitempty"` // what libpython's file is

	User     string           `json:"user,omitempty"` // that Apache's children run as, "" unknown
	Envvars  bool             `json:"envvars"`        // Apache has a file with what stands for ${NAME}
	Scan     *apxs.Scan       `json:"scan,omitempty"` // of Apache's own configuration
	Modules  []LoadedModule   `json:"modules,omitempty"`
	Others   []OtherModule    `json:"others,omitempty"` // what else is loaded, and brings a libpython or libssl
	Homes    []Home           `json:"homes,omitempty"`
	MPMs     []apxs.Directive `json:"mpms,omitempty"`
	Packaged []Packaged       `json:"packaged,omitempty"` // modules of ours or of packages in the modules folder

	Compiler string    `json:"compiler,omitempty"` // the compiler that a build would take; "" is for none
	NoTools  bool      `json:"no_compiler"`        // there is none
	Temp     string    `json:"temp,omitempty"`     // the folder for temporary files
	NoExec   bool      `json:"temp_noexec"`        // and nothing in it may be run
	Sources  string    `json:"sources,omitempty"`  // hash of the C sources that this tool would build
	Log      []Finding `json:"log,omitempty"`      // what a log says, if one was given
	LogName  string    `json:"log_name,omitempty"`
}

// Problem is why something could not be found, in the words of whoever looked.
type Problem struct {
	Code   string `json:"code,omitempty"` // "" if only the text tells
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"`
}

// Kind is what kind of machine a file is for.
type Kind struct {
	File    string      `json:"file"`
	Class   elf.Class   `json:"class"`
	Machine elf.Machine `json:"machine"`
}

func (k Kind) String() string { return fmt.Sprintf("%v %v", k.Class, k.Machine) }

// Packaged is a file of the module that is not loaded, and whose it is.
type Packaged struct {
	Path    string `json:"path"`
	Package string `json:"package,omitempty"` // "" for none
	Loaded  bool   `json:"loaded"`
}

// Request says what to look at. Empty members are found.
type Request struct {
	Apxs, Python string
	Log          string             // a file; "" for none
	Messages     map[string]Message // of the module itself
}

// Examine looks at this machine. The error is about the log alone: whatever else
// cannot be looked at is a member of the result, or is left out.
func Examine(ctx context.Context, r *run.Runner, want Request) (Machine, error) {
	m := Machine{System: distro.Here()}
	m.Sources, _ = csrc.SourceHash() // "": nothing is compared
	if info, err := apxs.Find(ctx, r, want.Apxs); err != nil {
		m.ApacheProblem = problem(err, flagCodes[apxs.FlagOf(err)])
	} else {
		m.Apache = &info
		m.Server = kindOf(info.Httpd)
	}
	if info, err := pybuild.Find(ctx, r, want.Python); err != nil {
		m.PythonProblem = problem(err, "")
	} else {
		m.Python = &info
		m.Library = kindOf(info.LibPython)
	}
	m.configuration(ctx, r)
	m.packaged(ctx, r)
	m.tools(r)
	if want.Log == "" {
		return m, nil
	}
	f, err := os.Open(want.Log)
	if err != nil {
		return m, err
	}
	defer f.Close()
	m.LogName = want.Log
	if m.Log, err = Explain(f, m.System, want.Messages); errors.Is(err, errUnknown) {
		err = nil // a log without trouble is a good one
	}
	return m, err
}

func problem(err error, code string) *Problem {
	return &Problem{Code: code, Text: err.Error(), Advice: hint.Of(err)}
}

// kindOf reads the header of an ELF file; nil if it is none.
func kindOf(path string) *Kind {
	f, err := elf.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	return &Kind{File: path, Class: f.Class, Machine: f.Machine}
}

// configuration reads what Apache would read.
func (m *Machine) configuration(ctx context.Context, r *run.Runner) {
	if m.Apache == nil || m.Apache.ConfFile == "" {
		return
	}
	env := apxs.Environment(ctx, r, *m.Apache)
	scan, err := apxs.ScanConfig(m.Apache.ConfFile, m.Apache.Root, env)
	if err != nil {
		return
	}
	m.User, m.Envvars = env["APACHE_RUN_USER"], len(env) > 0
	m.read(scan)
}

// read takes from a scan what the checks need.
func (m *Machine) read(scan apxs.Scan) {
	m.Scan = &scan
	for _, d := range scan.Directives {
		switch name := strings.ToLower(d.Name); {
		case name == "loadmodule" && len(d.Args) > 1 && d.Args[0] == "wsgi_module":
			m.Modules = append(m.Modules, m.readModule(d, m.absolute(d.Args[1])))
		case name == "loadmodule" && len(d.Args) > 1:
			if strings.HasPrefix(d.Args[0], "mpm_") {
				m.MPMs = append(m.MPMs, d)
			}
			m.other(d, d.Args[0], m.absolute(d.Args[1]))
		case name == "loadfile":
			for _, path := range d.Args {
				m.other(d, "", m.absolute(path))
			}
		case name == "wsgipythonhome" && len(d.Args) > 0:
			m.Homes = append(m.Homes, readHome(d, d.Args[0]))
		case name == "wsgidaemonprocess":
			if home := daemonOption(d, "python-home"); home != "" {
				m.Homes = append(m.Homes, readHome(d, home))
			}
		}
	}
}

// daemonOption is an option of a WSGIDaemonProcess line, "" if it is not there.
func daemonOption(d apxs.Directive, name string) string {
	for _, option := range d.Args {
		if value, ok := strings.CutPrefix(option, name+"="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}

// absolute completes a path of a LoadModule line.
func (m *Machine) absolute(path string) string {
	if !filepath.IsAbs(path) && m.Apache != nil {
		return filepath.Join(m.Apache.Root, path)
	}
	return path
}

// packaged looks for modules of this name in Apache's folder and for their
// packages.
func (m *Machine) packaged(ctx context.Context, r *run.Runner) {
	if m.Apache == nil || m.Apache.ModulesDir == "" {
		return
	}
	files, _ := fsx.Glob(m.Apache.ModulesDir, "mod_wsgi*.so*")
	for _, path := range files {
		if fi, err := os.Stat(path); err != nil || fi.IsDir() {
			continue
		}
		p := Packaged{Path: path, Package: distro.Owner(ctx, r, path)}
		for _, l := range m.Modules {
			p.Loaded = p.Loaded || sameFile(l.Path, path)
		}
		m.Packaged = append(m.Packaged, p)
	}
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// tools looks for what a build needs besides Apache and Python.
func (m *Machine) tools(r *run.Runner) {
	words, _, err := csrc.FindCompiler(r, m.Apache)
	if err != nil {
		m.NoTools = true
	} else {
		m.Compiler = strings.Join(words, " ")
	}
	if m.Temp = r.Getenv("TMPDIR"); m.Temp == "" {
		m.Temp = "/tmp"
	}
	m.NoExec = noExec(m.Temp)
}

// flagCodes are the codes of what apxs says is wrong.
var flagCodes = map[apxs.Flag]string{
	apxs.FlagPairing:     "MW115",
	apxs.FlagHeaders:     "MW204",
	apxs.FlagNoAprConfig: "MW102",
	apxs.FlagNoPerl:      "MW116",
	apxs.FlagNoVars:      "MW101",
	apxs.FlagNoThreads:   "MW118",
	apxs.FlagAppleServer: "MW206",
}
