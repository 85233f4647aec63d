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

// Why an apxs that is there does not answer.
var (
	errPerl   = errors.New("apxs is a Perl program, and perl is not installed")
	errNoVars = errors.New("the config_vars.mk that apxs reads is not there")
)

// answer is what apxs said of one variable.
type answer struct {
	value  string
	known  bool // there is such a variable
	failed bool // it was told all the same, and apxs ended with an error
}

// query asks the apxs program at path, which must be its real path, for one
// variable: several in one call come joined, and apxs takes whatever stands
// before its compiled-in folder in its own name as a root of everything. An exit
// status of 1 with text is an answer all the same; apxs gives it where
// apr-1-config is missing (rule A-4).
func query(ctx context.Context, r *run.Runner, path, name string) (answer, error) {
	res, err := r.Run(ctx, run.Cmd{Path: path, Args: []string{"-q", name}, Timeout: queryTimeout})
	value := strings.TrimSpace(res.Stdout)
	switch {
	case err == nil:
		return answer{value: value, known: true}, nil
	case strings.Contains(res.Stderr, "Invalid query string"):
		return answer{}, nil
	case res.Code == 1 && value != "":
		return answer{value: value, known: true, failed: true}, nil
	case strings.Contains(res.Stderr, "cannot open") && strings.Contains(res.Stderr, "config_vars.mk"):
		err = fmt.Errorf("%w (%w)", errNoVars, err)
	case res.Code == -1 && errors.Is(err, os.ErrNotExist),
		strings.Contains(res.Stderr, "perl: not found"),
		strings.Contains(res.Stderr, "perl") && strings.Contains(res.Stderr, "No such file"):
		err = fmt.Errorf("%w (%w)", errPerl, err)
	}
	return answer{}, fmt.Errorf("asking apxs for %s: %w", name, err)
}

// witness answers for the variables of one Apache: from its config_vars.mk
// where there is one, else from its apxs (rule A-3).
type witness struct {
	r    *run.Runner
	apxs string // real path
	file string // its config_vars.mk, "" when not found
	vars Vars
	err  error // why apxs cannot be asked; nil when it can

	unknown     []string // references nothing stands for
	noAprConfig bool     // apxs answered, and failed for want of apr-1-config
	told        map[string]string
}

// buildDirs are where distributions keep config_vars.mk.
var buildDirs = []string{
	"/usr/share/apache2/build", "/usr/share/apache2/build-1", "/usr/lib64/httpd/build",
	"/usr/lib/httpd/build", "/usr/share/httpd/build", "/usr/local/share/apache24/build",
}

// nearDirs are the same folders beside the one that apxs is in.
var nearDirs = []string{
	"build", "share/apache2/build", "share/apache2/build-1", "lib64/httpd/build", "lib/httpd/build",
	"share/httpd/build", "share/apache24/build", "share/build",
}

// near are the nearDirs of a folder of programs.
func near(bin string) []string {
	var list []string
	for _, dir := range nearDirs {
		list = append(list, filepath.Join(filepath.Dir(bin), dir))
	}
	return list
}

// newWitness finds the config_vars.mk of the apxs at path. One of the usual
// places serves only if it names this apxs's folder: it may be another Apache's.
// The error is that of apxs when neither it nor a file tells anything.
func newWitness(ctx context.Context, r *run.Runner, path, root string) (*witness, error) {
	w := &witness{r: r, apxs: path, told: map[string]string{}}
	said, err := query(ctx, r, path, "installbuilddir")
	w.noAprConfig = said.failed
	if w.err = err; err == nil && said.value != "" {
		if w.read(filepath.Join(said.value, "config_vars.mk")) {
			return w, nil
		}
	}
	bin := filepath.Dir(path)
	for _, dir := range append(near(bin), rooted(root, buildDirs)...) {
		if !w.read(filepath.Join(dir, "config_vars.mk")) {
			continue
		}
		if slices.Contains([]string{w.value("exp_bindir"), w.value("exp_sbindir"), w.value("bindir"), w.value("sbindir")}, bin) {
			return w, nil
		}
		w.file, w.vars, w.unknown = "", nil, nil
	}
	return w, w.err
}

func (w *witness) read(file string) bool {
	text, err := readText(file)
	if err != nil {
		return false
	}
	w.file, w.vars = file, ParseVars(text)
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
		for _, form := range []string{name, strings.ToLower(name)} { // apxs knows some only in small letters
			if value := w.asked(ctx, form); value != "" {
				return value, FromApxs
			}
		}
	}
	return "", ""
}

// asked is what apxs says of a variable; nothing is asked twice.
func (w *witness) asked(ctx context.Context, name string) string {
	if value, ok := w.told[name]; ok {
		return value
	}
	said, err := query(ctx, w.r, w.apxs, name)
	w.noAprConfig = w.noAprConfig || said.failed
	if err != nil {
		said.value = ""
	}
	w.told[name] = said.value
	return said.value
}
