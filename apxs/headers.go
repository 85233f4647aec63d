package apxs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"modwsgi/internal/pattern"
)

// headers is what the C headers of an Apache say (rule A-7). They decide: the
// module is compiled with them.
type headers struct {
	version string
	mmn     MMN
	mmnText string // of .mmn, which RPM packages have
}

var defineLine = pattern.New(`(?m)^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(\S[^\n]*)`)

// defines reads the object-like macros of a header. The first definition
// counts: later ones stand in branches for compilers of no concern here.
func defines(file string) (map[string]string, error) {
	text, err := readText(file)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, m := range defineLine.FindAllStringSubmatch(text, -1) {
		if _, seen := out[m[1]]; !seen {
			out[m[1]] = m[2]
		}
	}
	return out, nil
}

// number reads macro name of defs as a number; comments may follow it.
func number(defs map[string]string, name string) (int, error) {
	value, _, _ := strings.Cut(defs[name], "/*")
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil {
		return 0, fmt.Errorf("%s is %q, not a number", name, defs[name])
	}
	return n, nil
}

func numbers(file string, names ...string) ([]int, error) {
	defs, err := defines(file)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(names))
	for i, name := range names {
		if out[i], err = number(defs, name); err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
	}
	return out, nil
}

var cookieText = pattern.New(`/\*[ \t]*"(\w+)"`)

// readHeaders reads ap_release.h and ap_mmn.h in dir.
func readHeaders(dir string) (headers, error) {
	var h headers
	v, err := numbers(filepath.Join(dir, "ap_release.h"),
		"AP_SERVER_MAJORVERSION_NUMBER", "AP_SERVER_MINORVERSION_NUMBER", "AP_SERVER_PATCHLEVEL_NUMBER")
	if err != nil {
		return h, err
	}
	h.version = fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])

	file := filepath.Join(dir, "ap_mmn.h")
	m, err := numbers(file, "MODULE_MAGIC_NUMBER_MAJOR", "MODULE_MAGIC_NUMBER_MINOR")
	if err != nil {
		return h, err
	}
	h.mmn.Major, h.mmn.Minor = m[0], m[1]
	defs, err := defines(file)
	if err != nil {
		return h, err
	}
	if text := cookieText.FindStringSubmatch(defs["MODULE_MAGIC_COOKIE"]); text != nil {
		h.mmn.Cookie = text[1]
	}
	if text, err := readText(filepath.Join(dir, ".mmn")); err == nil {
		h.mmnText = strings.TrimSpace(text)
	}
	return h, nil
}

// aprFeatures reads what apr.h in dir says of threads and fork.
func aprFeatures(dir string) (threads, fork bool, err error) {
	n, err := numbers(filepath.Join(dir, "apr.h"), "APR_HAS_THREADS", "APR_HAS_FORK")
	if errors.Is(err, os.ErrNotExist) {
		return false, false, err
	}
	if err != nil {
		// Multiarch systems have an apr.h that includes one per machine.
		if n, err = firstNumbers(dir, "apr-*.h", "APR_HAS_THREADS", "APR_HAS_FORK"); err != nil {
			return false, false, err
		}
	}
	return n[0] != 0, n[1] != 0, nil
}

func firstNumbers(dir, pattern string, names ...string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			if n, err := numbers(filepath.Join(dir, e.Name()), names...); err == nil {
				return n, nil
			}
		}
	}
	return nil, fmt.Errorf("%s: no header defines %s", dir, strings.Join(names, ", "))
}

// older tells whether version a, in dotted numbers, is below b.
func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range bs {
		var x int
		if i < len(as) {
			x, _ = strconv.Atoi(as[i])
		}
		if y, _ := strconv.Atoi(bs[i]); x != y {
			return x < y
		}
	}
	return false
}
