package expressgen

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFollowRoll(t *testing.T) {
	const says = "[pid 7"
	begins := "[wsgi:notice] [pid 7] rolling reload of daemon process group 'a' begins"
	ends := "[wsgi:notice] [pid 7] rolling reload of daemon process group 'a' is complete"
	given := "[wsgi:warn] [pid 7] WSGIM0414: rolling reload of daemon process group 'a' is given up: the new process failed"
	for _, c := range []struct {
		name        string
		lines       []string
		out, failed string
	}{
		{"complete", []string{begins, ends}, "daemon process group 'a' was reloaded\n", ""},
		{"cause", []string{begins, "[wsgi:error] [pid 9] WSGIM0601: Target WSGI script '/a' cannot be loaded: KeyError: 'X'", given},
			"", "its old processes go on: WSGIM0601: Target WSGI script '/a' cannot be loaded: KeyError: 'X'"},
		{"no cause", []string{begins, given}, "", "the cause is in the error log"},
		{"another's words", []string{begins, "[pid 9] rolling reload of daemon process group 'a' is given up", ends}, "daemon process group 'a' was reloaded\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			rest := c.lines
			err := followRoll(t.Context(), func() ([]string, error) {
				if len(rest) == 0 {
					t.Fatal("it waits for more")
				}
				line := rest[0]
				rest = rest[1:]
				return []string{line}, nil
			}, says, &out)
			if out.String() != c.out {
				t.Errorf("says %q, want %q", out.String(), c.out)
			}
			if (err != nil) != (c.failed != "") || err != nil && !strings.Contains(err.Error(), c.failed) {
				t.Errorf("error %v, want %q", err, c.failed)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := followRoll(ctx, func() ([]string, error) { return nil, nil }, says, &strings.Builder{}); err == nil {
		t.Error("goes on although it was told to end")
	}
}

func TestFindRunning(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a root")
	if _, err := FindRunning(root); err == nil || !strings.Contains(err.Error(), "is no server root") {
		t.Errorf("nothing there: %v", err)
	}
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(root, "error log")
	for name, text := range map[string]string{"httpd.conf": "# x\nErrorLog \"" + log + "\"\n", "error log": "", "httpd.pid": "1\n"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := FindRunning(root); err == nil || !strings.Contains(err.Error(), "no server runs from") {
		t.Errorf("the pid of another: %v", err)
	}
	if got := errorLogOf(readAll(t, filepath.Join(root, "httpd.conf"))); got != log {
		t.Errorf("error log %q, want %q", got, log)
	}
	if got := errorLogOf("ErrorLog \"|program\"\n"); got != "" {
		t.Errorf("error log %q of a program", got)
	}
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
