package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// D-4: values of secret variables never come out, wherever they stand, and
// neither does what a log assigns to such a name.
func TestRedactor(t *testing.T) {
	environ := []string{"HOME=/home/ann", "DJANGO_SECRET_KEY=s3cr3t-value", "API_TOKEN=abcdef123456", "DB_PASSWORD=hunter2-hunter2", "SHORT_KEY=1", "PATH=/usr/bin", "db_password=lower-case-1"}
	for _, c := range []struct {
		name, in, want string
		homes          bool
	}{
		{"value of a variable", "connecting with hunter2-hunter2 to db", "connecting with [hidden] to db", false},
		{"each of several", "s3cr3t-value abcdef123456 lower-case-1", "[hidden] [hidden] [hidden]", false},
		{"a short value is part of much", "1 of 11", "1 of 11", false},
		{"other variables stay", "/usr/bin/python3", "/usr/bin/python3", false},
		{"assignment in a log", `SECRET_KEY = "django-insecure-x y" is weak`, `SECRET_KEY = [hidden] is weak`, false},
		{"option of a program", "psql --password=open sesame", "psql --password=[hidden] sesame", false},
		{"dictionary", `{'AUTH_TOKEN': 'zzz', 'x': 1}`, `{'AUTH_TOKEN': 'zzz', 'x': 1}`, false},
		{"the name alone is no secret", "KeyError: 'DB_PASSWORD'", "KeyError: 'DB_PASSWORD'", false},
		{"homes stay unless asked", "/home/ann/venv", "/home/ann/venv", false},
		{"own home", "/home/ann/venv /home/annette/x", "~/venv /home/~/x", true},
		{"other home", "/home/bob/venv: /Users/eve/x", "/home/~/venv: /Users/~/x", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "dictionary" {
				c.want = `{'AUTH_TOKEN': [hidden], 'x': 1}`
			}
			if got := NewRedactor(environ, c.homes).Text(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Results, findings and documents lose secrets in every text.
func TestRedactorEverywhere(t *testing.T) {
	r := NewRedactor([]string{"MY_TOKEN=very-secret-text"}, false)
	const s = "very-secret-text"
	tree, err := r.JSON(map[string]any{"a": []any{s, 1, nil}, "b": map[string]any{"c": s, "api_key": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	results := []Result{{Saw: s, Fix: []string{s}}}
	for _, v := range []any{tree, r.Results(results), r.Findings([]Finding{{Line: s, Cause: s, Fix: []string{s}}})} {
		data, err := json.Marshal(v)
		if err != nil || bytes.Contains(data, []byte(s)) || bytes.Contains(data, []byte(`"x"`)) || !bytes.Contains(data, []byte(hidden)) {
			t.Errorf("%s %v", data, err)
		}
	}
	if results[0].Fix[0] != s {
		t.Error("what was given has changed")
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("a long-secret b", "long-secret")
	f.Add("TOKEN=long-secret", "ong-se")
	f.Fuzz(func(t *testing.T, text, secret string) {
		if len(secret) < minSecret || strings.Contains(hidden, secret) {
			return
		}
		got := NewRedactor([]string{"A_KEY=" + secret, "HOME=/home/x"}, true).Text(text)
		// What is left and what was put there may together make the secret again.
		if strings.Contains(strings.ReplaceAll(got, hidden, "\x00"), secret) && strings.Contains(text, secret) && !strings.ContainsAny(secret, "~\x00") {
			t.Errorf("%q of %q is in %q", secret, text, got)
		}
	})
}

// D-1, D-2, D-5: the documents for programs have the number of their schema, a
// log takes part, and a report has everything but secrets.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "error.log")
	if err := os.WriteFile(log, []byte("fine\nAH00534: httpd: Configuration error: No MPM loaded. PGPASSWORD=topsecret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := &run.Runner{Env: []string{"PATH=" + dir, "MODWSGI_OFFLINE=1", "TMPDIR=" + dir, "UNRELATED=never-in-a-report"}}
	want := Request{Apxs: filepath.Join(dir, "apxs"), Python: filepath.Join(dir, "python3"), Log: log}
	for _, c := range []struct {
		name   string
		out    Output
		member string
		code   int
	}{
		{"json", Output{JSON: true}, "results", hint.Unhealthy},
		{"report", Output{Report: true}, "machine", hint.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Run(context.Background(), empty, want, c.out, &b); hint.Code(err) != c.code {
				t.Errorf("status %d: %v", hint.Code(err), err)
			}
			var doc map[string]any
			if err := json.Unmarshal(b.Bytes(), &doc); err != nil || doc["schema"] != float64(1) || doc[c.member] == nil {
				t.Errorf("%v in %s", err, b.String())
			}
			for _, code := range []string{"MW101", "MW114", "MW213"} {
				if !strings.Contains(b.String(), code) {
					t.Errorf("no %s in %s", code, b.String())
				}
			}
			for _, secret := range []string{"topsecret", "never-in-a-report"} {
				if strings.Contains(b.String(), secret) {
					t.Errorf("%s is in it", secret)
				}
			}
		})
	}
	var b bytes.Buffer
	if err := Run(context.Background(), empty, Request{Log: filepath.Join(dir, "none")}, Output{}, &b); hint.Code(err) != hint.Failed || b.Len() > 0 {
		t.Errorf("a log that is not there: %v, %s", err, b.String())
	}
}
