package installer

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"modwsgi/pybuild"
)

// Snippet returns the lines that tell Apache of l, for python: LoadModule and
// WSGIPythonHome. A home whose name cannot be written there gives a comment
// that says so.
func Snippet(l Layout, python pybuild.Info) []string {
	return []string{
		directive("LoadModule wsgi_module", l.Module),
		directive("WSGIPythonHome", python.Prefix),
	}
}

func directive(name, path string) string {
	quoted, err := quote(path)
	if err != nil {
		return fmt.Sprintf("# %s is left out: %q: %v", name, path, err)
	}
	return name + " " + quoted
}

// quote makes s one word of httpd.conf. Apache replaces ${NAME} even within
// quotes and has no escape for it, so that is refused, and so is what would end
// the line.
func quote(s string) (string, error) {
	switch {
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", errors.New("control characters cannot be written into Apache's configuration")
	case strings.Contains(s, "${") || strings.Contains(s, "%{"):
		return "", errors.New("what begins with ${ or %{ would be replaced by Apache")
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`, nil
}
