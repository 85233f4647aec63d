package main

import (
	"os/exec"
	"strings"
	"testing"
)

// A shell that was told completes commands, options and the words of options.
func TestCompletion(t *testing.T) {
	script := func(shell string) string {
		out, err := exec.Command("mod_wsgi-express", "completion", shell).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for _, shell := range []string{"zsh", "fish"} {
		text := script(shell)
		if !strings.Contains(text, "start-server") || !strings.Contains(text, "server-status") || strings.Contains(text, "ssl-port") {
			t.Errorf("%s: %s", shell, text)
		}
		if program := which(shell); program != "" {
			if out, err := exec.Command(program, "-n", "-c", text).CombinedOutput(); err != nil {
				t.Errorf("%s: %v %s", shell, err, out)
			}
		}
	}
	bash := which("bash")
	if bash == "" {
		t.Skip("there is no bash here")
	}
	for line, want := range map[string]string{
		"mod_wsgi-express sta": "start-server", "mod_wsgi-express start-server --server-s": "--server-status",
		"mod_wsgi-express setup-server --auth-type D": "Digest", "mod_wsgi-express completion ": "",
	} {
		out, err := exec.Command(bash, "-c", script("bash")+`
COMP_WORDS=($1); case $1 in *' ') COMP_WORDS+=("");; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mod_wsgi_express; echo "${COMPREPLY[*]}"`, "bash", line).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%q: %v %s, want %s", line, err, out, want)
		}
	}
}
