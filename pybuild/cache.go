package pybuild

import (
	"context"

	"modwsgi/internal/run"
)

// LoaderCache is what the system's dynamic loader finds by a library's name
// alone: files in its order, of every machine that it serves. It is empty where
// the loader keeps no list, as with musl.
func LoaderCache(ctx context.Context, r *run.Runner) map[string][]string {
	l := &loader{root: "/"}
	l.ask(ctx, r)
	return l.cache
}
