package results

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// publish has a report told to a service whose variables are env.
func publish(t *testing.T, rep Report, env map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	if err := rep.Publish(&out, func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// E-1, E-3: annotations of which no kind has more than ten, a group for each bad
// cell, in which nothing is a command; and nothing at all anywhere else.
func TestGithub(t *testing.T) {
	p, list := sample(66)
	for i := range list {
		if i%2 == 0 && list[i].Status != XFail {
			list[i].Status, list[i].Flaky = Fail, false
			list[i].Messages, list[i].Log = []string{"100% wrong, a:b\r\nand " + hostile}, hostile
		}
	}
	rep := NewReport(p, list)
	for _, env := range []map[string]string{{}, {"CI": "true", "GITHUB_STEP_SUMMARY": "/nonexistent/summary"}, {"GITLAB_CI": "true"}, {"GITHUB_ACTIONS": "false"}} {
		if said := publish(t, rep, env); said != "" {
			t.Errorf("with %v: %q", env, said)
		}
	}
	path := filepath.Join(t.TempDir(), `the "step" summary`)
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": path}
	said := publish(t, rep, env)
	kinds, groups, stopped, tokens := map[string]int{}, 0, "", map[string]bool{}
	command := regexp.MustCompile(`^::([a-z-]+)( [^:]*)?::(.*)$`)
	for line := range strings.Lines(said) {
		line = strings.TrimSuffix(line, "\n")
		if stopped != "" {
			if line == "::"+stopped+"::" {
				stopped = ""
			}
			continue
		}
		m := command.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no command: %q", line)
		}
		kinds[m[1]]++
		switch m[1] {
		case "stop-commands":
			if stopped = m[3]; len(stopped) < 20 || tokens[stopped] {
				t.Errorf("a log could have the word %q", stopped)
			}
			tokens[stopped] = true
		case "group":
			groups++
		case "endgroup":
			groups--
		case "error", "warning", "notice":
			if !strings.HasPrefix(m[2], " file=matrix.toml,title=py3.") || strings.Count(m[2], ",") != 1 {
				t.Errorf("properties %q", m[2])
			}
		default:
			t.Errorf("a command of a log: %q", line)
		}
	}
	if kinds["error"] != 10 || kinds["warning"] == 0 || kinds["warning"] > 10 || kinds["notice"] == 0 {
		t.Errorf("annotations: %v", kinds)
	}
	if n := len(rep.Bad()); kinds["group"] != n || kinds["stop-commands"] != n || groups != 0 || stopped != "" {
		t.Errorf("%v, %d groups open, stopped %q; %d are bad", kinds, groups, stopped, n)
	}
	if !strings.Contains(said, "::100%25 wrong, a:b") {
		t.Error("the message is not escaped")
	}
	if !strings.Contains(said, " more, in the summary\n") {
		t.Error("it does not say how many annotations are missing")
	}
	if strings.Contains(said, "\x1b") {
		t.Error("an escape sequence is left")
	}
	// The summary comes to what the step has there already, up to what GitHub takes.
	was := strings.Repeat("x", 900<<10) + "\n"
	if err := os.WriteFile(path, []byte(was), 0o644); err != nil {
		t.Fatal(err)
	}
	publish(t, rep, env)
	data, err := os.ReadFile(path)
	if err != nil || len(data) > 1<<20 || !strings.HasPrefix(string(data), was) || !strings.Contains(string(data), rep.Line()) {
		t.Errorf("the summary has %d bytes, %v", len(data), err)
	}
	publish(t, rep, env)
	publish(t, rep, env)
	if data, err = os.ReadFile(path); err != nil || len(data) > 1<<20 {
		t.Errorf("the summary has %d bytes, %v", len(data), err)
	}
}
