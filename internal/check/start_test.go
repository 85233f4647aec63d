package check

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// What initialising packages may allocate before main, in bytes: it is paid at
// every start, by commands that use none of it too. Expressions and templates are
// what is dear; internal/pattern and sync.OnceValue put them off.
const (
	ownInits = 64 << 10  // of our packages: 39 kB of it are used
	allInits = 560 << 10 // of all: 428 kB are
)

// The start of mod_wsgi-express stays cheap, counted by the Go runtime's own trace
// of initialisation.
func (x tools) testStart(t *testing.T) {
	c := exec.Command(x.express, "--version")
	c.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace bytes.Buffer
	c.Stderr = &trace
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	own, all, packages := 0, 0, 0
	for lines := bufio.NewScanner(&trace); lines.Scan(); {
		// init PACKAGE @1.2 ms, 0.003 ms clock, 456 bytes, 7 allocs
		words := strings.Fields(lines.Text())
		if len(words) != 11 || words[0] != "init" {
			continue
		}
		bytes, err := strconv.Atoi(words[7])
		if err != nil {
			t.Fatal(err)
		}
		packages++
		all += bytes
		if words[1] == "main" || strings.HasPrefix(words[1], "modwsgi/") {
			own += bytes
			t.Log(lines.Text())
		}
	}
	if packages < 20 {
		t.Fatalf("%d packages in the trace:\n%s", packages, trace.String())
	}
	if own > ownInits || all > allInits {
		t.Errorf("initialising takes %d bytes, %d of them in packages of ours: at most %d and %d are meant to; expressions of packages are of internal/pattern, tables of them behind sync.OnceValue", all, own, allInits, ownInits)
	}
}
