// Package ctest knows the C programs under csrc/test: what they are made of and
// how they are compiled. Tests and CI read the same list.
package ctest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Kind says how a program is built and run.
type Kind string

const (
	Unit   Kind = "unit" // with address and undefined behaviour sanitizers, run as it is
	Thread Kind = "tsan" // with the thread sanitizer, run as it is
	Fuzz   Kind = "fuzz" // as Unit, run with its corpus; by libFuzzer where that is
)

// Program is one line of tests.txt: C files that make a program, which ends
// with 0 if all of it holds.
type Program struct {
	Name    string
	Kind    Kind
	Sources []string // relative to the folder csrc
}

// Corpus is the folder of a fuzz target's inputs, relative to the folder csrc.
func (p Program) Corpus() string { return filepath.Join("test", "corpus", p.Name) }

// sanitizers are those that a kind of program is built with.
var sanitizers = map[Kind]string{
	Unit:   "address,undefined",
	Thread: "thread",
	Fuzz:   "address,undefined",
}

// Read reads the list of the folder csrc.
func Read(csrc string) ([]Program, error) {
	text, err := os.ReadFile(filepath.Join(csrc, "test", "tests.txt"))
	if err != nil {
		return nil, fmt.Errorf("reading the list of C tests: %w", err)
	}
	var list []Program
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 3 || sanitizers[Kind(fields[1])] == "" {
			return nil, fmt.Errorf("test/tests.txt:%d: want a name, one of unit, tsan and fuzz, and sources: %q", i+1, line)
		}
		list = append(list, Program{fields[0], Kind(fields[1]), fields[2:]})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("test/tests.txt lists nothing")
	}
	return list, nil
}

// Compile is the arguments of a compiler that makes the file out of p, to be
// run in the folder csrc. version is the project's.
func (p Program) Compile(version, out string) []string {
	return append([]string{"-Werror"}, p.compile(sanitizers[p.Kind], version, out)...)
}

// CompileFuzzer is the arguments of a clang that makes a program of libFuzzer of
// the fuzz target p. Its warnings are for users of gcc to find: they may be
// others in each release.
func (p Program) CompileFuzzer(version, out string) []string {
	return append([]string{"-DWSGI_LIBFUZZER"}, p.compile("fuzzer,"+sanitizers[Fuzz], version, out)...)
}

func (p Program) compile(sanitize, version, out string) []string {
	return slices.Concat([]string{
		"-std=gnu99", "-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=" + sanitize, "-fno-sanitize-recover=all",
		"-Wall", "-Wextra", "-Wshadow", "-pthread", "-D_GNU_SOURCE",
		fmt.Sprintf("-DMOD_WSGI_VERSION=%q", version), "-Itest", "-Isrc", "-o", out,
	}, p.Sources)
}
