package csrc

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
)

// ToolError is a compiler or linker that did not do its work. It reads as what
// was being made, what the program said, and the command to paste.
type ToolError struct {
	Doing string // "compiling wsgi_wire.c"
	Code  string // of the doctor, "MW104"; "" where it is not known
	Said  string // standard error, from its first error on
	Line  string // the command
	Err   error
}

func (e *ToolError) Error() string {
	text := e.Doing + ": " + e.Err.Error()
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
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
	errorLine   = pattern.New(`(^|: |\s)(fatal )?error: |undefined reference|undefined symbol`)
	contextLine = pattern.New(`^(In file included from|\s+from )|: In function |: At top level:`)
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

var missingHeader = pattern.New(`(?m)fatal error: '?([^\s':]+)'?(?:: No such file or directory| file not found)`)

// systemHeaders are those of the C library that are missed first.
var systemHeaders = []string{"stdio.h", "stdlib.h", "stddef.h", "stdint.h", "errno.h"}

// headerAdvice says what to install where a header is missing, with the doctor's
// code; "" for one that is nobody's.
func headerAdvice(name, abi string) (code, advice string) {
	switch name = path.Base(name); {
	case name == "Python.h" || name == "pyconfig.h" || name == "patchlevel.h":
		return "MW104", "install the headers of that Python: " + pythonPackage(abi)
	case strings.HasPrefix(name, "apr") || strings.HasPrefix(name, "apu"):
		return "MW102", "install the headers of APR: libapr1-dev and libaprutil1-dev (Debian), apr-devel and apr-util-devel (Fedora)"
	case name == "httpd.h" || strings.HasPrefix(name, "http_") || strings.HasPrefix(name, "ap_"):
		return "MW103", "install the headers of that Apache: apache2-dev (Debian), httpd-devel (Fedora), apache2-dev (Alpine)"
	case slices.Contains(systemHeaders, name):
		return "MW109", "install the C library's headers: libc6-dev (Debian), glibc-devel (Fedora), musl-dev (Alpine)"
	}
	return "", ""
}

// saidAdvice is what to do about the words of a compiler or linker.
var saidAdvice = []struct {
	pattern      *pattern.Late
	code, advice string
}{
	{pattern.New(`recompile with -fPIC|Nonrepresentable section`), "MW107",
		"the libpython that was linked cannot go into a module: use a Python configured with --enable-shared"},
	{pattern.New(`Killed signal|: Killed|virtual memory exhausted`), "MW120", "the compiler ran out of memory: build with fewer jobs"},
	{pattern.New(`cannot read spec file|redhat-(?:hardened|annobin)-cc1`), "MW105", "install redhat-rpm-config and annobin, or build with the default profile"},
	{pattern.New(`unrecognized command[- ]line option|unknown argument`), "MW106",
		"a flag of another compiler reached this one: look where Apache's or Python's flags, or CC, name it"},
	{pattern.New(`compiler_compat`), "MW110", "conda's linker is in the way: conda deactivate, or CC=gcc"},
	{pattern.New(`cannot find -lpython`), "MW108", "install the -dev package of that Python, which has its library"},
}

// advice adds to the failure of a compiler what to do about it, where that is
// known. abi is of the Python it compiled for, "" for none.
func advice(err *ToolError, abi string) error {
	if m := assertion.FindStringSubmatch(err.Said); m != nil {
		err.Code = m[1]
		text, exit := assertionAdvice(err.Code, abi)
		return hint.Exit(hint.New(err, text), exit)
	}
	if m := missingHeader.FindStringSubmatch(err.Said); m != nil {
		if code, text := headerAdvice(m[1], abi); code != "" {
			err.Code = code
			return hint.Exit(hint.New(err, text), hint.NotFound)
		}
	}
	for _, a := range saidAdvice {
		if a.pattern.MatchString(err.Said) {
			err.Code = a.code
			return hint.New(err, a.advice)
		}
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
