package installer

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/internal/run"
)

// BrokenVariable accepts a configuration that Apache refuses already without the
// lines under test.
const BrokenVariable = "MODWSGI_ACCEPT_BROKEN_CONFIG"

// config lets the real server read its real configuration, with the lines under
// test behind it (rule V-5). The lines are words of its command line, so that no
// file changes; with -t it opens no port and no log and writes no pid (rule V-10).
func (v *prover) config(l *LevelReport) {
	conf := v.s.Apache.ConfFile
	if _, err := os.Stat(conf); conf == "" || err != nil {
		l.Reason = "this Apache has no configuration of its own"
		return
	}
	env := apxs.Environment(v.ctx, v.r, v.s.Apache)
	before, err := v.test(env)
	if err != nil {
		text := "Apache refuses " + conf + " as it is, without the module: " + firstLine(before, err)
		if on := v.r.Getenv(BrokenVariable); on != "" && on != "0" {
			l.Reason = text
		} else {
			l.Wrong = append(l.Wrong, text+" ("+BrokenVariable+"=1 accepts that)")
		}
		return
	}
	l.Looked = []string{conf}
	words, err := v.proposed(conf, env)
	if err != nil {
		l.wrong(conf, err)
		return
	}
	said, err := v.test(env, words...)
	if err != nil {
		l.wrong("with the module", fmt.Errorf("%s", firstLine(said, err)))
		return
	}
	l.heard(said)
	said, err = v.test(env, append(words, "-D", "DUMP_MODULES")...)
	if err != nil {
		l.wrong("listing the modules", err)
		return
	}
	if n := len(loadedLine.FindAllString(said, -1)); n != 1 {
		l.Wrong = append(l.Wrong, fmt.Sprintf("wsgi_module is listed %d times among the loaded modules", n))
	}
}

var loadedLine = regexp.MustCompile(`(?m)^\s*wsgi_module \(`)

// proposed are the words that add the lines under test: none if the configuration
// loads this very file already.
func (v *prover) proposed(conf string, env map[string]string) ([]string, error) {
	scan, err := apxs.ScanConfig(conf, v.s.Apache.Root, env)
	if err != nil {
		return nil, err
	}
	for _, d := range scan.Loads("wsgi_module") {
		file := d.Args[len(d.Args)-1]
		if !filepath.IsAbs(file) {
			file = filepath.Join(v.s.Apache.Root, file)
		}
		if same(file, v.s.Module) {
			return nil, nil
		}
	}
	var words []string
	for _, line := range v.s.Lines {
		words = append(words, "-c", line)
	}
	return words, nil
}

// test runs the server's own test of its configuration. What it said comes back
// with the error.
func (v *prover) test(env map[string]string, words ...string) (string, error) {
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	res, err := v.r.Run(v.ctx, run.Cmd{Path: v.s.Apache.Httpd, Args: append([]string{"-t"}, words...), Env: list, Timeout: loadTimeout})
	return res.Stdout + res.Stderr, err
}

// firstLine is what was said, as far as it says what is wrong.
func firstLine(said string, err error) string {
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "AH00558") { // that no name of the server is known
			return line
		}
	}
	return err.Error()
}
