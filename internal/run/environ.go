package run

import (
	"os"
	"slices"
	"strings"
)

// dropped are the variables that change what a program loads or says: no
// answer we read may depend on them (rule T-7). A trailing * stands for any
// rest.
var dropped = []string{
	"LD_*", "DYLD_*",
	"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONEXECUTABLE",
	"PYTHONPLATLIBDIR", "PYTHONSAFEPATH", "PYTHONWARNINGS", "PYTHONCASEOK", "PYTHONVERBOSE",
	"PYTHONPROFILEIMPORTTIME", "PYTHONUTF8", "PYTHONIOENCODING", "__PYVENV_LAUNCHER__",
	"PERL5OPT", "PERL5LIB", "PERLLIB",
	"BASH_ENV", "ENV", "CDPATH",
	"LANG", "LANGUAGE", "LC_*",
}

// environ is the environment programs start with: the Runner's without what
// rule T-7 drops, and LC_ALL=C.
func (r *Runner) environ() []string {
	var out []string
	for _, kv := range r.base() {
		key, _, ok := strings.Cut(kv, "=")
		if ok && !drops(key) {
			out = append(out, kv)
		}
	}
	out = append(out, "LC_ALL=C")
	if r != nil && r.Offline {
		out = append(out, offlineEnv...)
	}
	return out
}

// offlineEnv keeps programs from downloading that would do so by the way.
var offlineEnv = []string{"GOPROXY=off", "GOTOOLCHAIN=local", "PIP_NO_INDEX=1"}

func drops(key string) bool {
	for _, name := range dropped {
		prefix, any := strings.CutSuffix(name, "*")
		if key == name || any && strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

func (r *Runner) base() []string {
	if r == nil || r.Env == nil {
		return os.Environ()
	}
	return r.Env
}

// With is a Runner of the same kind whose programs have further variables. What
// it refuses is not known to r.
func (r *Runner) With(env ...string) *Runner {
	return &Runner{Log: r.Log, Env: slices.Concat(r.base(), env), Offline: r.Offline, Dry: r.Dry}
}

// Getenv is the value of key in the environment the Runner starts from, "" when
// it is not set. Settings are read through it, so that a test needs no
// environment of its own.
func (r *Runner) Getenv(key string) string {
	env := r.base()
	for i := len(env) - 1; i >= 0; i-- { // the last one counts, as for exec
		if k, v, ok := strings.Cut(env[i], "="); ok && k == key {
			return v
		}
	}
	return ""
}
