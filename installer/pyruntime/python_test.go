// Package pyruntime has no Go code of its own: this runs the Python tests.
package pyruntime

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// oldest is the first minor version of Python 3 that is supported.
const oldest = 9

func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here")
	}
	check := exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 9))")
	if err := check.Run(); err != nil {
		t.Skipf("%s is older than 3.%d", python, oldest)
	}
	cmd := exec.Command(python, "-B", "-W", "error", "-m", "unittest", "discover", "-s", "tests")
	cmd.Env = append(os.Environ(), "PYTHONPATH=.", "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if ran := regexp.MustCompile(`(?m)^Ran (\d+) tests?`).FindSubmatch(out); ran == nil || string(ran[1]) == "0" {
		t.Errorf("no test was run:\n%s", out)
	}
}

// Whatever Python runs the tests, nothing may be written that the oldest one
// cannot read.
func TestSyntaxOfTheOldest(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here")
	}
	script := `
import ast, pathlib, sys
files = sorted(pathlib.Path(".").rglob("*.py"))
assert len(files) > 5, files
for path in files:
    ast.parse(path.read_bytes(), str(path), feature_version=(3, 9))
`
	if out, err := exec.Command(python, "-c", script).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
