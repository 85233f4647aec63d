package apxs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// Report is what httpd -V says.
type Report struct {
	Version  string            // "2.4.65"
	MMN      MMN               // without cookie
	MPM      string            // "" when it does not say
	Compiled map[string]string // "-D NAME=value" of the compile block; "" for one without a value

	guessed bool // the MPM is not the server's own word
}

var (
	versionLine = pattern.New(`(?m)^Server version:[ \t]+\S*/(\d+(?:\.\d+)+)`)
	mmnLine     = pattern.New(`(?m)^Server's Module Magic Number:[ \t]+(\d{1,9}):(\d{1,9})`)
	mpmLine     = pattern.New(`(?m)^Server MPM:[ \t]+(\w+)`)
	compiledIn  = pattern.New(`(?m)^ -D (\w+)(?:=(.*))?`)
)

// ParseReport reads the output of httpd -V, whatever its exit status was. ok is
// false if it is not that: some control programs answer for the init system.
func ParseReport(text string) (rep Report, ok bool) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	m := versionLine.FindStringSubmatch(text)
	if m == nil {
		return rep, false
	}
	rep.Version = m[1]
	if m := mmnLine.FindStringSubmatch(text); m != nil {
		rep.MMN.Major, _ = strconv.Atoi(m[1]) // nine digits at most: it fits
		rep.MMN.Minor, _ = strconv.Atoi(m[2])
	}
	if m := mpmLine.FindStringSubmatch(text); m != nil {
		rep.MPM = strings.ToLower(m[1])
	}
	rep.Compiled = map[string]string{}
	for _, m := range compiledIn.FindAllStringSubmatch(text, -1) {
		value := m[2]
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		rep.Compiled[m[1]] = value
	}
	return rep, true
}

// whole tells whether the compile block was printed to its end.
func (r Report) whole() bool { return confFile(r) != "" }

// binaryTimeout is ample for a server that only prints.
const binaryTimeout = 30 * time.Second

// askBinary runs httpd -V as its control program would run it: in the
// environment its envvars file makes, without which a configuration may not be
// readable and the MPM stays blank. Where that gives no answer it is run as it
// is, then through the control program; an MPM still not known is looked for
// elsewhere (rule A-8). What a person has set plays no part. The error says why there is no report.
func askBinary(ctx context.Context, r *run.Runner, httpd, confDir, root string) (Report, error) {
	r = bare(r)
	rep, err := withEnvvars(ctx, r, httpd, confDir)
	if err == nil && rep.MPM != "" {
		return rep, nil
	}
	rep, err = version(ctx, r, httpd, "-V")
	if err != nil || rep.MPM == "" {
		if again, againErr := byControl(ctx, r, httpd, confDir); againErr == nil {
			rep, err = again, nil
		}
	}
	if err == nil && rep.MPM == "" {
		rep.MPM, rep.guessed = guessMPM(ctx, r, httpd, confDir, root, rep)
	}
	return rep, err
}

// version reads what a program answers. With an exit status other than 0 the
// answer counts if it is whole: a server says all this, and fails, where its
// configuration is broken.
func version(ctx context.Context, r *run.Runner, path string, args ...string) (Report, error) {
	res, err := r.Run(ctx, run.Cmd{Path: path, Args: args, Timeout: binaryTimeout})
	if rep, ok := ParseReport(res.Stdout); ok && (err == nil || rep.whole()) {
		return rep, nil
	}
	if err == nil {
		err = errors.New("it does not answer as httpd does")
	}
	return Report{}, fmt.Errorf("asking %s for its version: %w", path, err)
}

// sourced runs its second and further arguments in the environment that its
// first, a file of shell assignments, makes.
const sourced = `. "$1" && shift && exec "$@"`

// errNoWay: there is no such file or program to ask by.
var errNoWay = errors.New("nothing to ask by")

// withEnvvars asks httpd in the environment of its envvars file.
func withEnvvars(ctx context.Context, r *run.Runner, httpd, confDir string) (Report, error) {
	if file := envvars(httpd, confDir); file != "" {
		return version(ctx, r, "/bin/sh", "-c", sourced, "sh", file, httpd, "-V")
	}
	return Report{}, errNoWay
}

// byControl asks the control program. One whose envvars file was read is not
// asked: it does nothing else with -V, but Debian's makes folders first.
func byControl(ctx context.Context, r *run.Runner, httpd, confDir string) (Report, error) {
	if envvars(httpd, confDir) != "" {
		return Report{}, errNoWay
	}
	for _, name := range []string{"apachectl", "apache2ctl"} {
		if ctl := filepath.Join(filepath.Dir(httpd), name); fsx.IsFile(ctl) {
			return version(ctx, r, ctl, "-V")
		}
	}
	return Report{}, errNoWay
}

func envvars(httpd, confDir string) string {
	for _, dir := range []string{confDir, filepath.Dir(httpd)} {
		if file := filepath.Join(dir, "envvars"); dir != "" && fsx.IsFile(file) {
			return file
		}
	}
	return ""
}

// unknownMPM is said where nothing tells the MPM.
const unknownMPM = "unknown"

var (
	builtIn    = pattern.New(`(?m)^[ \t]*(event|worker|prefork)\.c\b`)
	loadedMPM  = pattern.New(`(?m)^[ \t]*mpm_(event|worker|prefork)_module\b`)
	queriedMPM = pattern.New(`(?m)^(event|worker|prefork)\b`)
)

// guessMPM finds the MPM of a server whose -V, rep, does not say it, or
// "unknown". guessed tells that the server did not say that either.
func guessMPM(ctx context.Context, r *run.Runner, httpd, confDir, root string, rep Report) (mpm string, guessed bool) {
	ways := []struct {
		path, arg string
		found     *pattern.Late
	}{
		{httpd, "-l", builtIn},
		{httpd, "-M", loadedMPM},
	}
	if fsx.IsFile(filepath.Join(confDir, "mods-available", "mpm_event.load")) {
		ways = append(ways, struct {
			path, arg string
			found     *pattern.Late
		}{filepath.Join(root, "/usr/sbin/a2query"), "-M", queriedMPM})
	}
	for _, way := range ways {
		res, _ := r.Run(ctx, run.Cmd{Path: way.path, Args: []string{way.arg}, Timeout: binaryTimeout})
		if m := way.found.FindStringSubmatch(res.Stdout); m != nil {
			return m[1], false
		}
	}
	return scanMPM(rep, confDir, environment(ctx, r, httpd, confDir)), true
}

// scanMPM reads the LoadModule lines of the configuration.
func scanMPM(rep Report, confDir string, env map[string]string) string {
	conf, root := confFile(rep), rep.Compiled["HTTPD_ROOT"]
	if conf == "" {
		conf, root = filepath.Join(confDir, "httpd.conf"), confDir
	}
	scan, err := ScanConfig(conf, root, env)
	if mpm := scan.MPM(); err == nil && mpm != "" {
		return mpm
	}
	return unknownMPM
}
