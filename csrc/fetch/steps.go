package fetch

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Steps says what [Options.Folder] would do for a source, without doing it or
// asking anybody: for a dry run. What would be refused is the error.
func (o Options) Steps(s Source) ([]string, error) {
	at := s.At
	switch s.Kind {
	case Embedded:
		return nil, o.takesOwn()
	case Dir:
		if err := o.needsArchive(s); err != nil || o.Patches == "" {
			return nil, err // without patches it is taken as it is
		}
		return o.unpackStep("read " + at), nil
	case File:
		return o.unpackStep("read " + at), nil
	case Git:
		if err := o.needsArchive(s); err != nil {
			return nil, err
		}
		return o.unpackStep(fmt.Sprintf("git fetch %s %s", at, s.Ref)), nil
	case Release:
		folder, name := o.releaseAt(s.At)
		at = folder + name
	}
	want, err := o.expected(s)
	if (s.Kind == PyPI || s.Kind == Release) && errors.Is(err, errNoSum) {
		want, err = "", nil // the index or the sums file will say it
	}
	if err != nil && !o.AllowUnverified {
		return nil, err
	}
	if _, ok := o.stored(want); ok {
		_, digits, _ := strings.Cut(want, ":")
		return o.unpackStep("take " + filepath.Join(o.Cache, "archives", digits)), nil
	}
	var steps []string
	if s.Kind == PyPI {
		at = "mod_wsgi " + s.At + " from the package index"
	}
	steps = append(steps, "download "+at)
	if want != "" {
		steps = append(steps, "compare it with "+want)
	}
	if o.Cache != "" {
		steps = append(steps, "keep it in "+filepath.Join(o.Cache, "archives"))
	}
	return o.unpackStep(steps...), nil
}

// unpackStep adds what becomes of a tree that was brought.
func (o Options) unpackStep(steps ...string) []string {
	if o.Patches != "" {
		steps = append(steps, "apply the patches in "+o.Patches)
	}
	return append(steps, "unpack it into "+filepath.Join(o.Cache, "sources"))
}
