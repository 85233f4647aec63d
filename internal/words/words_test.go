package words

import (
	"errors"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

var splitTests = []struct {
	name string
	in   string
	want []string
	err  error
}{
	{"nothing", "", nil, nil},
	{"only blanks", " \t\n ", nil, nil},
	{"flags", "-O2 -g  -Wall", []string{"-O2", "-g", "-Wall"}, nil},
	{"tab and newline part words", "a\tb\nc", []string{"a", "b", "c"}, nil},
	{"single quotes", `-DX='a b'`, []string{"-DX=a b"}, nil},
	{"double quotes", `-I"/opt/my apache/include"`, []string{"-I/opt/my apache/include"}, nil},
	{"quoted quote", `-DV=\"1.0\"`, []string{`-DV="1.0"`}, nil},
	{"double in single", `'say "hi"'`, []string{`say "hi"`}, nil},
	{"single in double", `"it's"`, []string{"it's"}, nil},
	{"empty words", `'' ""`, []string{"", ""}, nil},
	{"backslash in double stays", `"a\b\$\"\\"`, []string{`a\b$"\`}, nil},
	{"backslash in single stays", `'a\'`, []string{`a\`}, nil},
	{"escaped blank", `a\ b`, []string{"a b"}, nil},
	{"continued line", "a\\\nb", []string{"ab"}, nil},
	{"continued line between words", "a \\\n b", []string{"a", "b"}, nil},
	{"continued line in double", "\"a\\\nb\"", []string{"ab"}, nil},
	{"run path survives", `-Wl,-rpath,$ORIGIN/../lib`, []string{"-Wl,-rpath,$ORIGIN/../lib"}, nil},
	{"command does not run", "`id` $(id) ; id", []string{"`id`", "$(id)", ";", "id"}, nil},
	{"not utf-8", "\xff \xfe", []string{"\xff", "\xfe"}, nil},
	{"open single", "a 'b", nil, ErrQuote},
	{"open double", `a "b`, nil, ErrQuote},
	{"open double after backslash", `"a\"`, nil, ErrQuote},
	{"ends in backslash", `a\`, nil, ErrBackslash},
}

func TestSplit(t *testing.T) {
	for _, tt := range splitTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Split(tt.in)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error = %v, want %v", err, tt.err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Split(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestQuote(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "''"},
		{"-O2", "-O2"},
		{"/usr/lib/x.so", "/usr/lib/x.so"},
		{"a b", "'a b'"},
		{"it's", `'it'\''s'`},
		{"$HOME", "'$HOME'"},
		{"~", "'~'"},
		{"ünï", "'ünï'"},
	}
	for _, tt := range tests {
		if got := Quote(tt.in); got != tt.want {
			t.Errorf("Quote(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// shell asks /bin/sh for the words of text, each ended by a newline and a dot.
func shell(t *testing.T, text string) []string {
	t.Helper()
	script := "set -f; set -- " + text + "\n" + `[ $# = 0 ] || printf '%s\n.\n' "$@"`
	out, err := exec.Command("/bin/sh", "-c", script).Output()
	if err != nil {
		t.Fatalf("/bin/sh on %q: %v", text, err)
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n.\n"), "\n.\n")
}

// special holds what a shell expands or acts on, where we do not.
const special = "$`;&|<>()*?[]~#{}!="

// The shell is the original: where it expands nothing, Split must agree.
func TestSplitAsShell(t *testing.T) {
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip("no /bin/sh to compare with")
	}
	asked := 0
	for _, tt := range splitTests {
		// Newlines outside quotes would end the command, not part words.
		if tt.err != nil || strings.ContainsAny(tt.in, special) || strings.Contains(strings.ReplaceAll(tt.in, "\\\n", ""), "\n") {
			continue
		}
		asked++
		if got := shell(t, tt.in); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: sh says %q, the table %q", tt.name, got, tt.want)
		}
	}
	if asked < 10 {
		t.Errorf("only %d rows were compared", asked)
	}
}

// What Join makes, a shell must read back as it was, specials and all.
func TestJoinAsShell(t *testing.T) {
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip("no /bin/sh to compare with")
	}
	list := []string{"cc", "-DX=\"a b\"", "it's", "$HOME", "`id`", "", "*", "~", "a\\b", "new\nline", "#x", "ü", "!!"}
	if got := shell(t, Join(list)); !reflect.DeepEqual(got, list) {
		t.Errorf("sh reads %q, want %q", got, list)
	}
}

func FuzzSplit(f *testing.F) {
	for _, tt := range splitTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := Split(s)
		if err != nil {
			return
		}
		again, err := Split(Join(list))
		if err != nil || len(again) != len(list) || len(list) > 0 && !reflect.DeepEqual(again, list) {
			t.Errorf("Split(Join(%q)) = %q, %v", list, again, err)
		}
	})
}
