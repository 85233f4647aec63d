package csrc

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"modwsgi/internal/hint"
)

// ToolError is a compiler or linker that did not do its work. It reads as what
// was being made, what the program said, and the command to paste.
type ToolError struct {
	Doing string // "compiling wsgi_wire.c"
	Said  string // standard error, from its first error on
	Line  string // the command
	Err   error
}

func (e *ToolError) Error() string {
	text := e.Doing + ": " + e.Err.Error()
	if e.Said != "" {
		text += "\n" + e.Said
	}
	return text + "\nthe command was:\n  " + e.Line
}

func (e *ToolError) Unwrap() error { return e.Err }

// saidLines bounds what is quoted of a compiler: its first error comes with
// what led to it; those after it often follow from it.
const saidLines = 60

var (
	errorLine   = regexp.MustCompile(`(^|: |\s)(fatal )?error: |undefined reference|undefined symbol`)
	contextLine = regexp.MustCompile(`^(In file included from|\s+from )|: In function |: At top level:`)
)

// firstDiagnostic is what text says from its first error on, the lines that say
// where that is in front. Warnings before it are left out only if they would
// push it out.
func firstDiagnostic(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) <= saidLines {
		return strings.Join(lines, "\n")
	}
	start := 0
	for i, line := range lines {
		if errorLine.MatchString(line) {
			start = i
			break
		}
	}
	for start > 0 && contextLine.MatchString(lines[start-1]) {
		start--
	}
	rest := len(lines) - start - saidLines
	lines = lines[start:min(start+saidLines, len(lines))]
	if rest > 0 {
		lines = append(lines, fmt.Sprintf("(%d more lines)", rest))
	}
	return strings.Join(lines, "\n")
}

var missingHeader = regexp.MustCompile(`(?m)fatal error: '?([^\s':]+)'?(?:: No such file or directory| file not found)`)

// advice adds to the failure of a compiler what to do about it, where that is
// known. abi is of the Python it compiled for, "" for none.
func advice(err *ToolError, abi string) error {
	switch m := missingHeader.FindStringSubmatch(err.Said); {
	case m == nil:
	case path.Base(m[1]) == "Python.h" || path.Base(m[1]) == "pyconfig.h":
		return hint.Exit(hint.New(err, "install the headers of that Python: "+pythonPackage(abi)), hint.NotFound)
	case strings.HasPrefix(path.Base(m[1]), "apr") || strings.HasPrefix(path.Base(m[1]), "apu"):
		return hint.Exit(hint.New(err, "install the headers of APR: libapr1-dev and libaprutil1-dev (Debian), apr-devel and apr-util-devel (Fedora)"), hint.NotFound)
	case path.Base(m[1]) == "httpd.h" || strings.HasPrefix(path.Base(m[1]), "http_") || strings.HasPrefix(path.Base(m[1]), "ap_"):
		return hint.Exit(hint.New(err, "install the headers of that Apache: apache2-dev (Debian), httpd-devel (Fedora), apache2-dev (Alpine)"), hint.NotFound)
	case m[1] == "stdio.h" || m[1] == "stdlib.h" || m[1] == "stddef.h" || m[1] == "stdint.h" || m[1] == "errno.h":
		return hint.Exit(hint.New(err, "install the C library's headers: libc6-dev (Debian), glibc-devel (Fedora), musl-dev (Alpine)"), hint.NotFound)
	}
	switch {
	case strings.Contains(err.Said, "recompile with -fPIC"):
		return hint.New(err, "the libpython that was linked is not a shared one: use a Python configured with --enable-shared")
	case strings.Contains(err.Said, "Killed signal") || strings.Contains(err.Said, "virtual memory exhausted"):
		return hint.New(err, "the compiler ran out of memory: build with fewer jobs")
	case strings.Contains(err.Said, "unrecognized command-line option") || strings.Contains(err.Said, "unrecognized command line option"):
		return hint.New(err, "a flag of another compiler reached this one: look where Apache's or Python's flags, or CC, name it")
	}
	return err
}

// pythonPackage names what to install for the headers of an ABI such as
// "cpython-311-x86_64-linux-gnu".
func pythonPackage(abi string) string {
	_, rest, _ := strings.Cut(abi, "-")
	digits, _, _ := strings.Cut(rest, "-")
	digits = strings.TrimRight(digits, "td")
	if len(digits) < 2 {
		return "python3-dev (Debian), python3-devel (Fedora)"
	}
	version := digits[:1] + "." + digits[1:]
	return fmt.Sprintf("python%s-dev (Debian), python%s-devel (Fedora)", version, version)
}
