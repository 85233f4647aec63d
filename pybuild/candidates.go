package pybuild

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// Candidate is one Python that was come across.
type Candidate struct {
	Executable string   `json:"executable"`
	ID         string   `json:"id"`                       // "cp313t-x86_64-linux-gnu", "" when that could not be learnt
	Source     string   `json:"source"`                   // how it was found: "PATH", "uv", …
	Usable     bool     `json:"usable"`                   // it can be built for
	Default    bool     `json:"default"`                  // it is taken when none is named
	Why        string   `json:"why"`                      // its version, or why it is not usable
	Advice     string   `json:"advice,omitempty"`         // what to type or change, of one that is not usable
	Select     string   `json:"select"`                   // the setting that chooses it: "PYTHON=/usr/bin/python3"
	Of         string   `json:"environment_of,omitempty"` // the executable of the candidate that a virtual environment was made from
	Notes      []string `json:"notes,omitempty"`          // what is to be known of a usable one
	Info       *Info    `json:"info,omitempty"`

	kept bool // as in place
	err  error
}

// Candidates lists every Python of this machine in the order of rule P-2, and
// marks the one that [Find] takes when it is asked for none.
func Candidates(ctx context.Context, r *run.Runner) []Candidate {
	return newFinder(r).candidates(ctx)
}

func (f *finder) candidates(ctx context.Context) []Candidate {
	list := f.collect(ctx)
	for i := range list {
		list[i].Notes = f.remarks(list[i])
	}
	if i := f.preferred(list); i >= 0 {
		list[i].Default = list[i].Usable
	}
	return list
}

// remarks are what is to be known of a usable candidate, whether it is asked for
// or not.
func (f *finder) remarks(c Candidate) []string {
	if !c.Usable {
		return nil
	}
	notes := slices.Clone(c.Info.Notes)
	for _, err := range []error{special(*c.Info), f.private(*c.Info)} {
		if err != nil {
			notes = append(notes, err.Error())
		}
	}
	return notes
}

// preferred is the index of the one that find takes, -1 for none of them.
func (f *finder) preferred(list []Candidate) int {
	text, source := f.asked("")
	if text == "" && f.r.Getenv(recordSetting) != "" {
		return -1
	}
	if text == "" {
		for _, kept := range []bool{false, true} {
			if i := slices.IndexFunc(list, func(c Candidate) bool {
				return c.Usable && c.kept == kept && f.unwanted(*c.Info, c.Source) == nil
			}); i >= 0 {
				return i
			}
		}
		return -1
	}
	req, err := parseRequest(text)
	if err == nil && req.isVersion() {
		return f.match(list, req)
	}
	return slices.IndexFunc(list, func(c Candidate) bool { return c.Source == source })
}

// probesAtOnce is how many interpreters are started together.
const probesAtOnce = 4

// collect describes all there are, each once (rule P-4).
func (f *finder) collect(ctx context.Context) []Candidate {
	var list []Candidate
	places := f.distinct()
	if text, source := f.asked(""); source != "" {
		req, err := parseRequest(text)
		var path string
		if err == nil && !req.isVersion() {
			path, err = f.lookUp(req)
		}
		switch {
		case err != nil:
			list = append(list, Candidate{Executable: text, Source: source, Info: &Info{}, Why: err.Error(), Advice: hint.Of(err), Select: source + "=" + words.Quote(text), err: err})
		case path != "":
			places = append([]place{{path: path, source: source}}, places...)
		}
	}
	list = append(list, f.describeAll(ctx, places)...)
	return f.link(ctx, unique(list))
}

func (f *finder) describeAll(ctx context.Context, places []place) []Candidate {
	f.loader.ask(ctx, f.r) // before several would
	list := make([]Candidate, len(places))
	slots := make(chan struct{}, probesAtOnce)
	var wait sync.WaitGroup
	for i, at := range places {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			list[i] = f.candidate(ctx, at)
		})
	}
	wait.Wait()
	return list
}

// unique drops what leads to the same installation or environment as an earlier
// one. A shim or a wrapper may have led to what is there under its own name, and
// one installation may have several: python3 and python3.13t can be two files.
func unique(list []Candidate) []Candidate {
	type identity struct{ prefix, base, abi string }
	known := map[identity]bool{}
	return slices.DeleteFunc(list, func(c Candidate) bool {
		if c.Info.Version == "" { // it did not say what it is
			return isShim(c.Executable)
		}
		id := identity{c.Info.Prefix, c.Info.BasePrefix, cmp.Or(c.ID, c.Info.Version)}
		again := known[id]
		known[id] = true
		return again
	})
}

// link notes of each environment what it is one of. An interpreter that was come
// across in no other way joins the list behind its environment.
func (f *finder) link(ctx context.Context, list []Candidate) []Candidate {
	var out []Candidate
	for _, c := range list {
		if c.Info.Environment == nil || c.Info.Version == "" {
			out = append(out, c)
			continue
		}
		for _, b := range slices.Concat(out, list) {
			if b.isBaseOf(c) {
				c.Of = b.Executable
				break
			}
		}
		out = append(out, c)
		if c.Of != "" {
			continue
		}
		if b := f.candidate(ctx, place{c.Info.Base, "base of " + c.Source, true}); b.isBaseOf(c) {
			out[len(out)-1].Of = b.Executable
			out = append(out, b)
		}
	}
	return out
}

// isBaseOf tells whether environment e was made from b.
func (b Candidate) isBaseOf(e Candidate) bool {
	return b.Info.Environment == nil && b.Info.Version != "" && b.Info.BasePrefix == e.Info.BasePrefix && b.ID == e.ID
}

func (f *finder) candidate(ctx context.Context, at place) Candidate {
	info, err := f.describe(ctx, at.path, at.source)
	c := Candidate{
		Executable: info.Executable, Source: at.source, Info: &info, kept: at.kept, err: err,
		Select: "PYTHON=" + words.Quote(info.Executable),
	}
	if info.ABI.Major != 0 {
		c.ID = info.ABI.FullID()
	}
	switch {
	case err != nil:
		c.Why, c.Advice = err.Error(), hint.Of(err)
	default:
		c.Usable, c.Why = true, info.Version+info.ABI.flags()
	}
	return c
}
