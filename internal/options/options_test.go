package options

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

var update = flag.Bool("update", false, "write docs/options.md")

// T-4: one table says name, type, default and help for every source.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Table() {
		if seen[o.Name] {
			t.Errorf("%s stands twice", o.Name)
		}
		seen[o.Name] = true
		if o.Name == "" || strings.Trim(o.Name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("the name %q is no word in small letters", o.Name)
		}
		if !strings.HasSuffix(o.Help, ".") || len(o.Targets) == 0 {
			t.Errorf("%s needs a sentence of help and the targets it has an effect on", o.Name)
		}
		if (o.Kind == Choice) != (len(o.Values) > 0) || (o.Kind == Text || o.Kind == Path || o.Kind == Count || o.Kind == Span) != (o.Shape != "") {
			t.Errorf("%s: values or the shape of the value do not fit its kind", o.Name)
		}
		if o.Default != "" {
			if _, err := o.check(value{o.Default, fromFlag, "-x"}, "."); err != nil {
				t.Errorf("the default of %s: %v", o.Name, err)
			}
		}
	}
}

// T-4: the document is the table.
func TestDocument(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "options.md")
	if *update {
		if err := os.WriteFile(path, []byte(Document()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != Document() {
		t.Error("docs/options.md is not what the table says: go test ./internal/options -update")
	}
}

func ptr[T any](v T) *T { return &v }

// folder is a folder with a modwsgi.toml.
func folder(t *testing.T, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), `a "b" c's`)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// T-4: flag before environment before file before default.
func TestPrecedence(t *testing.T) {
	const file = "python = 'file'\n"
	tests := []struct {
		name    string
		flag    *string
		environ []string
		file    string
		want    string
		named   string // what is said as an argument; "" leaves it to who reads the variable
		heard   string // what MODWSGI_PYTHON says to programs
	}{
		{"nothing", nil, nil, "", "", "", ""},
		{"the file", nil, nil, file, "file", "file", "file"},
		{"the older variable", nil, []string{"PYTHON=old"}, file, "old", "", ""},
		{"the variable", nil, []string{"MODWSGI_PYTHON=env", "PYTHON=old"}, file, "env", "", "env"},
		{"a variable set to nothing", nil, []string{"MODWSGI_PYTHON=", "PYTHON="}, file, "file", "file", "file"},
		{"the last of two", nil, []string{"PYTHON=a", "PYTHON=b"}, "", "b", "", ""},
		{"the flag", ptr("flag"), []string{"MODWSGI_PYTHON=env"}, file, "flag", "flag", "flag"},
		{"a flag of nothing", ptr(""), []string{"MODWSGI_PYTHON=env"}, file, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Resolve("build", Flags{"python": tt.flag}, tt.environ, folder(t, tt.file))
			if err != nil || s.Text("python") != tt.want || s.Named("python") != tt.named {
				t.Errorf("python is %q, named %q, %v", s.Text("python"), s.Named("python"), err)
			}
			if got := s.Runner().Getenv("MODWSGI_PYTHON"); got != tt.heard {
				t.Errorf("programs hear %q, want %q", got, tt.heard)
			}
		})
	}
}

// samples are values that an option can have, each unlike the one before it
// where it has more than one.
func samples(o Option) [3]string {
	switch o.Kind {
	case Switch:
		return [3]string{"true", "false", "true"}
	case Count:
		return [3]string{"3", "4", "5"}
	case Choice:
		last := o.Values[len(o.Values)-1]
		return [3]string{last, o.Values[0], last}
	case Span:
		return [3]string{"30s", "10m0s", "2h"}
	case Path:
		return [3]string{"/in/file", "/in/variable", "/in/flag"}
	}
	return [3]string{"of file", "of variable", "of flag"}
}

// T-4: for every option, on every target that it is for, a flag comes before its
// variable, that before the file, that before the default; and what is started
// hears in MODWSGI_NAME what holds.
func TestPrecedenceOfEach(t *testing.T) {
	for _, o := range Table() {
		value := samples(o)
		text := fmt.Sprintf("%s = %s\n", o.Name, value[0])
		if o.Kind != Switch && o.Kind != Count {
			text = fmt.Sprintf("%s = %q\n", o.Name, value[0])
		}
		flag := any(&value[2])
		switch o.Kind {
		case Switch:
			flag = ptr(value[2] == "true")
		case Count:
			flag = ptr(5)
		}
		dir, empty := folder(t, text), folder(t, "")
		environ := []string{o.Variable() + "=" + value[1]}
		for _, c := range []struct {
			name    string
			flags   Flags
			environ []string
			dir     string
			want    string
		}{
			{"default", nil, nil, empty, o.Default},
			{"file", nil, nil, dir, value[0]},
			{"variable", nil, environ, dir, value[1]},
			{"flag", Flags{o.Name: flag}, environ, dir, value[2]},
		} {
			for _, target := range o.Targets {
				s, err := Resolve(target, c.flags, c.environ, c.dir)
				if err != nil || s.Text(o.Name) != c.want {
					t.Errorf("%s of %s, %s: %q, %v; want %q", o.Name, target, c.name, s.Text(o.Name), err, c.want)
				}
				heard := s.Runner().Getenv(o.Variable())
				if o.Kind == Switch {
					heard = map[string]string{"1": "true", "true": "true", "": "false", "false": "false"}[heard]
				}
				if c.name != "default" && heard != c.want {
					t.Errorf("%s of %s, %s: programs hear %q, want %q", o.Name, target, c.name, heard, c.want)
				}
			}
		}
	}
}

