package expressgen

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What a server's scripts, and the files of the runtime that it has, import from the
// package is there, whatever options it has; what no server imports is not.
func TestRuntimeIsWhole(t *testing.T) {
	const private = "runtime/_mwe_runtime/"
	script := regexp.MustCompile(`from _mwe_runtime\.([\w.]+) import`)
	relative := regexp.MustCompile(`(?m)^\s*from \.(\w*) import (\w+)`)
	for _, g := range goldens {
		o, f := base(), facts()
		f.Runtime = os.DirFS("../installer/pyruntime")
		g.set(&o, &f, "/srv")
		s, err := Generate(o, f)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		has := map[string]bool{}
		for _, f := range s.Files {
			has[f.Path] = true
		}
		var wanted []string
		for _, f := range s.Files {
			text := string(f.Data)
			for _, m := range script.FindAllStringSubmatch(text, -1) {
				wanted = append(wanted, private+strings.ReplaceAll(m[1], ".", "/")+".py")
			}
			for _, m := range relative.FindAllStringSubmatch(text, -1) {
				if strings.HasPrefix(f.Path, private) && path.Ext(f.Path) == ".py" {
					name := m[1]
					if name == "" {
						name = m[2]
					}
					wanted = append(wanted, path.Join(path.Dir(f.Path), name+".py"))
				}
			}
		}
		if len(wanted) == 0 && has["handler.wsgi"] {
			t.Errorf("%s: nothing is imported", g.name)
		}
		for _, p := range append(wanted, private+"__init__.py", private+"express/__init__.py", private+"diagnostics/hello.py", private+"diagnostics/environ.py") {
			if !has[p] {
				t.Errorf("%s: there is no %s", g.name, p)
			}
		}
		for _, p := range []string{"express/cli.py", "express/management/commands/runmodwsgi.py", "server/__init__.py", "_loghandler.py"} {
			if has[private+p] {
				t.Errorf("%s: %s is of no use to it", g.name, p)
			}
		}
		tools := []string{"express/recorder.py", "express/monitor.py", "express/handler.py"}
		if g.name == "script" && slices.ContainsFunc(tools, func(p string) bool { return has[private+p] }) {
			t.Errorf("%s has tools that nobody asked for", g.name)
		}
	}
}
