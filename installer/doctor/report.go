package doctor

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"modwsgi/apxs"
	"modwsgi/csrc"
	"modwsgi/internal/cli"
	"modwsgi/internal/distro"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Schemas are counted up when the meaning of a document changes.
const (
	resultsSchema  = 1
	findingsSchema = 1
	reportSchema   = 1
)

// Output says how results are told.
type Output struct {
	JSON   bool // one document, with the number of its schema
	Report bool // all facts as one document, for an issue (rule D-5)
	Redact Redactor
}

// Run examines this machine and writes what is wrong with it. The error has
// status 6 if something keeps the module from working; a report that was
// written is none.
func Run(ctx context.Context, r *run.Runner, want Request, out Output, to io.Writer) error {
	m, err := Examine(ctx, r, want)
	if err != nil {
		return err
	}
	results := Diagnose(m)
	switch {
	case out.Report:
		return report(ctx, r, m, results, out.Redact, to)
	case out.JSON:
		err = cli.JSON(to, struct {
			Schema  int      `json:"schema"`
			System  string   `json:"system"`
			Modules []Loaded `json:"modules"`
			Results []Result `json:"results"`
		}{resultsSchema, m.System.Name, out.Redact.modules(loaded(m)), append([]Result{}, out.Redact.Results(results)...)})
	default:
		err = printResults(to, out.Redact.Text(looked(m)), out.Redact.Results(results))
	}
	if err != nil {
		return err
	}
	return Unhealthy(results)
}

// Read explains the text of from, which is called name, and writes what is
// known. The error has status 1 if nothing is.
func Read(from io.Reader, messages map[string]Message, out Output, to io.Writer) error {
	found, err := Explain(from, distro.Here(), messages)
	if err != nil {
		return err
	}
	found = out.Redact.Findings(found)
	if out.JSON {
		return cli.JSON(to, struct {
			Schema   int       `json:"schema"`
			Findings []Finding `json:"findings"`
		}{findingsSchema, found})
	}
	return printFindings(to, found)
}

func printResults(to io.Writer, looked string, results []Result) error {
	var b strings.Builder
	fmt.Fprintln(&b, looked)
	for _, r := range results {
		fmt.Fprintf(&b, "\n%s  %s: %s\n  so:   %s\n", r.Code, r.Level, r.Saw, r.Why)
		for _, fix := range r.Fix {
			fmt.Fprintf(&b, "  fix:  %s\n", fix)
		}
	}
	if len(results) == 0 {
		fmt.Fprintln(&b, "Nothing is wrong with it.")
	}
	_, err := io.WriteString(to, b.String())
	return err
}

func printFindings(to io.Writer, found []Finding) error {
	var b strings.Builder
	for i, f := range found {
		if i > 0 {
			fmt.Fprintln(&b)
		}
		name := f.Code
		if f.Number != "" && f.Number != f.Code {
			name += " (" + f.Number + ")"
		}
		fmt.Fprintf(&b, "%s  %s\n", name, f.Cause)
		for _, fix := range f.Fix {
			fmt.Fprintf(&b, "  fix:  %s\n", fix)
		}
		fmt.Fprintf(&b, "  line %d%s: %s\n", f.At, times(f.Times), f.Line)
	}
	_, err := io.WriteString(to, b.String())
	return err
}

// environment are the variables that decide what is found, built or loaded. Of
// others a report has nothing.
var environment = []string{
	"PATH", "APXS", "PYTHON", "CC", "CFLAGS", "CPPFLAGS", "LDFLAGS", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYENV_VERSION", "PYENV_ROOT",
	"UV_PYTHON_INSTALL_DIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONHOME", "PYTHONPATH", "TMPDIR", "LANG", "LC_ALL", "CI",
	"MODWSGI_APXS", "MODWSGI_PYTHON", "MODWSGI_APACHE_CONFIG", "MODWSGI_PYTHON_CONFIG", "MODWSGI_CACHE", "MODWSGI_BUILDER", "MODWSGI_RPATH", "MODWSGI_OFFLINE",
}

// report writes all facts as one document.
func report(ctx context.Context, r *run.Runner, m Machine, results []Result, redact Redactor, to io.Writer) error {
	set := map[string]string{}
	for _, name := range environment {
		if value := r.Getenv(name); value != "" {
			set[name] = value
		}
	}
	tree, err := redact.JSON(struct {
		Schema      int                 `json:"schema"`
		Version     string              `json:"version"`
		Go          string              `json:"go"`
		Platform    string              `json:"platform"`
		Root        bool                `json:"root"`
		Environment map[string]string   `json:"environment"`
		Results     []Result            `json:"results"`
		Machine     Machine             `json:"machine"`
		Apaches     []apxs.Candidate    `json:"apaches"`
		Pythons     []pybuild.Candidate `json:"pythons"`
	}{
		reportSchema, csrc.Version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, os.Geteuid() == 0,
		set, append([]Result{}, results...), m, apxs.Candidates(ctx, r), pybuild.Candidates(ctx, r),
	})
	if err != nil {
		return err
	}
	return cli.JSON(to, tree)
}