// T-9: offline, whatever is started for a target that could download is refused
// what would.
func TestOfflineIsHeard(t *testing.T) {
	o, _ := find(Table(), "offline")
	for _, target := range o.Targets {
		for name, c := range map[string]struct {
			flags   Flags
			environ []string
			file    string
			want    bool
		}{
			"nothing": {}, "flag": {flags: Flags{"offline": ptr(true)}, want: true}, "variable": {environ: []string{"MODWSGI_OFFLINE=1"}, want: true},
			"file": {file: "offline = true\n", want: true}, "flag against the file": {flags: Flags{"offline": ptr(false)}, file: "offline = true\n"},
		} {
			s, err := Resolve(target, c.flags, c.environ, folder(t, c.file))
			if err != nil {
				t.Fatal(err)
			}
			r := s.Runner()
			_, err = r.Run(t.Context(), run.Cmd{Path: "true", Network: true})
			if refused := hint.Code(err) == hint.Refused && hint.Code(r.Refused()) == hint.Refused; refused != c.want {
				t.Errorf("%s, %s: refused %v, %v", target, name, refused, err)
			}
		}
	}
}

// T-4: each kind of value, from each source.
func TestKinds(t *testing.T) {
	dir := folder(t, "jobs = 3\ncache = 'kept'\nallow_http = true\noutput = \"json\"\n")
	s, err := Resolve("build", Flags{"offline": ptr(true), "update": nil}, []string{"MODWSGI_ALLOW_UNVERIFIED=no", "MODWSGI_UPDATE=nonsense"}, dir)
	if err == nil || !strings.Contains(err.Error(), "-update has no effect on build") || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("error = %v", err) // and a variable that build does not heed is not looked at
	}
	if s.Count("jobs") != 3 || s.Text("cache") != filepath.Join(dir, "kept") || !s.On("allow_http") || !s.JSON() || !s.On("offline") || s.On("allow_unverified") {
		t.Errorf("set = %+v", s.values)
	}
	for name, want := range map[string]string{"JOBS": "3", "ALLOW_HTTP": "1", "OFFLINE": "1", "ALLOW_UNVERIFIED": "", "OUTPUT": "json", "CACHE": filepath.Join(dir, "kept")} {
		if got := s.Runner().Getenv("MODWSGI_" + name); got != want {
			t.Errorf("programs hear MODWSGI_%s=%q, want %q", name, got, want)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Resolve("build", nil, []string{"MODWSGI_CACHE=near"}, dir); err != nil || s.Text("cache") != filepath.Join(here, "near") {
		t.Errorf("a path of a variable is meant from here, not %q (%v)", s.Text("cache"), err)
	}
}

// T-4: what is wrong is an error with its place and, where there is one, the
// nearest name.
func TestMistakes(t *testing.T) {
	tests := []struct {
		name, file string
		flags      Flags
		environ    []string
		want, hint string
	}{
		{"unknown", "# mine\n\npyhton = '3.12'\n", nil, nil, `modwsgi.toml:3: unknown option "pyhton"`, "did you mean python?"},
		{"unknown, like none", "frobnicate = 1\n", nil, nil, `modwsgi.toml:1: unknown option "frobnicate"`, "known are "},
		{"a table", "jobs = 1\n[build]\njobs = 2\n", nil, nil, `modwsgi.toml:2: unknown option "build"`, "known are "},
		{"a dotted key", "jobs.x = 1\n", nil, nil, `modwsgi.toml:1: jobs: it is a whole number`, ""},
		{"another kind", "x = 1\njobs = \"2\"\n", nil, nil, "modwsgi.toml:2: jobs: it is a whole number", ""},
		{"no text", "python = 3.12\n", nil, nil, "modwsgi.toml:1: python: it is a text in quotes", ""},
		{"no switch", "offline = 1\n", nil, nil, "modwsgi.toml:1: offline: it is true or false", ""},
		{"not a choice", "output = 'yaml'\n", nil, nil, `modwsgi.toml:1: output = "yaml": it is text or json`, ""},
		{"below zero", "jobs = -1\n", nil, nil, `modwsgi.toml:1: jobs = "-1": it is a whole number from 0 on`, ""},
		{"a NUL", "python = \"a\\u0000\"\n", nil, nil, "modwsgi.toml:1: ", ""},
		{"no path", "cache = ''\n", nil, nil, `modwsgi.toml:1: cache = "": it is a path`, ""},
		{"no TOML", "jobs = 1\npython = 3.x\n", nil, nil, "modwsgi.toml:2: ", ""},
		{"twice", "jobs = 1\njobs = 2\n", nil, nil, "modwsgi.toml:2: ", ""},
		{"a variable", "", nil, []string{"MODWSGI_JOBS=many"}, "MODWSGI_JOBS=many: it is a whole number from 0 on", ""},
		{"the older variable's choice", "", nil, []string{"MODWSGI_OUTPUT=yaml"}, "MODWSGI_OUTPUT=yaml: it is text or json", ""},
		{"a flag", "", Flags{"jobs": ptr(-1)}, nil, "-jobs=-1: it is a whole number from 0 on", ""},
		{"a switch of a variable", "", nil, []string{"MODWSGI_OFFLINE=maybe"}, "MODWSGI_OFFLINE=maybe: it is 1 or 0, true or false", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Resolve("build", tt.flags, tt.environ, folder(t, tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(hint.Of(err), tt.hint) {
				t.Errorf("error = %v, hint %q; want %q, hint %q", err, hint.Of(err), tt.want, tt.hint)
			}
			if got := hint.Code(err); got != hint.Usage {
				t.Errorf("exit status %d", got) // T-6
			}
		})
	}
	_, err := Resolve("build", Flags{"jobs": ptr(-1)}, []string{"MODWSGI_OUTPUT=x"}, folder(t, "a = 1\nb = 2\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("not all of four mistakes at once: %v", err)
	}
}

// T-6: a file that names programs to run has to be from somebody who may say so.
func TestForeignFile(t *testing.T) {
	dir := folder(t, "jobs = 1\n")
	path := filepath.Join(dir, FileName)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Resolve("build", nil, nil, dir); hint.Code(err) != hint.Refused {
		t.Errorf("a file that everybody may write: %v", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	uid := os.Geteuid()
	if err := trust(path, fi, uid, ""); err != nil {
		t.Errorf("my own: %v", err)
	}
	if uid != 0 { // root's is everybody's
		if err := trust(path, fi, uid+1, ""); hint.Code(err) != hint.Refused {
			t.Errorf("another's: %v", err)
		}
		return
	}
	if err := os.Chown(path, 4242, -1); err != nil {
		t.Fatal(err)
	}
	if fi, err = os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if err := trust(path, fi, 0, ""); hint.Code(err) != hint.Refused {
		t.Errorf("another's, as root: %v", err)
	}
	if err := trust(path, fi, 0, "4242"); err != nil {
		t.Errorf("of who became root by sudo: %v", err)
	}
	if err := trust(path, fi, 4243, "4242"); hint.Code(err) != hint.Refused {
		t.Errorf("SUDO_UID of somebody who is not root: %v", err)
	}
}

func TestBlame(t *testing.T) {
	s, err := Resolve("build", nil, nil, folder(t, "apxs = '/no/apxs'\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Blame("apxs", os.ErrNotExist).Error(); got != "modwsgi.toml:1: file does not exist" {
		t.Error(got)
	}
	if s.Blame("apxs", nil) != nil || s.Blame("python", os.ErrNotExist) != os.ErrNotExist {
		t.Error("an error that is not of the file is changed")
	}
}

// FuzzParse: whatever the file says, each value that is kept is one that a flag
// could say, and each mistake names a line that there is.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "jobs = 1\n", "python = '3.12'\n[x]\ny=1\n", "jobs.x = 1", "offline = true # c", "\"jobs\" = 2", "a = '''\njobs = 1\n'''", "\xff", "apxs = \"\\u0000\""} {
		f.Add(seed)
	}
	table := Table()
	f.Fuzz(func(t *testing.T, text string) {
		values, errs := parse(text, table)
		for name, v := range values {
			o, ok := find(table, name)
			if !ok {
				t.Fatalf("%q is no option", name)
			}
			if _, err := o.check(v, "."); err != nil {
				t.Fatal(err)
			}
		}
		for _, err := range errs {
			if !strings.HasPrefix(err.Error(), FileName+":") {
				t.Fatalf("no place: %v", err)
			}
		}
	})
}
