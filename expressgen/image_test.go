package expressgen

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// instruction is one of a Dockerfile: its lines joined, as builders join them.
type instruction struct{ name, rest string }

// instructions reads a Dockerfile as builders do: a backslash at its end goes on
// with the next line, comments go between.
func instructions(t *testing.T, text string) []instruction {
	t.Helper()
	var out []instruction
	joined := ""
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if len(line) >= 65535 {
			t.Errorf("a line of %d bytes is refused by builders", len(line))
		}
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "#") {
			continue
		}
		if rest, more := strings.CutSuffix(strings.TrimRight(line, " \t"), `\`); more {
			joined += rest
			continue
		}
		if joined += line; strings.TrimSpace(joined) != "" {
			name, rest, _ := strings.Cut(strings.TrimSpace(joined), " ")
			out = append(out, instruction{name, strings.TrimSpace(rest)})
		}
		joined = ""
	}
	if joined != "" {
		t.Errorf("it ends in the middle of %s", joined)
	}
	return out
}

var (
	copying  = regexp.MustCompile(`^(?:--from=(\w+) )?([\w./-]+) (/[\w./-]+)$`)
	setting  = regexp.MustCompile(`^\w+=(/[\w./-]*(:\$PATH)?)$`)
	plainID  = regexp.MustCompile(`^[A-Za-z0-9._@-]+(:[A-Za-z0-9._@-]+)?$`)
	flagForm = regexp.MustCompile(`^(--(interval|timeout|start-period)=\d+s )+ *CMD `)
)

// checkImage is what a builder would do with each instruction, short of doing it:
// words that it would take for something else are errors. It returns the command
// and the health check.
func checkImage(t *testing.T, text string, files ...string) (command, probe []string) {
	t.Helper()
	stages := map[string]bool{}
	words := func(rest string) (list []string) {
		if err := json.Unmarshal([]byte(rest), &list); err != nil {
			t.Errorf("no list of words: %v: %s", err, rest)
		}
		return list
	}
	for i, in := range instructions(t, text) {
		wrong := func() { t.Errorf("%s %s", in.name, in.rest) }
		switch in.name {
		case "ARG":
			if i != 0 || !strings.HasPrefix(in.rest, "BASE=debian:") {
				wrong()
			}
		case "FROM":
			command, probe = nil, nil // of the last stage they are the image's
			if base, name, _ := strings.Cut(in.rest, " AS "); base != "${BASE}" {
				wrong()
			} else {
				stages[name] = true
			}
		case "RUN":
			check(t, in.rest, "/bin/sh", []string{"-n"}, in.rest)
		case "COPY":
			m := copying.FindStringSubmatch(in.rest)
			if m == nil || m[1] != "" && !stages[m[1]] || m[1] == "" && !slices.Contains(files, m[2]) {
				wrong()
			}
		case "ENV":
			for word := range strings.FieldsSeq(in.rest) {
				if !setting.MatchString(word) {
					wrong()
				}
			}
		case "WORKDIR":
			if in.rest != "/app" {
				wrong()
			}
		case "USER":
			if !plainID.MatchString(in.rest) || in.rest == "root" || strings.HasPrefix(in.rest+":", "0:") {
				wrong()
			}
		case "EXPOSE":
			for port := range strings.FieldsSeq(in.rest) {
				if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
					wrong()
				}
			}
		case "STOPSIGNAL":
			if in.rest != "SIGWINCH" {
				wrong()
			}
		case "HEALTHCHECK":
			flags := flagForm.FindString(in.rest)
			if flags == "" {
				wrong()
			}
			probe = words(strings.TrimPrefix(in.rest, flags))
		case "CMD":
			command = words(in.rest)
		default:
			wrong()
		}
	}
	if len(stages) != 2 || command == nil {
		t.Errorf("%d stages, the command is %q", len(stages), command)
	}
	return command, probe
}

func surroundings() Surroundings {
	text := "flask==3.1.0\n"
	return Surroundings{Version: "0.0.0", Program: "/usr/local/bin/mod_wsgi-express", Requirements: &text, Environments: []string{".venv", "my env"}}
}

// described is the Dockerfile of some options, and its warnings.
func described(t *testing.T, s Surroundings, set func(o *Options)) (text string, warnings []string) {
	t.Helper()
	o := base()
	o.WorkingDirectory, o.EntryPoint, o.Dockerfile, o.SetupOnly = "/home/me/site", "/home/me/site/app.wsgi", true, true
	set(&o)
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	m, err := DescribeImage(o, s)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := DescribeImage(o, s)
	if string(again.Files[0].Data) != string(m.Files[0].Data) {
		t.Error("it is another one each time")
	}
	return string(m.Files[0].Data), m.Warnings
}

// Every instruction is one that builders take as it is meant.
func TestDockerfile(t *testing.T) {
	files := []string{"mod_wsgi-express", "requirements.txt", "."}
	for _, c := range []struct {
		name      string
		set       func(o *Options)
		has, lack []string
		command   []string // after start-server
	}{
		{"usual", func(*Options) {}, []string{"\nUSER 33:33\n", "\nEXPOSE 8000\n", "requirements.txt\nCOPY . /app/\n"}, []string{"useradd"},
			[]string{"--health-path", imageHealth, "--log-to-terminal", "--", "/app/app.wsgi"}},
		{"a low port", func(o *Options) { o.Port, o.HealthPath = 80, "/healthz" }, []string{"\nEXPOSE 80\n"}, []string{"\nUSER"},
			[]string{"--port", "80", "--user", "www-data", "--health-path", "/healthz", "--log-to-terminal", "--", "/app/app.wsgi"}},
		{"somebody", func(o *Options) { o.User, o.Group = "me", "staff" }, []string{"\nUSER me:staff\n", "passwd me ||", "group staff ||"}, nil,
			[]string{"--health-path", imageHealth, "--log-to-terminal", "--", "/app/app.wsgi"}},
		{"a number and a low port", func(o *Options) { o.User, o.Port = "#1234", 443 }, nil, []string{"\nUSER", "useradd"},
			[]string{"--port", "443", "--user", "#1234", "--health-path", imageHealth, "--log-to-terminal", "--", "/app/app.wsgi"}},
		{"embedded", func(o *Options) { o.EmbeddedMode, o.LogDirectory = true, "/logs" }, nil, []string{"HEALTHCHECK"},
			[]string{"--embedded-mode", "--log-directory", "/logs", "--", "/app/app.wsgi"}},
		{"a module", func(o *Options) { o.ApplicationType, o.EntryPoint = "module", "site.wsgi" }, nil, nil,
			[]string{"--application-type", "module", "--health-path", imageHealth, "--log-to-terminal", "--", "site.wsgi"}},
		{"paths", func(o *Options) {
			o.URLAlias = Pairs{{"/static/", "/home/me/site/static/"}, {"/out", "/srv/out"}}
			o.PythonPath, o.SwitchInterval = []string{"/home/me/site/lib", "/home/me/site2"}, ptr(0.25)
		}, nil, nil, []string{"--url-alias", "/static/", "/app/static/", "--url-alias", "/out", "/srv/out", "--health-path", imageHealth, "--switch-interval", "0.25",
			"--python-path", "/app/lib", "--python-path", "/home/me/site2", "--log-to-terminal", "--", "/app/app.wsgi"}},
	} {
		text, _ := described(t, surroundings(), c.set)
		command, probe := checkImage(t, text, files...)
		if want := append([]string{"mod_wsgi-express", "start-server"}, c.command...); !slices.Equal(command, want) {
			t.Errorf("%s: the command is %q\nwant %q", c.name, command, want)
		}
		for _, word := range c.has {
			if !strings.Contains(text, word) {
				t.Errorf("%s: no %q in\n%s", c.name, word, text)
			}
		}
		for _, word := range c.lack {
			if strings.Contains(text, word) {
				t.Errorf("%s: %q is in\n%s", c.name, word, text)
			}
		}
		if len(probe) > 0 && !slices.Equal(probe[len(probe)-2:], []string{itoa(portOf(command)), healthOf(command)}) {
			t.Errorf("%s: the probe asks %q", c.name, probe)
		}
	}
	text, _ := described(t, Surroundings{Version: "0.0.0"}, func(*Options) {})
	checkImage(t, text, "mod_wsgi-express", ".")
	goldenFile(t, "image/Dockerfile", text)
}

func after(list []string, word, usual string) string {
	if i := slices.Index(list, word); i >= 0 {
		return list[i+1]
	}
	return usual
}

func portOf(command []string) int {
	n, _ := strconv.Atoi(after(command, "--port", "8000"))
	return n
}

func healthOf(command []string) string { return after(command, "--health-path", "") }

func goldenFile(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", filepath.FromSlash(name))
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != text {
		t.Errorf("%s (-update writes it): %v\n%s", path, err, firstDifference(string(want), text))
	}
}

// Whatever values hold, the instructions are the same ones, and the command's
// words are the values.
func TestDockerfileHostile(t *testing.T) {
	for _, value := range odd {
		text, warnings := described(t, surroundings(), func(o *Options) {
			o.SetEnv, o.EntryPoint = Pairs{{"KEY", value}}, "/home/me/site/x"+value+".wsgi"
			o.AuthUserScript = "/home/me/site/" + value + "/a.py"
		})
		command, _ := checkImage(t, text, "mod_wsgi-express", "requirements.txt", ".")
		if got := after(command, "KEY", "-"); got != literal(value) {
			t.Errorf("%q became %q", value, got)
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0], "--setenv") {
			t.Errorf("%q: %q", value, warnings)
		}
	}
	o := base()
	o.WorkingDirectory, o.EntryPoint, o.SetupOnly = "/w", "/w/a\xff.wsgi", true
	if _, err := DescribeImage(o, surroundings()); hint.Code(err) != hint.Usage {
		t.Errorf("a name that is no text: %v", err)
	}
	if _, err := quoteWords([]string{"a\nRUN id"}); err == nil {
		t.Error("a newline is taken")
	}
}

// What an image cannot have is refused, all at once.
func TestDockerfileRefused(t *testing.T) {
	o := base()
	o.WorkingDirectory, o.Dockerfile, o.Systemd, o.ServerRoot, o.PythonExecutable, o.Apxs = "/w", true, true, "/r", "/usr/bin/python3", "/usr/bin/apxs"
	err := o.Check()
	for _, want := range []string{"--systemd: it is about this machine", "--server-root /r: it is", "--python-executable /usr/bin/python3: it is", "--apxs /usr/bin/apxs: it is", "--dockerfile: it has no effect without --setup-only"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	o = base()
	o.WorkingDirectory, o.ErrorLogName = "/w", "e"
	if _, err := DescribeImage(o, surroundings()); err == nil || !strings.Contains(err.Error(), "--error-log-name e: it has no effect") {
		t.Errorf("what the container would refuse: %v", err)
	}
	o = base()
	o.WorkingDirectory, o.EnableProfiler = "/w", true
	if _, err := DescribeImage(o, surroundings()); err == nil || !strings.Contains(err.Error(), "debug mode") {
		t.Errorf("debug mode: %v", err)
	}
}

// What is allowed and probably not meant is said.
func TestDockerfileWarnings(t *testing.T) {
	for want, set := range map[string]func(o *Options){
		"nobody outside of the container":          func(o *Options) { o.Host = "127.0.0.1" },
		"--include-file /etc/x.conf: it is not":    func(o *Options) { o.IncludeFile = []string{"/etc/x.conf"} },
		"the private key becomes a part":           func(o *Options) { o.HTTPSPort, o.SSLCertificate = ptr(8443), "/home/me/site/tls" },
		"its page is for clients in the container": func(o *Options) { o.EnableTelemetry = true },
	} {
		if _, warnings := described(t, surroundings(), set); len(warnings) != 1 || !strings.Contains(warnings[0], want) {
			t.Errorf("%q, want %q", warnings, want)
		}
	}
	s := surroundings()
	s.Ignores = true
	m, err := DescribeImage(base(), s)
	if err != nil || len(m.Files) != 1 || !strings.Contains(strings.Join(m.Warnings, "\n"), ".dockerignore is yours") {
		t.Errorf("%v %q", err, m.Warnings)
	}
}

// What is left out of an image: its own description, secrets, environments.
func TestDockerignore(t *testing.T) {
	m, err := DescribeImage(base(), surroundings())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(m.Files[1].Data), "\n")
	for _, want := range []string{"Dockerfile", ".dockerignore", ".git", "**/.env", ".venv"} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %s in %q", want, lines)
		}
	}
	if slices.Contains(lines, "my env") || slices.Contains(lines, "mod_wsgi-express") {
		t.Errorf("%q", lines)
	}
}

// Packages alone are installed before the application is there, so that a change of
// it does not install them again.
func TestSelfContained(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "# a comment\n\nflask\nDjango>=5,<6 ; python_version < '3.14'  # why\n": true,
		"flask==3.1.0 \\\n    --hash=sha256:00\n": true, "--index-url https://example.com/simple\na\n": true,
		"-r more.txt\n": false, "-e .\n": false, "./lib\n": false, "lib/x.whl": false, "a @ file:///x": false, "--find-links wheels\n": false, "-c c.txt": false,
	} {
		if got := selfContained(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
	late := "-e .\n"
	s := surroundings()
	s.Requirements = &late
	if text, _ := described(t, s, func(*Options) {}); !strings.Contains(text, "COPY . /app/\nRUN pip install") {
		t.Errorf("what names files does not wait for them:\n%s", text)
	}
}

// The words come back, whatever a builder's continuation lines and JSON make of
// them.
func FuzzQuoteWords(f *testing.F) {
	for _, s := range odd {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted, err := quoteWords([]string{"a", s})
		if err != nil {
			return
		}
		var joined strings.Builder
		for line := range strings.SplitSeq(quoted, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				t.Fatalf("%q makes a comment: %s", s, quoted)
			}
			joined.WriteString(strings.TrimSuffix(strings.TrimRight(line, " \t"), `\`))
		}
		var list []string
		if err := json.Unmarshal([]byte(joined.String()), &list); err != nil || len(list) != 2 || list[1] != s {
			t.Fatalf("%q is read back as %q (%v) from %s", s, list, err, quoted)
		}
	})
}
