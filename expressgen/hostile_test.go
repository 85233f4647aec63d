package expressgen

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// hostile are values that somebody may try in an option that takes text.
var hostile = []string{
	"a b", " ", "", "it's", `say "hi"`, `back\slash`, `end\`, `"`, `\"`, `'`, "%{HTTP_HOST}", "%{GLOBAL}", "100%", "${PATH}", "/x/${PATH}", "$(id)", "`id`", "$HOME",
	"a\nLogLevel debug", "a\r\nX: y", "\x00", "\t", "\x7f", "../../etc/passwd", "/../x", "..", "/" + strings.Repeat("long/", 60), strings.Repeat("n", 300),
	"::1", "[::1]:80", "-DFOO", "--port", "<Directory />", "</VirtualHost>", "# x", "é ☃ 𝄞", "\xff\xfe", "|/bin/sh -c id", "a;b", "a&b", "*?[x]", "/a*", "unix:/x|http://h/",
	"http://h/\"x", "www.", "0", "65536", "/a\nb", `/a" b`, `/a\`, "/ünï cödé", "%s%n", "{{.}}", "a\\\nb", "/x'; id; '", "${EXPRESS_DOLLAR}", "/a b/'\"$x`y`",
}

// withText puts value into the option that f declares, in each place that it has
// for text: the first is the sample as it is.
func withText(o *Options, f reflect.StructField, value string) []*Options {
	var out []*Options
	change := func(set func(v reflect.Value)) {
		c := *o
		set(reflect.ValueOf(&c).Elem().FieldByIndex(f.Index))
		out = append(out, &c)
	}
	switch f.Type {
	case reflect.TypeFor[string]():
		change(func(v reflect.Value) { v.SetString(value) })
	case reflect.TypeFor[[]string]():
		change(func(v reflect.Value) { v.Set(reflect.ValueOf([]string{value})) })
	case reflect.TypeFor[Pairs]():
		change(func(v reflect.Value) {
			p := v.Interface().(Pairs)[0]
			v.Set(reflect.ValueOf(Pairs{{value, p.Value}}))
		})
		change(func(v reflect.Value) {
			p := v.Interface().(Pairs)[0]
			v.Set(reflect.ValueOf(Pairs{{p.Key, value}}))
		})
	}
	return out
}

// sample are options in which f has an ordinary value and effect.
func sample(f reflect.StructField) (Options, Facts) {
	o, facts := base(), facts()
	o.WorkingDirectory, o.EntryPoint, o.ServerRoot = "/home/me", "/srv/app.wsgi", "/r"
	e := effects()[FlagName(f)]
	for _, step := range []func(*Options, *Facts){e.with, e.set} {
		if step != nil {
			step(&o, &facts)
		}
	}
	return o, facts
}

// outcome generates o, if what it says is allowed.
func outcome(o *Options, f Facts) (Server, error) {
	c := *o
	c.Absolute("/home/me")
	if err := c.Check(); err != nil {
		return Server{}, err
	}
	return Generate(c, f)
}

// shape is a configuration without its values: the directives and how they lie in
// each other. Whatever breaks out of its quotes changes it.
func shape(conf string) string {
	var b strings.Builder
	depth := 0
	for line := range strings.Lines(strings.ReplaceAll(conf, "\\\n", " ")) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		name = strings.TrimSuffix(name, ">")
		if strings.HasPrefix(name, "</") {
			depth--
		}
		if name != "" && !strings.HasPrefix(name, "#") {
			fmt.Fprintf(&b, "%d %s\n", depth, name)
		}
		if strings.HasPrefix(name, "<") && !strings.HasPrefix(name, "</") {
			depth++
		}
	}
	return b.String()
}

var interpolated = regexp.MustCompile(`\$\{[^}]*\}?`)

// intact reports what is wrong with the quoting of a configuration: a line whose
// quotes do not end, or a variable that is not ours.
func intact(conf string) error {
	for line := range strings.Lines(strings.ReplaceAll(conf, "\\\n", " ")) {
		for _, name := range interpolated.FindAllString(line, -1) {
			if !slices.Contains([]string{"${EXPRESS_DOLLAR}", "${MOD_WSGI_USER}", "${MOD_WSGI_GROUP}", "${MOD_WSGI_MODULES_DIRECTORY}"}, name) {
				return fmt.Errorf("%s would be replaced in %s", name, line)
			}
		}
		if strings.HasPrefix(strings.TrimSpace(line), "#") || strings.Contains(line, "Rewrite") { // its words end by rules of its own
			continue
		}
		in := false
		for i := 0; i < len(line); i++ {
			switch {
			case line[i] == '\\' && in:
				i++
			case line[i] == '"':
				in = !in
			case line[i] < 0x20 && line[i] != '\n':
				return fmt.Errorf("a control character in %q", line)
			}
		}
		if in {
			return fmt.Errorf("a quote is left open in %s", line)
		}
	}
	return nil
}

// No value of any option that takes text breaks out of where it is written.
func TestHostileValues(t *testing.T) {
	dir := t.TempDir()
	scripts := map[string]bool{}
	accepted, refused := 0, 0
	for f := range reflect.TypeFor[Options]().Fields() {
		o, facts := sample(f)
		usual, err := outcome(&o, facts)
		if err != nil {
			t.Fatalf("--%s: %v", FlagName(f), err)
		}
		for _, value := range hostile {
			for _, c := range withText(&o, f, value) {
				s, err := outcome(c, facts)
				if err != nil {
					refused++
					continue
				}
				accepted++
				judge(t, FlagName(f), value, &usual, &s)
				for _, file := range s.Files {
					if strings.HasSuffix(file.Path, ".wsgi") || file.Path == "apachectl" || file.Path == "envvars" {
						scripts[filepath.Base(file.Path)+"\n"+string(file.Data)] = true
					}
				}
			}
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted < 500 || refused < 500 {
		t.Errorf("%d accepted, %d refused: that is not what it was", accepted, refused)
	}
	compileAll(t, dir, scripts)
}

// judge compares what came of a hostile value with what comes of a usual one.
func judge(t *testing.T, name, value string, usual, s *Server) {
	t.Helper()
	conf := contents(t, s, "httpd.conf")
	if err := intact(conf); err != nil {
		t.Errorf("--%s %q: %v", name, value, err)
	}
	// What is left out for an empty value, or says another word, is in the effects.
	plain := []string{"application-type", "callable-object", "log-level", "map-head-to-get", "server-mpm", "auth-type", "server-name", "mount-point", "access-log-format",
		"proxy-mount-point", "proxy-virtual-host", "entry-point", "url-alias", "application-group", "telemetry-options"}
	if got, want := shape(conf), shape(contents(t, usual, "httpd.conf")); got != want && strings.TrimSpace(value) != "" && !slices.Contains(plain, name) {
		t.Errorf("--%s %q: %s", name, value, firstDifference(got, want))
	}
	for line := range strings.Lines(conf) {
		if strings.HasPrefix(strings.TrimSpace(line), "LogLevel debug") && name != "log-level" {
			t.Errorf("--%s %q: %s", name, value, line)
		}
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(contents(t, s, "express.json")), &record); err != nil {
		t.Errorf("--%s %q: express.json: %v", name, value, err)
	}
	for _, l := range s.Banner {
		if strings.ContainsFunc(l.Value, isControl) {
			t.Errorf("--%s %q: in the banner: %q", name, value, l.Value)
		}
	}
}

// compileAll has the interpreters read every script that was made.
func compileAll(t *testing.T, dir string, scripts map[string]bool) {
	t.Helper()
	n := 0
	var shell []string
	for key := range scripts {
		name, text, _ := strings.Cut(key, "\n")
		path := filepath.Join(dir, fmt.Sprintf("%d-%s", n, name))
		n++
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if !strings.HasSuffix(name, ".wsgi") {
			shell = append(shell, path)
		}
	}
	for _, path := range shell {
		if out, err := exec.Command("/bin/sh", "-n", path).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	program := "import glob, sys\nfor p in glob.glob(sys.argv[1] + '/*.wsgi'):\n    compile(open(p, 'rb').read(), p, 'exec')\n"
	if out, err := exec.Command(needPython(t), "-c", program, dir).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// Any text in any option: refused, or kept in its place.
func FuzzHostile(f *testing.F) {
	table := reflect.TypeFor[Options]()
	for i := range table.NumField() {
		f.Add(i, hostile[i%len(hostile)])
	}
	f.Fuzz(func(t *testing.T, i int, value string) {
		field := table.Field(int(uint(i) % uint(table.NumField())))
		o, facts := sample(field)
		usual, err := outcome(&o, facts)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range withText(&o, field, value) {
			if s, err := outcome(c, facts); err == nil {
				judge(t, FlagName(field), value, &usual, &s)
			}
		}
	})
}
