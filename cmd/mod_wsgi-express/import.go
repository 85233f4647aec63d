package main

import (
	"errors"
	"io"
	"os"
	"slices"

	"modwsgi/expressgen"
	"modwsgi/internal/cli"
	"modwsgi/internal/hint"
	"modwsgi/internal/importers"
)

// importCommand is import.
type importCommand struct {
	From        string `placeholder:"FORMAT" help:"What the file is of: uwsgi, gunicorn or unit; otherwise its name says so."`
	Application string `placeholder:"NAME" help:"Of several applications in the JSON of NGINX Unit, the one to serve."`
	Python      string `default:"python3" placeholder:"PATH" help:"The Python that reads gunicorn.conf.py."`
	Execute     bool   `help:"Run gunicorn.conf.py, for ten seconds at most; otherwise what it says plainly is read and nothing of it is run."`
	JSON        bool   `name:"json" help:"Print everything as one JSON object."`
	File        string `arg:"" optional:"" name:"file" help:"uwsgi.ini, gunicorn.conf.py, or the JSON of NGINX Unit."`
}

func importGrammar() grammar { return grammarOf(importCommand{}, 1) }

// Run prints the command line that the file of another server becomes.
func (c *importCommand) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	if c.File == "" {
		return hint.Exit(errors.New("no file was given"), hint.Usage)
	}
	options := expressgen.Table()
	got, err := importers.Run(a.ctx, a.r, importers.Request{
		Path: c.File, Format: c.From, Application: c.Application, Python: c.Python, Execute: c.Execute, Getenv: os.LookupEnv,
		Option: func(name string) (there, many bool) {
			i := slices.IndexFunc(options, func(o expressgen.Option) bool { return o.Name == name })
			return i >= 0, i >= 0 && options[i].Many
		},
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return cli.JSON(os.Stdout, got)
	}
	_, err = io.WriteString(os.Stdout, got.Text())
	return err
}
