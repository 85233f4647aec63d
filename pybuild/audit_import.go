package pybuild

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"modwsgi/internal/run"
)

//go:embed audit_import.py
var importScript string

// importSeconds is for one import in one kind of interpreter; all of them
// together have importTimeout.
const (
	importSeconds = 30
	importTimeout = 30 * time.Minute
)

// siteFacts are where an interpreter has its packages.
type siteFacts struct {
	Version  string   `json:"version"`
	Minor    int      `json:"minor"`
	Free     bool     `json:"free"`
	Folders  []string `json:"folders"`
	Suffixes []string `json:"suffixes"`
}

// order is what audit_import.py is told.
type order struct {
	Modules []string `json:"modules"`
	Seconds int      `json:"seconds"`
}

// askSite asks the interpreter at path, with its environment's packages in
// place, where those are.
func askSite(ctx context.Context, r *run.Runner, path string) (siteFacts, error) {
	var site siteFacts
	lines, err := runImports(ctx, r, path, order{})
	if err == nil && len(lines) == 0 {
		err = errors.New("it does not answer as Python does")
	}
	if err == nil {
		err = json.Unmarshal([]byte(lines[0]), &site)
	}
	if err != nil {
		return site, fmt.Errorf("asking %s for its packages: %w", path, err)
	}
	return site, nil
}

// runImports runs the script in the interpreter at path and returns the lines of
// its answer.
func runImports(ctx context.Context, r *run.Runner, path string, o order) ([]string, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	res, err := r.Run(ctx, run.Cmd{
		Path: path, Args: []string{"-I", "-c", importScript}, Stdin: strings.NewReader(string(text)), Timeout: importTimeout,
	})
	var failed *run.Error
	if errors.As(err, &failed) {
		failed.Line = run.Line(path, "-I", "-c", "…") // the script would bury the message
	}
	if err != nil {
		return nil, err
	}
	var lines []string
	for s := bufio.NewScanner(strings.NewReader(res.Stdout)); s.Scan(); {
		if strings.HasPrefix(s.Text(), "{") {
			lines = append(lines, s.Text())
		}
	}
	return lines, nil
}

// importAll imports each module in each kind of interpreter that this Python has
// and puts down what became of it.
func importAll(ctx context.Context, r *run.Runner, path string, modules []Extension) error {
	o := order{Seconds: importSeconds}
	at := map[string]*Imports{}
	for i := range modules {
		o.Modules = append(o.Modules, modules[i].Module)
		at[modules[i].Module] = &modules[i].Imports
	}
	lines, err := runImports(ctx, r, path, o)
	if err != nil {
		return fmt.Errorf("importing the extension modules: %w", err)
	}
	for _, line := range lines[min(1, len(lines)):] {
		var said struct{ Module, Mode, Result string }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			return fmt.Errorf("reading what became of an import: %w", err)
		}
		into := at[said.Module]
		if into == nil {
			continue
		}
		switch said.Mode {
		case "main":
			into.Main = said.Result
		case "shared":
			into.Shared = said.Result
		case "own":
			into.Own = said.Result
		case "free":
			into.Free = said.Result
		}
	}
	return nil
}
