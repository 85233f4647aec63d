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
		if !strings.Contains(text, "list plan github gitlab merge sheet repro run") || !strings.Contains(text, "full pairwise smoke changed") {
			t.Errorf("%s knows no verbs of the matrix: %s", shell, text)
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
		"mod_wsgi-express matrix ": "list plan github gitlab merge sheet repro run", "mod_wsgi-express matrix re": "repro",
		"mod_wsgi-express matrix run ": "full pairwise smoke changed", "mod_wsgi-express matrix gitlab s": "smoke", "mod_wsgi-express matrix run smoke p": "pairwise",
		"mod_wsgi-express matrix merge ": "", "mod_wsgi-express matrix run --plan ": "", "mod_wsgi-express matrix repro ": "",
		"mod_wsgi-express matrix run --b": "--budget", "mod_wsgi-express matrix list --b": "", "mod_wsgi-express matrix gitlab --ci": "--ci-nodes", "mod_wsgi-express matrix github --ci": "",
		"mod_wsgi-express matrix --ci": "--ci-nodes",
	} {
		out, err := exec.Command(bash, "-c", script("bash")+`
COMP_WORDS=($1); case $1 in *' ') COMP_WORDS+=("");; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mod_wsgi_express; echo "${COMPREPLY[*]}"`, "bash", line).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%q: %v %s, want %s", line, err, out, want)
		}
	}
}
