package installer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/apxs"
	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// BrokenVariable accepts a configuration that is wrong already without the lines
// under test: Apache refuses it, or another module has the place.
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
	c := configTest{prover: v, conf: conf, env: apxs.Environment(v.ctx, v.r, v.s.Apache)}
	l.Looked = []string{conf}
	if said, err := c.test(); err != nil {
		if strings.Contains(said, "Invalid command 'WSGI") && c.waiting(l) {
			return
		}
		as := "as it is, without the module"
		if v.s.InPlace {
			as = "with the module in place"
		}
		text := "Apache refuses " + conf + " " + as + ": " + whatSaid(said, err)
		if v.acceptsBroken() {
			l.Reason = text
			return
		}
		l.Wrong = append(l.Wrong, text)
		l.Advice = append(l.Advice, "mend that first: the module has no part in it; "+BrokenVariable+"=1 accepts it")
		return
	}
	scan, err := apxs.ScanConfig(conf, v.s.Apache.Root, c.env)
	if err != nil {
		l.wrong("", err)
		return
	}
	c.judge(l, scan.Loads("wsgi_module"))
}

// waiting is for a configuration that is refused since it has directives of the
// module already: whether it is accepted as soon as the module is there.
func (c configTest) waiting(l *LevelReport) bool {
	said, err := c.test(append(c.words("-C"), "-D", "DUMP_MODULES")...)
	if err != nil || !loadedLine.MatchString(said) {
		return false
	}
	l.heard(said)
	l.Warnings = append(l.Warnings, c.conf+" has directives of the module and does not load it: the lines that do have to stand before them")
	return true
}

// acceptsBroken tells whether what was wrong before does not count.
func (v *prover) acceptsBroken() bool {
	on := v.r.Getenv(BrokenVariable)
	return on != "" && on != "0"
}

// configTest is the server's own test of its configuration.
type configTest struct {
	*prover
	conf string
	env  map[string]string
}

// judge tests the configuration with the lines. Loads are its lines that load a
// wsgi_module.
func (c configTest) judge(l *LevelReport, loads []apxs.Directive) {
	ours := func(d apxs.Directive) bool { return same(c.file(d), c.s.Module) }
	words, placed := c.words("-c"), false
	if len(loads) > 0 && ours(loads[0]) { // in place, if no condition keeps the line from being read
		said, err := c.test("-D", "DUMP_MODULES")
		if placed = err == nil && loadedLine.MatchString(said); placed {
			words = nil
		}
	}
	said, err := c.test(words...)
	if err != nil {
		l.Wrong = append(l.Wrong, "with the module: "+whatSaid(said, err))
		return
	}
	if slices.ContainsFunc(strings.Split(said, "\n"), loadedTwice) {
		c.taken(l, slices.DeleteFunc(slices.Clone(loads), ours), placed)
		return
	}
	l.heard(said)
	said, err = c.test(append(words, "-D", "DUMP_MODULES")...)
	if err != nil {
		l.Wrong = append(l.Wrong, "listing the modules: "+whatSaid(said, err))
		return
	}
	if n := len(loadedLine.FindAllString(said, -1)); n != 1 {
		l.Wrong = append(l.Wrong, fmt.Sprintf("wsgi_module is listed %d times among the loaded modules", n))
	}
}

var loadedLine = pattern.New(`(?m)^\s*wsgi_module \(`)

// taken is for a configuration that loads another wsgi_module too; placed says
// that ours is the first. Whoever reads of it wants to know whether that is all: so
// one that comes second is tested in the other's place too, which it gets by being
// named before the configuration is read.
func (c configTest) taken(l *LevelReport, others []apxs.Directive, placed bool) {
	text := "the configuration loads wsgi_module more than once, and Apache passes over all but the first (AH01574)"
	if len(others) > 0 {
		text = fmt.Sprintf("%s loads another wsgi_module, %s", others[0].Place(), c.file(others[0]))
		if placed {
			text += ", which Apache passes over, since this one is the first (AH01574)"
		} else {
			text += ", and Apache keeps the first that is named: this one would be passed over (AH01574)"
		}
	}
	if !placed {
		if said, err := c.test(c.words("-C")...); err != nil {
			l.Wrong = append(l.Wrong, text, "in the other's place the configuration is refused: "+whatSaid(said, err))
			return
		}
		text += ". Nothing is wrong with this module: in the other's place the whole configuration is accepted with it"
	}
	if c.acceptsBroken() {
		l.Warnings = append(l.Warnings, text)
		return
	}
	l.Wrong = append(l.Wrong, text)
	l.Advice = append(l.Advice, freeing(others)+"; "+BrokenVariable+"=1 makes it a warning")
}

// freeing is how to make room for the module.
func freeing(others []apxs.Directive) string {
	switch {
	case len(others) == 0:
		return "keep one of the lines that load wsgi_module"
	case others[0].Enabled() != "":
		return "before the lines of this module go into the configuration: a2dismod " + others[0].Enabled() + " (a2enmod " + others[0].Enabled() + " undoes it)"
	}
	return "before the lines of this module go into the configuration, take out " + others[0].Place()
}

// file is what a LoadModule line loads.
func (c configTest) file(d apxs.Directive) string {
	file := d.Args[len(d.Args)-1]
	if !filepath.IsAbs(file) {
		file = filepath.Join(c.s.Apache.Root, file)
	}
	return file
}

// words name the lines under test, each behind option: -c reads them behind the
// configuration, -C before it.
func (c configTest) words(option string) []string {
	var words []string
	for _, line := range c.s.Lines {
		words = append(words, option, line)
	}
	return words
}

// test runs the server's own test. What it said comes back with the error.
func (c configTest) test(words ...string) (string, error) {
	var list []string
	for name, value := range c.env {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	args := append([]string{"-t", "-d", c.s.Apache.Root, "-f", c.conf}, words...)
	res, err := c.r.Run(c.ctx, run.Cmd{Path: c.s.Apache.Httpd, Args: args, Env: list, Timeout: loadTimeout})
	return res.Stdout + res.Stderr, err
}
