package expressgen

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// odd are values that break out of quotes if anything can.
var odd = []string{
	"", " ", "plain", "a b", "it's", `say "hi"`, `back\slash`, `end\`, `\\`, `'"'"'`, "$HOME", "${PATH}", "$(id)", "`id`",
	"${EXPRESS_DOLLAR}{x}", "$${x}", "%{GLOBAL}", "a#b", "a;b", "*?[x]", "-n", "é ☃ 𝄞", "~root", "!x", "<b>", "a\u2028b", "{{.}}",
}

func TestQuoteHTTPDRefusesControl(t *testing.T) {
	for _, s := range []string{"a\nLogLevel debug", "a\r", "\x00", "a\tb", "\x7f"} {
		for name, quote := range map[string]func(string) (string, error){"httpd": quoteHTTPD, "path": quotePath, "rewrite": quoteRewrite} {
			if got, err := quote(s); err == nil {
				t.Errorf("%s of %q is %s, want an error", name, s, got)
			}
		}
	}
	if got, err := quotePath("/a*"); err == nil {
		t.Errorf("a wildcard in a path gives %s, want an error", got)
	}
}

// Apache itself is asked what it reads back: it prints what was defined.
func TestQuoteHTTPD(t *testing.T) {
	httpd := needHTTPD(t)
	var conf, want strings.Builder
	conf.WriteString("Define EXPRESS_DOLLAR $\n")
	for i, s := range odd {
		if s == "" {
			continue // Define takes no empty value; quotes without content are seen in the goldens
		}
		quoted, err := quoteHTTPD(s)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&conf, "Define V%03d %s\n", i, quoted)
		fmt.Fprintf(&want, "Define: V%03d=%s\n", i, s)
	}
	path := filepath.Join(t.TempDir(), "httpd.conf")
	text := "ServerName localhost\nServerRoot /\nErrorLog /dev/null\n" + conf.String() + loadMPM(t)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(httpd, "-f", path, "-t", "-D", "DUMP_RUN_CFG").CombinedOutput()
	if err != nil {
		t.Fatalf("httpd -t: %v\n%s\n%s", err, out, text)
	}
	var got strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Define: V") {
			got.WriteString(line)
		}
	}
	// The order of defines is Apache's own.
	for line := range strings.Lines(want.String()) {
		if !strings.Contains(got.String(), line) {
			t.Errorf("not read back: %s", line)
		}
	}
	if t.Failed() {
		t.Log(got.String())
	}
}

func TestQuoteShell(t *testing.T) {
	for _, s := range append(odd, "a\nb", "\t", "tail\n") {
		shellReads(t, s)
	}
}

func shellReads(t *testing.T, s string) {
	t.Helper()
	out, err := exec.Command("/bin/sh", "-c", "printf '%s.' "+quoteShell(s)).Output()
	if err != nil || string(out) != s+"." {
		t.Errorf("/bin/sh reads %q back as %q (%v)", s, out, err)
	}
}

func TestQuotePython(t *testing.T) {
	python := needPython(t)
	values := append(odd, "a\nb", "\x00", "\xff\xfe", "caf\xe9", "\r\n", "\u0085")
	script := "import os, sys\nfor v in ["
	for _, s := range values {
		script += quotePython(s) + ", "
	}
	script += "]:\n    sys.stdout.buffer.write(os.fsencode(v).hex().encode() + b'\\n')\n"
	if strings.ContainsFunc(script, func(r rune) bool { return r > 0x7e }) {
		t.Error("a literal holds more than ASCII")
	}
	cmd := exec.Command(python, "-c", script)
	cmd.Env = append(os.Environ(), "PYTHONUTF8=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := strings.Split(string(out), "\n")
	for i, s := range values {
		if want := fmt.Sprintf("%x", s); got[i] != want {
			t.Errorf("%q is read back as %s, want %s", s, got[i], want)
		}
	}
}

func FuzzQuoteShell(f *testing.F) {
	for _, s := range odd {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "\x00") {
			t.Skip("no argument can hold a NUL")
		}
		shellReads(t, s)
	})
}

// Without asking Apache: what comes out is one word of one line, and taking the
// escapes away gives the value.
func FuzzQuoteHTTPD(f *testing.F) {
	for _, s := range odd {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted, err := quoteHTTPD(s)
		if err != nil {
			return
		}
		body := quoted[1 : len(quoted)-1]
		// Apache replaces first, wherever ${ stands, then takes the word.
		if n := strings.Count(body, "${"); n != strings.Count(body, "${EXPRESS_DOLLAR}{") {
			t.Fatalf("%q leaves ${ in %s", s, quoted)
		}
		body = strings.ReplaceAll(body, "${EXPRESS_DOLLAR}", "$")
		var back strings.Builder
		for i := 0; i < len(body); i++ {
			switch body[i] {
			case '"', '\n', '\r', 0:
				t.Fatalf("%q ends early in %s", s, quoted)
			case '\\':
				i++
			}
			if i == len(body) {
				t.Fatalf("%q escapes its own end: %s", s, quoted)
			}
			back.WriteByte(body[i])
		}
		if back.String() != s {
			t.Fatalf("%q is read back as %q", s, back.String())
		}
	})
}

func FuzzQuotePython(f *testing.F) {
	for _, s := range odd {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := quotePython(s)
		body, ok := strings.CutPrefix(quoted, "os.fsdecode(b'")
		if ok == utf8.ValidString(s) {
			t.Fatalf("%q became %s", s, quoted)
		}
		if ok {
			body = strings.TrimSuffix(body, ")")
		} else {
			body = quoted[1:]
		}
		for i := 0; i < len(body)-1; i++ {
			switch c := body[i]; {
			case c == '\\':
				i++
			case c == '\'' || c < 0x20 || c > 0x7e:
				t.Fatalf("%q ends early in %s", s, quoted)
			}
		}
	})
}

// needHTTPD is the server binary, or skips.
func needHTTPD(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"apache2", "httpd", "/usr/sbin/apache2", "/usr/sbin/httpd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no Apache httpd here to ask")
	return ""
}

func needPython(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here to ask")
	}
	return path
}

// loadMPM loads an MPM where httpd has none built in: without one it will not
// look at a configuration.
func loadMPM(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules", "/usr/lib/apache2"} {
		if path := dir + "/mod_mpm_event.so"; exists(path) {
			return "LoadModule mpm_event_module " + path + "\n" +
				"<IfModule !authz_core_module>\nLoadModule authz_core_module " + dir + "/mod_authz_core.so\n</IfModule>\n"
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
