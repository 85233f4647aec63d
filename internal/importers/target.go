package importers

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"modwsgi/internal/words"
)

// setting is one of a source, in the order of the file.
type setting struct{ name, value, place string }

// target is the command line that is put together, and what was found on the
// way.
type target struct {
	q        Request
	options  []option
	envvars  []string
	findings []Finding

	kind, entry, callable string
	served                int    // the finding of entry
	dir                   string // --working-directory, against which paths are
	http                  bool   // a plain socket speaks HTTP
}

// option is one with its values, and which findings it comes from.
type option struct {
	name     string
	values   []string
	findings []int
}

// reasonOneMore is why a second application is lost.
const reasonOneMore = "one more application: each is a server of its own; join them with --proxy-mount-point"

func newTarget(q Request) *target { return &target{q: q, kind: "script"} }

// found adds a finding and returns its number.
func (t *target) found(s setting, verdict Verdict, why string) int {
	t.findings = append(t.findings, Finding{Setting: s.name, Value: s.value, Place: s.place, Verdict: verdict, Why: why})
	return len(t.findings) - 1
}

// take makes s an option with its values; a bool is one without. why says what
// differs, "" if nothing does.
func (t *target) take(s setting, why, name string, values ...string) {
	n := t.found(s, Taken, why)
	t.add(n, name, values...)
}

// also is a further option for the last finding.
func (t *target) also(name string, values ...string) { t.add(len(t.findings)-1, name, values...) }

// add puts an option on the command line. One that there is no use for twice
// replaces itself, and what it came from is told of that.
func (t *target) add(finding int, name string, values ...string) {
	there, many := t.q.Option(name)
	if !there {
		f := &t.findings[finding]
		f.Verdict, f.Why = NoEqual, fmt.Sprintf("it would be --%s, which this release does not have", name)
		return
	}
	if i := slices.IndexFunc(t.options, func(o option) bool { return o.name == name }); i >= 0 && !many {
		if slices.Equal(t.options[i].values, values) {
			t.options[i].findings = append(t.options[i].findings, finding)
			return
		}
		by := t.findings[finding]
		for _, n := range t.options[i].findings {
			f := &t.findings[n]
			f.Why = strings.TrimPrefix(fmt.Sprintf("%s; %s = %s holds in place of its --%s", f.Why, by.Setting, short(by.Value), name), "; ")
			if f.Verdict == Taken && !slices.ContainsFunc(t.options, func(o option) bool { return o.name != name && slices.Contains(o.findings, n) }) {
				f.Verdict = Same
			}
		}
		t.options = slices.Delete(t.options, i, i+1)
	}
	t.options = append(t.options, option{name, values, []int{finding}})
}

// serve makes entry what is served. One that was before is lost, with what it
// alone asked for.
func (t *target) serve(s setting, kind, entry string) {
	before, lost := t.served, t.entry != "" && (t.kind != kind || t.entry != entry)
	if lost {
		t.options = slices.DeleteFunc(t.options, func(o option) bool { return slices.Equal(o.findings, []int{before}) })
	}
	t.take(s, "", "application-type", kind)
	t.kind, t.entry, t.served = kind, entry, len(t.findings)-1
	if lost {
		t.findings[before].Verdict, t.findings[before].Why = NoEqual, reasonOneMore
	}
}

// has tells whether an option was given.
func (t *target) has(name string) bool {
	return slices.ContainsFunc(t.options, func(o option) bool { return o.name == name })
}

func (t *target) same(s setting, why string)    { t.found(s, Same, why) }
func (t *target) noEqual(s setting, why string) { t.found(s, NoEqual, why) }

// implied is an option that no setting asks for, but the defaults of the source.
func (t *target) implied(why, name string, values ...string) {
	t.take(setting{name: "default"}, why, name, values...)
}

// process puts a variable into the environment of the process: --setenv would
// only reach the environ of requests.
func (t *target) process(s setting, key, value string) {
	if !plainKey(key) {
		t.noEqual(s, "not the name of a variable")
		return
	}
	t.found(s, Taken, "a line for the file of --envvars-script, since it is for the process and not for the environ of requests")
	t.envvars = append(t.envvars, "export "+key+"="+alwaysQuoted(value))
}

