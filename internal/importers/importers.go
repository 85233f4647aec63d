// Package importers turns the configuration of another server of WSGI
// applications into a command line of mod_wsgi-express.
//
// It reads uwsgi.ini, gunicorn.conf.py and the JSON of NGINX Unit. Every setting
// that a file has leads to one [Finding] at least: the words it becomes, that it
// needs none, or why there is no equal. Nothing is dropped in silence.
package importers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Formats that can be read.
const (
	UWSGI    = "uwsgi"
	Gunicorn = "gunicorn"
	Unit     = "unit"
)

// maxFile is the largest file that is read.
const maxFile = 1 << 20

// Request is what to read, and with what.
type Request struct {
	Path   string // the file
	Format string // one of the formats; "": by the file's name

	Application string // of several applications the one to serve; "": the first

	Python  string // interpreter that reads gunicorn.conf.py; "": python3
	Execute bool   // run gunicorn.conf.py instead of reading what it says literally

	Option func(name string) (there, many bool)  // whether there is such an option, and each use of it counts; nil: all are there, once
	Getenv func(name string) (string, bool)      // the environment that a file may refer to; nil: none
	Read   func(path string) ([]byte, error)     // nil: from the disk
	Exists func(path string) (os.FileMode, bool) // nil: on the disk
}

// Verdict is what becomes of a setting.
type Verdict string

const (
	Taken   Verdict = "taken"    // it is words of the command line
	Same    Verdict = "same"     // it needs none: ours does so anyway
	NoEqual Verdict = "no equal" // it is lost, or to be done by hand
)

// Finding is one setting of a file and what becomes of it.
type Finding struct {
	Setting string   `json:"setting"`
	Value   string   `json:"value"`
	Place   string   `json:"place"` // file and line, or path in the document
	Verdict Verdict  `json:"verdict"`
	Words   []string `json:"words,omitempty"` // of the command line
	Why     string   `json:"why,omitempty"`   // what differs, or what to do
}

// Import is what a file becomes.
type Import struct {
	Format   string    `json:"format"`
	Words    []string  `json:"command"`           // behind mod_wsgi-express: start-server, options, application
	Envvars  []string  `json:"envvars,omitempty"` // lines for the file that --envvars-script names
	Findings []Finding `json:"findings"`

	lines [][]string // Words, an option with its values on each
}

// Run reads the file of q.
func Run(ctx context.Context, r *run.Runner, q Request) (Import, error) {
	q = q.withDefaults()
	format, err := q.format()
	if err != nil {
		return Import{}, err
	}
	data, err := q.Read(q.Path)
	if err != nil {
		return Import{}, fmt.Errorf("reading %s: %w", q.Path, err)
	}
	t := newTarget(q)
	switch format {
	case UWSGI:
		err = importUWSGI(t, data)
	case Gunicorn:
		err = importGunicorn(ctx, r, t)
	case Unit:
		err = importUnit(t, data)
	}
	if err != nil {
		return Import{}, fmt.Errorf("reading %s: %w", q.Path, err)
	}
	return t.result(format), nil
}

func (q Request) withDefaults() Request {
	if q.Option == nil {
		q.Option = func(string) (there, many bool) { return true, false }
	}
	if q.Getenv == nil {
		q.Getenv = func(string) (string, bool) { return "", false }
	}
	if q.Read == nil {
		q.Read = readFile
	}
	if q.Exists == nil {
		q.Exists = func(path string) (os.FileMode, bool) {
			info, err := os.Stat(path)
			if err != nil {
				return 0, false
			}
			return info.Mode(), true
		}
	}
	if q.Python == "" {
		q.Python = "python3"
	}
	return q
}

// format is what was asked for, else what the name of the file says.
func (q Request) format() (string, error) {
	switch q.Format {
	case UWSGI, Gunicorn, Unit:
		return q.Format, nil
	case "":
	default:
		return "", hint.Exit(hint.New(fmt.Errorf("no such format: %s", q.Format), "formats are uwsgi, gunicorn and unit"), hint.Usage)
	}
	switch strings.ToLower(filepath.Ext(q.Path)) {
	case ".ini":
		return UWSGI, nil
	case ".py":
		return Gunicorn, nil
	case ".json":
		return Unit, nil
	}
	return "", hint.Exit(hint.New(fmt.Errorf("%s: what it is of is not clear from its name", q.Path),
		"say it: --from uwsgi, gunicorn or unit"), hint.Usage)
}

// readFile reads a plain file of sensible size: a device or a pipe that somebody
// named in a configuration is not waited for.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}
