package expressgen

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

// check runs a program that reads text and fails the test if it objects.
func check(t *testing.T, name, program string, args []string, text string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %s: %v\n%s\n%s", name, program, err, out, text)
	}
}
