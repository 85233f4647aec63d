package apxs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modwsgi/internal/run"
)

// queryTimeout is ample for a Perl program that prints one line.
const queryTimeout = 30 * time.Second

// errPerl says why an apxs that is there does not start.
var errPerl = errors.New("apxs is a Perl program, and perl is not installed")

// query asks the apxs program at path, which must be its real path, for one
// variable: several in one call come joined, and apxs takes whatever stands
// before its compiled-in folder in its own name as a root of everything. ok is
// false if apxs knows no such variable. An exit status of 1 with text is an
// answer all the same; apxs gives it where apr-1-config is missing (rule A-4).
func query(ctx context.Context, r *run.Runner, path, name string) (value string, ok bool, err error) {
	res, err := r.Run(ctx, run.Cmd{Path: path, Args: []string{"-q", name}, Timeout: queryTimeout})
	value = strings.TrimSpace(res.Stdout)
	switch {
	case err == nil:
		return value, true, nil
	case strings.Contains(res.Stderr, "Invalid query string"):
		return "", false, nil
	case res.Code == 1 && value != "":
		return value, true, nil
	case res.Code == -1 && errors.Is(err, os.ErrNotExist),
		strings.Contains(res.Stderr, "perl: not found"),
		strings.Contains(res.Stderr, "perl") && strings.Contains(res.Stderr, "No such file"):
		err = fmt.Errorf("%w (%w)", errPerl, err)
	}
	return "", false, fmt.Errorf("asking apxs for %s: %w", name, err)
}

// witness answers for the variables of one Apache: from its config_vars.mk
// where there is one, else from its apxs (rule A-3).
type witness struct {
	r    *run.Runner
	apxs string // real path
	file string // its config_vars.mk, "" when not found
	vars Vars
	err  error // why apxs cannot be asked; nil when it can

	unknown []string // references nothing stands for
}

// buildDirs are where distributions keep config_vars.mk.
var buildDirs = []string{
	"/usr/share/apache2/build", "/usr/share/apache2/build-1", "/usr/lib64/httpd/build",
	"/usr/lib/httpd/build", "/usr/share/httpd/build", "/usr/local/share/apache24/build",
}

// newWitness finds the config_vars.mk of the apxs at path. One of the usual
// places serves only if it names this apxs's folder: it may be another Apache's.
// The error is that of apxs when neither it nor a file tells anything.
func newWitness(ctx context.Context, r *run.Runner, path, root string) (*witness, error) {
	w := &witness{r: r, apxs: path}
	dir, _, err := query(ctx, r, path, "installbuilddir")
	if w.err = err; err == nil && dir != "" {
		if w.read(filepath.Join(dir, "config_vars.mk")) {
			return w, nil
		}
	}
	bin := filepath.Dir(path)
	for _, dir := range append([]string{filepath.Join(filepath.Dir(bin), "build")}, rooted(root, buildDirs)...) {
		if !w.read(filepath.Join(dir, "config_vars.mk")) {
			continue
		}
		if slices.Contains([]string{w.value("exp_bindir"), w.value("exp_sbindir"), w.value("bindir"), w.value("sbindir")}, bin) {
			return w, nil
		}
		w.file, w.vars = "", nil
	}
	return w, w.err
}

func (w *witness) read(file string) bool {
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	w.file, w.vars = file, ParseVars(string(data))
	return len(w.vars) > 0
}

// value is what the file alone says.
func (w *witness) value(name string) string {
	value, unknown, _ := w.vars.Get(name)
	for _, u := range unknown {
		if !slices.Contains(w.unknown, u) {
			w.unknown = append(w.unknown, u)
		}
	}
	return value
}

// ask returns the first of names that has a value, by either witness; "" when
// none has. The file's exp_ forms hold what was expanded when it was installed.
func (w *witness) ask(ctx context.Context, names ...string) (string, Provenance) {
	for _, name := range names {
		for _, form := range []string{"exp_" + strings.ToLower(name), name, strings.ToLower(name)} {
			if value := w.value(form); value != "" {
				return value, FromFile
			}
		}
	}
	if w.err != nil {
		return "", ""
	}
	for _, name := range names {
		// In a file that was read an empty variable is an answer.
		if _, known := w.vars[name]; known {
			continue
		}
		if value, _, err := query(ctx, w.r, w.apxs, name); err == nil && value != "" {
			return value, FromApxs
		}
	}
	return "", ""
}
