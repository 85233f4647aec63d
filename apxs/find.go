// Package apxs reports how the installed Apache httpd was built: its compiler
// and flags, where its headers and modules live, which MPM it runs.
//
// It only reads. Nothing on the machine changes.
package apxs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"modwsgi/internal/distro"
	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/record"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// Candidate is one Apache that was come across.
type Candidate struct {
	Apxs    string `json:"apxs"`             // real path; "" for a server without apxs
	Httpd   string `json:"httpd,omitempty"`  // the server binary, where one was found
	Usable  bool   `json:"usable"`           // a module can be built for it
	Default bool   `json:"default"`          // it is taken when none is named
	Why     string `json:"why"`              // where it was found, or why it is not usable
	Advice  string `json:"advice,omitempty"` // what to type or change, of one that is not usable
	Select  string `json:"select,omitempty"` // the setting that chooses it: "APXS=/usr/bin/apxs"
	Flags   []Flag `json:"flags,omitempty"`  // what is wrong with it, usable or not
	Info    *Info  `json:"info,omitempty"`   // of a usable one

	err error
}

// Find describes the Apache to build for: the one that explicit names, else
// $MODWSGI_APXS, else $APXS, else the first usable of [Candidates]. A name
// given is an apxs program, a path or to be looked up, or a folder that has
// httpd.h. If that one cannot be used the error says why; another is never taken
// in its place. Where nobody names one, $MODWSGI_APACHE_CONFIG may name a file
// with the Info of another machine's Apache, which is then believed.
func Find(ctx context.Context, r *run.Runner, explicit string) (Info, error) {
	return newFinder(r).find(ctx, explicit)
}

// Candidates lists every Apache of this machine in the order Find tries them,
// and marks the one that it takes when it is asked for none.
func Candidates(ctx context.Context, r *run.Runner) []Candidate {
	return newFinder(r).all(ctx)
}

// all are the candidates with the one that a record stands for.
func (f *finder) all(ctx context.Context) []Candidate {
	list := f.candidates(ctx)
	name, _ := f.asked("")
	path := f.r.Getenv(recordSetting)
	if name == "" && path != "" {
		list = append([]Candidate{recorded(path)}, list...)
	}
	i := slices.IndexFunc(list, func(c Candidate) bool { return c.Usable })
	if i > 0 && (name != "" || path != "") {
		i = -1 // what a setting names is first, and nothing is taken in its place
	}
	if i >= 0 {
		list[i].Default = true
	}
	return list
}

// finder looks for Apaches below root, which is "" but in tests.
type finder struct {
	r    *run.Runner
	root string
	sys  distro.System
}

func newFinder(r *run.Runner) *finder {
	return &finder{r: r, sys: distro.Here()}
}

func (f *finder) find(ctx context.Context, explicit string) (Info, error) {
	if name, setting := f.asked(explicit); name != "" {
		path, err := f.lookUp(name)
		if err == nil {
			var info Info
			if info, err = f.describe(ctx, path); err == nil {
				return info, nil
			}
		}
		return Info{}, fmt.Errorf("%s %s: %w", setting, words.Quote(name), err)
	}
	if path := f.r.Getenv(recordSetting); path != "" {
		return fromRecord(path)
	}
	return f.choose(f.candidates(ctx))
}

// recordSetting names the file with an Info (rule A-12).
const recordSetting = "MODWSGI_APACHE_CONFIG"

// fromRecord is the Info that a file has.
func fromRecord(path string) (Info, error) {
	var info Info
	if err := record.Read(path, recordSetting, &info); err != nil {
		return Info{}, err
	}
	if info.Version == "" || info.MMN.Major == 0 || len(info.IncludeDirs) == 0 {
		return Info{}, hint.Exit(fmt.Errorf("%s (%s) describes no Apache: version, mmn and include_dirs are needed", path, recordSetting), hint.Usage)
	}
	return info, nil
}

// recorded is the candidate that a file with an Info stands for.
func recorded(path string) Candidate {
	c := Candidate{Select: recordSetting + "=" + words.Quote(path)}
	info, err := fromRecord(path)
	if err != nil {
		c.fail(err)
		return c
	}
	c.Apxs, c.Httpd, c.Usable, c.Why = info.Apxs, info.Httpd, true, "recorded in "+path
	c.Info, c.Flags = &info, info.Flags
	return c
}

