package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/hint"
)

// Level is how bad a result is.
type Level string

const (
	Info    Level = "info"
	Warning Level = "warning"
	Error   Level = "error" // the module does not build, load or run
)

// rank orders levels, the worst first.
var rank = map[Level]int{Error: 0, Warning: 1, Info: 2}

// Result is one thing that a check found (rule D-1).
type Result struct {
	Code  string   `json:"code"`
	Level Level    `json:"level"`
	Saw   string   `json:"saw"` // what is there, with its place
	Why   string   `json:"why"` // what follows from it
	Fix   []string `json:"fix"`
}

// check looks at one thing. It is pure: the same machine gives the same results.
type check func(m Machine) []Result

// checks are all of them.
var checks = []check{apacheThere, pythonThere, moduleLoaded, moduleFiles, moduleFits, halves, homes, mpms, freeThreading}

// Diagnose tells what is wrong with a machine, the worst first. A healthy one
// gives nothing.
func Diagnose(m Machine) []Result {
	var all []Result
	for _, c := range checks {
		all = append(all, c(m)...)
	}
	slices.SortStableFunc(all, func(a, b Result) int {
		return cmp.Or(cmp.Compare(rank[a.Level], rank[b.Level]), cmp.Compare(a.Code, b.Code))
	})
	return all
}

