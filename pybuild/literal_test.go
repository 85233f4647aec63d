package pybuild

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// P-7: strings, numbers, strings side by side; anything else is an error.
func TestParseBuildVars(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[string]setting // nil for an error
	}{
		{"empty", "build_time_vars = {}", map[string]setting{}},
		{"as pprint writes it", "# generated\nbuild_time_vars = {'A': 'x y',\n 'B': 0,\n 'C': '-O2 '\n      '-g',\n 'D': -1}\n",
			map[string]setting{"A": "x y", "B": "0", "C": "-O2 -g", "D": "-1"}},
		{"as uv writes it", "build_time_vars = {\n    \"A\": \"it's\",\n    \"B\": 1,\n}\n", map[string]setting{"A": "it's", "B": "1"}},
		{"escapes", `build_time_vars = {'A': 'a\\b\'c\"\n\t\x41\u00e9\U0001F40D\101\0'}`, map[string]setting{"A": "a\\b'c\"\n\tAé🐍A\x00"}},
		{"a line that goes on", "build_time_vars = {'A': 'a\\\nb'}", map[string]setting{"A": "ab"}},
		{"the last counts", "build_time_vars = {'A': 1, 'A': 2}", map[string]setting{"A": "2"}},
		{"a comment inside", "build_time_vars = {'A': 1, # one\n}# end", map[string]setting{"A": "1"}},

		{"nothing", "", nil},
		{"another name", "x = {}", nil},
		{"an import", "import os\nbuild_time_vars = {}", nil},
		{"code behind", "build_time_vars = {}\nbuild_time_vars['A'] = open('/etc/passwd').read()", nil},
		{"a call", "build_time_vars = {'A': str(1)}", nil},
		{"a name", "build_time_vars = {'A': None}", nil},
		{"an f-string", "build_time_vars = {'A': f'{1}'}", nil},
		{"a sum", "build_time_vars = {'A': 'a' + 'b'}", nil},
		{"a list", "build_time_vars = {'A': ['a']}", nil},
		{"a float", "build_time_vars = {'A': 1.5}", nil},
		{"octal of Python 2", "build_time_vars = {'A': 007}", nil},
		{"a number as key", "build_time_vars = {1: 'a'}", nil},
		{"three quotes", "build_time_vars = {'A': '''a'''}", nil},
		{"no closing quote", "build_time_vars = {'A': 'a", nil},
		{"a line break in a string", "build_time_vars = {'A': 'a\nb'}", nil},
		{"an unknown escape", `build_time_vars = {'A': '\q'}`, nil},
		{"half a surrogate", `build_time_vars = {'A': '\ud800'}`, nil},
		{"an escape cut short", `build_time_vars = {'A': '\x4'}`, nil},
		{"no comma", "build_time_vars = {'A': 1 'B': 2}", nil},
		{"no end", "build_time_vars = {'A': 1,", nil},
		{"too large", "build_time_vars = {'A': 99999999999999999999}", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseBuildVars(c.text)
			if (err != nil) != (c.want == nil) || err == nil && !maps.Equal(got, c.want) {
				t.Errorf("%v, %v", got, err)
			}
			if c.want != nil {
				askPython(t, c.text, got)
			}
		})
	}
	if _, err := parseBuildVars("# a\nbuild_time_vars = {'A': 1,\n 'B': x}"); err == nil || !strings.HasPrefix(err.Error(), `line 3: "B": a string or a number is expected, not "x}"`) {
		t.Errorf("no place in %v", err)
	}
}

// askPython compares with what Python itself makes of the text.
func askPython(t *testing.T, text string, got map[string]setting) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("no python3 to compare with")
		return
	}
	cmd := exec.Command(python, "-I", "-S", "-c", `import json, sys
d = {}
exec(sys.stdin.read(), d)
print(json.dumps({k: str(v) for k, v in d["build_time_vars"].items()}))`)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	want := map[string]setting{}
	if err != nil || json.Unmarshal(out, &want) != nil {
		t.Errorf("Python does not read %q: %v", text, err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, Python %q", got, want)
	}
}

func FuzzParseBuildVars(f *testing.F) {
	for _, s := range []string{"build_time_vars = {'A': 'x' \"y\\n\", 'B': -1,}", "# c\nbuild_time_vars={'\\u00e9':''}", "build_time_vars = {'A': '\\", "{", "build_time_vars = {'A': 1}}"} {
		f.Add(s)
	}
	if data, err := os.ReadFile("testdata/sysconfigdata/debian12-3.11.py"); err == nil {
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		vars, err := parseBuildVars(text)
		if err != nil {
			return
		}
		// Written out anew it is the same.
		var b strings.Builder
		b.WriteString("build_time_vars = {")
		for _, key := range slices.Sorted(maps.Keys(vars)) {
			fmt.Fprintf(&b, "%s: %s,\n", pythonText(key), pythonText(string(vars[key])))
		}
		again, err := parseBuildVars(b.String() + "}")
		if err != nil || !maps.Equal(again, vars) {
			t.Errorf("%q: %v, %v", b.String(), again, err)
		}
	})
}

// pythonText is s as a literal of Python.
func pythonText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\r", `\r`, "\x00", `\x00`).Replace(s) + "'"
}