// alwaysQuoted is value as one word of a shell, whatever is in it.
func alwaysQuoted(value string) string {
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

func plainKey(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// application is MODULE:CALLABLE or MODULE.
func (t *target) application(s setting, spec string) {
	module, callable, named := strings.Cut(spec, ":")
	switch {
	case module == "":
		t.noEqual(s, "there is no module in it")
	case strings.ContainsAny(callable, "()"):
		t.noEqual(s, fmt.Sprintf("an application made by a call: put 'from %s import %s; application = %s' into a file and serve that",
			module, strings.SplitN(callable, "(", 2)[0], callable))
	case strings.ContainsAny(callable, ". "):
		t.noEqual(s, fmt.Sprintf("not a plain name: put 'import %s; application = %s.%s' into a file and serve that", module, module, callable))
	default:
		t.serve(s, "module", module)
		if named && callable != "" {
			t.also("callable-object", callable)
		}
	}
}

// listen is an address: HOST:PORT, :PORT, PORT, [IPV6]:PORT, *:PORT.
func (t *target) listen(s setting, address, portOption string) bool {
	if strings.HasPrefix(address, "unix:") || strings.ContainsAny(address, "/@") {
		t.noEqual(s, "a socket of the file system: Apache listens on ports; let the proxy in front go to http://127.0.0.1:PORT instead")
		return false
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		if host, port = address, ""; isPort(address) {
			host, port = "", address
		}
	}
	if port != "" && !isPort(port) || strings.ContainsAny(host, " ,$%()") {
		t.noEqual(s, "not an address that can be listened on")
		return false
	}
	if t.has(portOption) {
		t.noEqual(s, "one more address: there is one; name further ones with Listen in a file for --include-file")
		return false
	}
	if port == "" {
		port = "8000"
	}
	why := ""
	if portOption == "https-port" {
		why = "Apache answers at --port by http as well; --https-only sends visitors from there"
	}
	t.take(s, why, portOption, port)
	if host != "" && host != "*" && host != "0.0.0.0" && host != "::" && host != "[::]" {
		t.also("host", strings.Trim(host, "[]"))
	}
	return true
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 65535
}

// number takes a whole number that is not negative.
func (t *target) number(s setting, option, why string) {
	if n, err := strconv.ParseInt(s.value, 10, 64); err != nil || n < 0 {
		t.noEqual(s, "not a whole number")
		return
	}
	t.take(s, why, option, s.value)
}

// positive is number for what cannot be 0.
func (t *target) positive(s setting, option, why string) {
	if s.value == "0" {
		t.same(s, "0 is the default of it")
		return
	}
	t.number(s, option, why)
}

// path is a file or folder of a source. What is relative there is so to the
// folder it works in, and ours to that where the command is run.
func (t *target) path(path string) string {
	if path == "" || filepath.IsAbs(path) || t.dir == "" {
		return path
	}
	return filepath.Join(t.dir, path)
}

// python takes the folder of a virtual environment.
func (t *target) python(s setting) {
	t.take(s, "", "python-executable", filepath.Join(t.path(s.value), "bin", "python"))
}

// log sends a log to a file, or "-", the terminal. The terminal has both logs or
// none.
func (t *target) log(s setting, kind, file string) {
	terminal := file == "-" || file == "/dev/stdout" || file == "/dev/stderr"
	switch {
	case terminal && (t.has("error-log-name") || t.has("access-log-name")), !terminal && t.has("log-to-terminal"):
		t.noEqual(s, "both logs go to the terminal, or both to files: the first that was said holds")
	case terminal:
		t.take(s, "", "log-to-terminal")
	default:
		t.take(s, "", kind+"-log-name", t.path(file))
	}
	if kind == "access" {
		t.also("access-log")
	}
}

// result is the command line, its options in the order of their findings.
func (t *target) result(format string) Import {
	out := Import{Format: format, Envvars: t.envvars, lines: [][]string{{"start-server"}}}
	if len(t.envvars) > 0 {
		t.implied("the file with the lines below", "envvars-script", "envvars.sh")
	}
	for _, o := range t.options {
		list := []string{"--" + o.name}
		for _, v := range o.values {
			list = append(list, literal(v))
		}
		out.lines = append(out.lines, list)
		for _, n := range o.findings {
			f := &t.findings[n]
			f.Words = append(f.Words, list...)
		}
	}
	if t.entry != "" {
		entry := t.entry
		if t.kind != "module" {
			entry = t.path(entry)
		}
		last := []string{literal(entry)}
		if strings.HasPrefix(entry, "-") {
			last = []string{"--", literal(entry)}
		}
		out.lines = append(out.lines, last)
	} else {
		t.noEqual(setting{name: "application"}, "no application is named here: put it at the end of the command line, "+
			"a script, or a module behind --application-type module")
	}
	out.Words, out.Findings = slices.Concat(out.lines...), t.findings
	return out
}

// literal is a value that the command line leaves as it is: it would put the
// value of a variable in place of $NAME and ${NAME}.
func literal(value string) string {
	var b strings.Builder
	for i, r := range value {
		if r == '$' {
			if rest := value[i+1:]; rest != "" && (rest[0] == '{' || plainKey(rest[:1])) {
				b.WriteByte('$')
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Text is the import for a person: the command line, and behind # what else is
// to be known, so that all of it can be pasted.
func (i Import) Text() string {
	var b strings.Builder
	b.WriteString("mod_wsgi-express ")
	for n, line := range i.lines {
		if n > 0 {
			b.WriteString(" \\\n    ")
		}
		b.WriteString(words.Join(line))
	}
	b.WriteString("\n")
	if len(i.Envvars) > 0 {
		b.WriteString("\n# Put into envvars.sh:\n")
		for _, line := range i.Envvars {
			b.WriteString("#   " + strings.ReplaceAll(line, "\n", "\n#   ") + "\n")
		}
	}
	i.list(&b, "No equal", func(f Finding) bool { return f.Verdict == NoEqual })
	i.list(&b, "Different", func(f Finding) bool { return f.Verdict == Taken && f.Why != "" })
	i.list(&b, "Not needed", func(f Finding) bool { return f.Verdict == Same })
	return b.String()
}

// list writes the findings that f picks, each on a line.
func (i Import) list(b *strings.Builder, head string, pick func(Finding) bool) {
	first := true
	for _, f := range i.Findings {
		if !pick(f) {
			continue
		}
		if first {
			fmt.Fprintf(b, "\n# %s:\n", head)
			first = false
		}
		what := f.Setting
		if f.Value != "" {
			what += " = " + short(f.Value)
		}
		if f.Place != "" {
			what = f.Place + ": " + what
		}
		if len(f.Words) > 0 {
			what += " -> " + words.Join(f.Words)
		}
		if f.Why != "" {
			what += ": " + f.Why
		}
		fmt.Fprintf(b, "#   %s\n", oneLine(what))
	}
}

// oneLine is text that cannot leave its line of a comment, whatever is in it.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

// short is a value as far as it is needed to know it again.
func short(value string) string {
	if len(value) > 80 {
		return strings.ToValidUTF8(value[:77], "") + "..."
	}
	return value
}