// Unhealthy is the error that a command ends with when results hold an error.
func Unhealthy(results []Result) error {
	n := 0
	for _, r := range results {
		if r.Level == Error {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return hint.Exit(fmt.Errorf("%d of what was found keeps the module from working", n), hint.Unhealthy)
}

// fixOf is what the signature of a code advises on this system.
func fixOf(m Machine, code string) []string {
	i := slices.IndexFunc(signatures, func(s Signature) bool { return s.Code == code })
	if i < 0 {
		return nil
	}
	var list []string
	for _, r := range signatures[i].Fix {
		line := r.line(m.System, func(text string) string { return text })
		if !strings.Contains(line, "${") {
			list = append(list, line)
		}
	}
	return list
}

// apacheThere tells why no Apache can be built for. Its error text is that of a
// tool, so the signatures know it.
func apacheThere(m Machine) []Result {
	return notThere(m, m.ApacheProblem, "MW101", "no module can be built")
}

func pythonThere(m Machine) []Result {
	return notThere(m, m.PythonProblem, "MW104", "no Python half can be built")
}

func notThere(m Machine, problem, fallback, why string) []Result {
	if problem == "" {
		return nil
	}
	code := fallback
	switch {
	case strings.Contains(problem, "not of one Apache"):
		code = "MW115"
	case strings.Contains(problem, "headers do not match"):
		code = "MW204"
	case strings.Contains(problem, "no shared library"):
		code = "MW107"
	case strings.Contains(problem, "threads"):
		code = "MW118"
	default:
		if found, err := Explain(strings.NewReader(problem), m.System, nil); err == nil {
			code = found[0].Code
		}
	}
	fix := fixOf(m, code)
	if code == "MW115" {
		fix = []string{"name apxs and server of one installation: APXS=/path/to/apxs, and --httpd-executable beside it"}
	}
	return []Result{{Code: code, Level: Error, Saw: problem, Why: why, Fix: fix}}
}

// moduleLoaded looks for directives of a module that is not loaded, and for a
// module that is loaded more than once.
func moduleLoaded(m Machine) []Result {
	if m.Scan == nil {
		return nil
	}
	var sure []LoadedModule
	for _, l := range m.Modules {
		if !l.Directive.Conditional() {
			sure = append(sure, l)
		}
	}
	if len(sure) > 1 {
		return []Result{{"MW208", Error, fmt.Sprintf("%s loads %s, %s loads %s", sure[0].Directive.Place(), sure[0].Path, sure[1].Directive.Place(), sure[1].Path),
			"the first one wins, and the other is passed over with a warning", []string{"remove one of the two lines (Debian: a2dismod)"}}}
	}
	if len(m.Modules) > 0 {
		return nil
	}
	for _, d := range m.Scan.Directives {
		if strings.HasPrefix(strings.ToLower(d.Name), "wsgi") && !d.Conditional() {
			return []Result{{"MW214", Error, fmt.Sprintf("%s has %s, and no line loads wsgi_module", d.Place(), d.Name), "Apache does not start", fixOf(m, "MW214")}}
		}
	}
	return nil
}

// moduleFiles looks at the file of each line.
func moduleFiles(m Machine) []Result {
	var list []Result
	for _, l := range m.Modules {
		saw := fmt.Sprintf("%s loads %s", l.Directive.Place(), l.Path)
		switch {
		case l.Missing:
			list = append(list, Result{"MW215", Error, saw + ", which is not there", "Apache does not start", fixOf(m, "MW215")})
		case l.Problem != "":
			list = append(list, Result{"MW205", Error, saw + ": " + l.Problem, "Apache does not start", fixOf(m, "MW205")})
		}
	}
	return list
}

// moduleFits compares each module with the Apache that is to load it.
func moduleFits(m Machine) []Result {
	var list []Result
	for _, l := range m.Modules {
		if l.Binary == nil {
			continue
		}
		saw := fmt.Sprintf("%s loads %s", l.Directive.Place(), l.Path)
		magic := l.Binary.Module
		switch {
		case !slices.Contains(l.Binary.Exports, "wsgi_module"):
			list = append(list, Result{"MW207", Error, saw + ", which has no record wsgi_module", "Apache does not start", []string{"build it again: its record is hidden, or it is another module"}})
		case magic != nil && m.Apache != nil && (magic.Major != m.Apache.MMN.Major || magic.Cookie != m.Apache.MMN.Cookie):
			list = append(list, Result{"MW204", Error, fmt.Sprintf("%s for interface %s %d, this Apache has %s %d", saw, magic.Cookie, magic.Major, m.Apache.MMN.Cookie, m.Apache.MMN.Major), "Apache does not load it", fixOf(m, "MW204")})
		}
		if l.Binary.TextRel {
			list = append(list, Result{"MW402", Warning, saw + ", which has relocations in its code", "hardened systems refuse it", []string{"build it again with the default profile"}})
		}
		if run := cmp.Or(l.Binary.RunPath, l.Binary.RPath); strings.Contains(run, "/build/") || strings.HasPrefix(run, "/tmp/") {
			list = append(list, Result{"MW401", Warning, fmt.Sprintf("%s, which looks for libraries in %s", saw, run), "whoever can write there decides what Apache runs, and the folder may go", []string{"build it again, and install it with install-module"}})
		}
	}
	return list
}

// halves looks at the Python halves beside a module of ours.
func halves(m Machine) []Result {
	var list []Result
	for _, l := range m.Modules {
		if l.Binary == nil || l.Classic {
			continue
		}
		if len(l.Halves) == 0 {
			list = append(list, Result{"MW403", Error, fmt.Sprintf("beside %s there is no %s/cpython-… folder", l.Path, csrc.RuntimeFolder), "no application can run", []string{"install it whole: mod_wsgi-express install-module"}})
		}
		for _, h := range l.Halves {
			if h.Lost != "" {
				list = append(list, Result{"MW201", Error, fmt.Sprintf("%s was linked with %s, which is gone", h.Folder, h.Lost), "groups that use it do not start", []string{"build that half again: mod_wsgi-express build --python PATH"}})
			}
		}
	}
	return list
}

// homes looks at each folder that is to be Python's.
func homes(m Machine) []Result {
	var list []Result
	user := cmp.Or(m.User, "the server's user")
	for _, h := range m.Homes {
		saw := fmt.Sprintf("%s names %s", h.Directive.Place(), h.Path)
		switch {
		case h.Missing:
			list = append(list, Result{"MW302", Error, saw + ", which is not there", "Python does not start", []string{"make the environment, or correct the line"}})
		case h.NoFolder:
			list = append(list, Result{"MW303", Error, saw + ", which is a file", "Python does not start", []string{"name the folder that holds bin/python"}})
		case h.Closed != "":
			list = append(list, Result{"MW302", Error, fmt.Sprintf("%s, and %s may not be entered by %s", saw, h.Closed, user), "Python does not start",
				[]string{"chmod o+x " + h.Closed, "or move the environment to a folder that all may enter, as /srv or /opt"}})
		case h.Orphaned != "":
			list = append(list, Result{"MW305", Error, fmt.Sprintf("%s, whose Python was in %s and is gone", saw, h.Orphaned), "Python does not start", []string{"make the environment again with a Python that is there"}})
		case h.Version != "" && !built(m, h.Version):
			list = append(list, Result{"MW304", Error, fmt.Sprintf("%s, made with Python %s; the module has %s", saw, h.Version, strings.Join(versions(m), ", ")), "packages of the environment are not found, or Python does not start",
				[]string{"mod_wsgi-express build --python " + h.Path, "or make the environment again with a Python that the module has"}})
		}
	}
	return list
}

// versions are the Pythons that loaded modules of ours have halves for.
func versions(m Machine) []string {
	var list []string
	for _, l := range m.Modules {
		for _, h := range l.Halves {
			list = append(list, h.Version)
		}
	}
	return list
}

// built tells whether some half is of that minor version. Of a module whose
// halves are not known nothing is claimed.
func built(m Machine, version string) bool {
	list := versions(m)
	return len(list) == 0 || slices.ContainsFunc(list, func(v string) bool { return minor(v) == version })
}

// mpms looks for more than one MPM. None may be right: it can be compiled in.
func mpms(m Machine) []Result {
	var sure []apxs.Directive
	for _, d := range m.MPMs {
		if !d.Conditional() {
			sure = append(sure, d)
		}
	}
	if len(sure) < 2 {
		return nil
	}
	return []Result{{"MW213", Error, fmt.Sprintf("%s loads %s, %s loads %s", sure[0].Place(), sure[0].Args[0], sure[1].Place(), sure[1].Args[0]), "Apache does not start", fixOf(m, "MW213")}}
}

// freeThreading looks for a directive that needs a Python which is not there.
func freeThreading(m Machine) []Result {
	if m.Scan == nil || len(versions(m)) == 0 {
		return nil
	}
	for _, d := range m.Scan.Directives {
		if !strings.EqualFold(d.Name, "WSGIFreeThreading") || len(d.Args) == 0 || !strings.EqualFold(d.Args[0], "on") {
			continue
		}
		free := slices.ContainsFunc(m.Modules, func(l LoadedModule) bool {
			return slices.ContainsFunc(l.Halves, func(h Half) bool { abi, _, _ := strings.Cut(h.Folder, "-x"); return strings.HasSuffix(abi, "t") })
		})
		if !free {
			return []Result{{"MW310", Warning, d.Place() + " turns WSGIFreeThreading on, and no half is of a Python without the GIL", "it has no effect", fixOf(m, "MW310")}}
		}
	}
	return nil
}
