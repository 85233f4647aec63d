package verbs

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"modwsgi/csrc/fetch"
	"modwsgi/internal/hint"
)

// fetched is where a tree came from and where it is, as JSON has it.
type fetched struct {
	Schema     int    `json:"schema"`
	Source     string `json:"source"`
	Version    string `json:"version"`
	Archive    string `json:"archive,omitempty"` // its checksum
	Commit     string `json:"commit,omitempty"`
	Tree       string `json:"tree"`
	Folder     string `json:"folder"`
	Unverified bool   `json:"unverified"`
}

// Fetch fetches a source tree, keeps it and says what it is.
func Fetch(source string) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error { return fetchTree(ctx, j, source) }
}

func fetchTree(ctx context.Context, j *Job, source string) error {
	s, err := fetch.Parse(source, fetch.IsDir)
	if err != nil {
		return err
	}
	if s.Kind == fetch.Embedded {
		return hint.Exit(fmt.Errorf("nothing is to be fetched: name a source"), hint.Usage)
	}
	o, err := fetch.FromEnvironment(j.R, j.Agent())
	if err != nil {
		return err
	}
	o.Update = j.On("update")
	if j.Dry() {
		steps, err := o.Steps(s)
		if err != nil {
			return err
		}
		if o.Update {
			steps = append(steps, "write "+fetch.LockFile)
		}
		return j.Plan(steps)
	}
	began := time.Now()
	dir, origin, err := o.Folder(ctx, s)
	if err != nil {
		return err
	}
	if o.Update {
		if err := o.Lock.With(origin).Write(fetch.LockFile); err != nil {
			return err
		}
	}
	f := fetched{1, s.String(), origin.Version, origin.Sum, origin.Commit, origin.Tree, dir, origin.Unverified}
	return j.Print(f, func(w io.Writer) error { return f.print(w, time.Since(began)) })
}

func (f fetched) print(w io.Writer, took time.Duration) error {
	var b strings.Builder
	fmt.Fprintf(&b, "mod_wsgi %s from %s, %.1f s\n", f.Version, f.Source, took.Seconds())
	for _, row := range []struct{ name, value string }{
		{"archive", f.Archive}, {"commit", f.Commit}, {"tree", f.Tree}, {"folder", f.Folder},
	} {
		if row.value != "" {
			fmt.Fprintf(&b, "  %-8s %s\n", row.name, row.value)
		}
	}
	if f.Unverified {
		b.WriteString("  unverified: no checksum of it was known\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
