package main

import (
	"slices"
	"strings"
	"testing"

	"modwsgi/expressgen"
)

// A005 A008 A009 A010 A011 A012 A014 A015
func TestRewrite(t *testing.T) {
	g := serverGrammar()
	tests := []struct {
		args, want string // words separated by |
		errs       []string
	}{
		{"app.wsgi|--port|80", "--port=80|--|app.wsgi", nil},
		{"--port=80|app.wsgi", "--port=80|--|app.wsgi", nil},
		{"--thr=7|--queue|30", "--threads=7|--queue-timeout=30", nil},
		{"--port|1|--port|2", "--port=1|--port=2", nil},
		{"--url-alias|/a|/b", "--url-alias=/a|/b", nil},
		{"--url-alias=/a|/b", "--url-alias=/a|/b", nil},
		{"--setenv|K|--port", "--setenv=K|--port", nil},
		{"--setenv|--x|--help", "--setenv=--x|--help", nil},
		{"--host|-x", "--host=-x", nil},
		{"--host=", "--host=", nil},
		{"--embedded-mode", "--embedded-mode", nil},
		{"--|--port", "--|--port", nil},
		{"-", "--|-", nil},
		{"--isatty", "", nil},
		{"--server-mpm|event|--server-mpm|worker", "--server-mpm=event|--server-mpm=worker", nil},
		{"--initial-workers|.5", "--initial-workers=.5", nil},

		{"--url-alias|/a", "", []string{"--url-alias: the option needs 2 values, and 1 follow"}},
		{"--port", "", []string{"--port: the option needs a value"}},
		{"--port|abc", "", []string{"--port abc: not a whole number"}},
		{"--port|99999999999999999999", "", []string{"--port 99999999999999999999: out of range"}},
		{"--port|8_0", "", []string{"--port 8_0: not a whole number"}},
		{"--initial-workers|x", "", []string{"--initial-workers x: not a number"}},
		{"--embedded-mode=1", "", []string{"--embedded-mode=1: the option takes no value"}},
		{"--nosuch", "", []string{"unknown option --nosuch"}},
		{"-p|80", "--|80", []string{"unknown option -p"}},
		{"--log", "", []string{"ambiguous option --log"}},
		{"--proc|2", "--|2", []string{"ambiguous option --proc"}},
		{"a.wsgi|b.wsgi", "--|a.wsgi", []string{`unexpected argument "b.wsgi"`}},
		{"--with-php5", "", []string{"--with-php5: removed: PHP 5"}},
		{"--ssl-port|8443", "--https-port=8443", nil}, // A086
		{"--proxy-buffer-size|70000", "--response-buffer-size=70000", nil},
		{"--service-script|a|b.py", "--service-script=a|b.py", nil},
		{"--telemetry-options|-X", "--telemetry-options=-X", nil},
		{"--proxy-url-alias|/p|http://h/", "--proxy-mount-point=/p|http://h/", nil},
		{"--with-new|x", "--|x", []string{"unknown option --with-new"}},
		{"--mod|x", "--modules-directory=x", nil}, // --module-file is ours
		{"--port|x|--nosuch|--threads|y|--with-php5", "", []string{"--port x", "--nosuch", "--threads y", "--with-php5"}},
	}
	for _, tt := range tests {
		got := g.rewrite(strings.Split(tt.args, "|"))
		if words := strings.Join(got.words, "|"); words != tt.want {
			t.Errorf("%s gives %s, want %s", tt.args, words, tt.want)
		}
		errs := flatten(got.err)
		if len(errs) != len(tt.errs) {
			t.Errorf("%s: %d errors, want %d: %v", tt.args, len(errs), len(tt.errs), got.err)
			continue
		}
		for i, want := range tt.errs {
			if !strings.Contains(errs[i].Error(), want) {
				t.Errorf("%s: got %v, want %s", tt.args, errs[i], want)
			}
		}
	}
}

func TestExpand(t *testing.T) {
	t.Setenv("MWE_PORT", "18080")
	t.Setenv("MWE_EMPTY", "")
	for in, want := range map[string]string{
		"$MWE_PORT": "18080", "${MWE_PORT}": "18080", "a${MWE_PORT}b": "a18080b", "--port=$MWE_PORT": "--port=18080",
		"$MWE_NOT_SET": "$MWE_NOT_SET", "${MWE_NOT_SET}": "${MWE_NOT_SET}", "$MWE_EMPTY.": ".", "$": "$", "$1": "$1", "a$": "a$",
		"x$${MWE_PORT}y": "x${MWE_PORT}y", "$$MWE_PORT": "$MWE_PORT", "$$": "$$", "$$5": "$$5", "${": "${", "${MWE PORT}": "${MWE PORT}",
	} {
		if got := expand(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

// The original has 152 options; each is either there or refused by name.
func TestEveryOptionOfTheOriginal(t *testing.T) {
	removed := []string{"with-wdb", "profiler-output-file", "proxy-buffer-size", "isatty", "with-newrelic", "with-newrelic-agent",
		"with-newrelic-platform", "newrelic-config-file", "newrelic-environment"}
	seen := map[string]bool{}
	for _, o := range serverGrammar().options {
		if seen[o.Name] {
			t.Errorf("--%s is there twice", o.Name)
		}
		seen[o.Name] = true
	}
	n := len(seen) - 1 // --config is ours
	for _, o := range expressgen.Table() {
		if o.Whole && !slices.Contains(removed, o.Name) {
			n--
		}
	}
	for _, name := range removed {
		if !seen[name] {
			t.Errorf("--%s is unknown", name)
		}
		n--
	}
	if n != 152 {
		t.Errorf("%d options of the original, want 152", n)
	}
}

// Both lists of what can be typed say the same.
func TestGrammarsAgree(t *testing.T) {
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	if !slices.IsSorted(names) {
		t.Errorf("commands are not in order: %q", names)
	}
	p := parser(t)
	for _, c := range commands {
		for _, o := range c.grammar().options {
			if o.refusal != "" || o.ignored || o.now != "" {
				continue
			}
			words := []string{c.name, "--" + o.Name}
			value := map[expressgen.Kind]string{expressgen.Text: "x", expressgen.Integer: "1", expressgen.Number: "1"}[o.Kind]
			for range o.Words {
				words = append(words, value)
			}
			if _, err := p.Parse(words); err != nil {
				t.Errorf("%q: %v", words, err)
			}
		}
	}
}