func (c *Candidate) fail(err error) {
	c.Why, c.Advice, c.err = err.Error(), hint.Of(err), err
	if flag := FlagOf(err); flag != "" {
		c.Flags = append(c.Flags, flag)
	}
}

// absent makes err say which package brings an apxs.
func (f *finder) absent(err error) error {
	return hint.Exit(hint.New(err, f.sys.InstallLine(f.sys.Package(devPackage))), hint.NotFound)
}

// choose takes the first usable of list. The rest decides only what is noted
// (rule A-2).
func (f *finder) choose(list []Candidate) (Info, error) {
	i := slices.IndexFunc(list, func(c Candidate) bool { return c.Usable })
	if i < 0 {
		return Info{}, f.none(list)
	}
	info := *list[i].Info
	info.Notes = append(info.Notes, others(list)...)
	return info, nil
}

// Others are the notes of rule A-2: one for each usable Apache of list that a
// module for the first would not do for. There is nothing to note where somebody
// named one.
func Others(r *run.Runner, list []Candidate) []string {
	if name, _ := (&finder{r: r}).asked(""); name != "" {
		return nil
	}
	return others(list)
}

func others(list []Candidate) []string {
	var notes []string
	var first *Info
	for _, c := range list {
		switch {
		case !c.Usable:
		case first == nil:
			first = c.Info
		default:
			if what := difference(*first, *c.Info); what != "" {
				notes = append(notes, fmt.Sprintf("another Apache is here, %s, with another %s: %s selects it", c.Info.Version, what, c.Select))
			}
		}
	}
	return notes
}

// difference says in what two Apaches differ so that a module of the one may not
// do for the other, "" if in nothing.
func difference(a, b Info) string {
	var list []string
	if a.MMN != b.MMN {
		list = append(list, "module magic number")
	}
	if a.Root != b.Root || a.Prefix != b.Prefix {
		list = append(list, "prefix")
	}
	return strings.Join(list, " and ")
}

// none is the error when no Apache of list is usable. Each that has an apxs is
// an error of its own: somebody may want just that one.
func (f *finder) none(list []Candidate) error {
	var errs []error
	servers := ""
	for _, c := range list {
		if c.Apxs != "" {
			errs = append(errs, fmt.Errorf("%s: %w", c.Apxs, c.err))
		} else if servers == "" {
			servers = fmt.Sprintf("; there is a server, %s, but not what modules are built with", c.Httpd)
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("no usable Apache: %w", errors.Join(errs...))
	}
	return f.absent(errors.New("no apxs found, in PATH or the usual folders" + servers))
}

func (f *finder) candidates(ctx context.Context) []Candidate {
	var list []Candidate
	known := map[string]bool{} // real paths
	if name, _ := f.asked(""); name != "" {
		if _, err := f.lookUp(name); err != nil {
			c := Candidate{Apxs: name}
			c.fail(err)
			list = append(list, c)
		}
	}
	for _, place := range f.places() {
		path, err := filepath.EvalSymlinks(place)
		if err != nil || known[path] {
			continue
		}
		if _, err := f.r.LookPath(path); err != nil && !fsx.IsFile(filepath.Join(path, "httpd.h")) {
			continue // a folder, or not executable
		}
		known[path] = true
		info, err := f.describe(ctx, path)
		c := Candidate{Apxs: info.Apxs, Httpd: info.Httpd, Select: "APXS=" + words.Quote(path), Flags: info.Flags}
		if err != nil {
			c.fail(err)
		} else {
			c.Usable, c.Why, c.Info = true, "found as "+place, &info
		}
		known[info.Httpd] = true
		list = append(list, c)
	}
	return append(list, f.bareServers(known)...)
}

// bareServers are the servers that no apxs of known belongs to.
func (f *finder) bareServers(known map[string]bool) []Candidate {
	var list []Candidate
	for _, dir := range f.searched() {
		for _, name := range httpdNames {
			path, err := filepath.EvalSymlinks(filepath.Join(dir, name))
			if err != nil || known[path] || !fsx.IsFile(path) {
				continue
			}
			known[path] = true
			c := Candidate{Httpd: path, Why: "a server without apxs", Advice: f.sys.InstallLine(f.sys.Package(devPackage))}
			if f.sys.Family == distro.MacOS && path == filepath.Join(f.root, "/usr/sbin/httpd") {
				c.Why = "macOS's own server: it comes without headers, and loads signed modules only"
				c.Flags = []Flag{FlagAppleServer}
			}
			list = append(list, c)
		}
	}
	return list
}
