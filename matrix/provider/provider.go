// Package provider gives the cells of a matrix machines to run on: this one, this
// one with another httpd, a Debian of another suite, a container (rule M-16).
//
// What is run there is always one program that needs nothing of the machine, with
// the files that it is given: they are seen there at the paths that they have
// here. So a command line is the same everywhere, and results are where they
// were asked for, with nothing to copy back. A run changes nothing else of a
// machine and reaches no network.
//
// Machines are made once, in the cache, and found there afterwards; see [Store].
package provider

import (
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// Names of the providers, in the order in which they are listed.
const (
	HostName      = "host"
	PrefixName    = "prefix"
	RootfsName    = "rootfs"
	ContainerName = "container"
)

// Provider is one way to come by machines.
type Provider interface {
	// Name is one of the constants above.
	Name() string
	// Lacks says why there can be no machine, as a [*Missing]; nil if there may be one.
	// Nothing is made to find out, and no network asked.
	Lacks(ctx context.Context) error
	// Machine gives the machine of a name, which it makes if it has to: a suite of
	// Debian, a release of httpd, a distribution's image. The error is a [*Missing]
	// where this machine cannot provide any, so that cells are skipped and not failed.
	Machine(ctx context.Context, name string) (Machine, error)
}

// Machine is where a cell runs. It may be used by several goroutines.
type Machine interface {
	// ID is provider and name: "host", "rootfs-trixie".
	ID() string
	// Stamp says what it was made of, if it was made by the store.
	Stamp() Stamp
	// Run runs c there to its end. An exit status other than 0 is a [*run.Error], and
	// no process of it is left then.
	Run(ctx context.Context, c Command) (run.Result, error)
}

// Command is one run of a program that is carried to a machine. All paths are
// absolute, those of this machine, and the same there.
type Command struct {
	Program string // a program that needs no library
	Args    []string
	Dir     string        // where it runs, one of Write, and for one run at a time; "": here or at the top there
	Env     []string      // KEY=value; of this machine's environment, others get nothing
	Read    []string      // files and folders that it reads besides
	Write   []string      // folders that it writes: results, a cache
	Timeout time.Duration // 0: as long as the context lasts

	Interrupt <-chan struct{} // closed: the program gets a SIGINT, once; nil: never

	Stdout, Stderr io.Writer // where set, the output goes there as it comes
}

// check refuses what would be another file on another machine.
func (c Command) check() error {
	for _, path := range slices.Concat([]string{c.Program}, c.Read, c.Write) {
		if !strings.HasPrefix(path, "/") || path == "/" {
			return fmt.Errorf("running %s: %q is no whole path of a file or folder", c.Program, path)
		}
	}
	if c.Dir != "" && !slices.Contains(c.Write, c.Dir) {
		return fmt.Errorf("running %s: %s, where it runs, is not among what it writes", c.Program, c.Dir)
	}
	return nil
}

// carried refuses a program that needs libraries, which another machine has others
// of. A script needs a shell, which all have.
func (c Command) carried() error {
	f, err := elf.Open(c.Program)
	if err != nil {
		return c.check() // no program of this kind
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return hint.New(fmt.Errorf("%s needs libraries of this machine", c.Program), "build it with CGO_ENABLED=0")
		}
	}
	return c.check()
}

// Reason says why a provider has nothing to give: one of those that a plan has for a
// cell that is skipped (rule M-7).
type Reason string

// The reasons that are found out here.
const (
	NotRoot    Reason = "not root"
	Platform   Reason = "platform"
	NoProvider Reason = "provider missing" // a program, a network or a mirror is
)

// Missing is the error of a provider that can give nothing here.
type Missing struct {
	Reason Reason
	Err    error
}

func (m *Missing) Error() string { return string(m.Reason) + ": " + m.Err.Error() }
func (m *Missing) Unwrap() error { return m.Err }

// missing is such an error, with what to do about it.
func missing(reason Reason, err error, advice string) error {
	return hint.New(&Missing{reason, err}, advice)
}

// Parse takes "rootfs-trixie" apart.
func Parse(id string) (provider, name string, err error) {
	provider, name, _ = strings.Cut(id, "-")
	if provider == "" {
		provider = HostName
	}
	switch known := []string{HostName, PrefixName, RootfsName, ContainerName}; {
	case !slices.Contains(known, provider):
		return "", "", hint.New(fmt.Errorf("there is no provider %q", provider), "name one of: "+strings.Join(known, ", "))
	case (provider == HostName) != (name == ""):
		return "", "", hint.New(fmt.Errorf("%q names no machine", id), "as host, prefix-2.4.66, rootfs-trixie or container-trixie")
	}
	return provider, name, nil
}

// All are the providers of this machine, with what they make in the store of m. httpds
// are the archives of releases of httpd by version, for those that the distribution
// does not have.
func All(m Maker, httpds map[string]string) []Provider {
	m.Mirror = Mirror{R: m.R}
	return []Provider{
		Host{R: m.R},
		&Prefix{Maker: m, From: httpds},
		&Rootfs{R: m.R, Store: m.Store, Mirror: m.Mirror},
		&Container{R: m.R},
	}
}

// Lacking are the providers of list that can give no machine here, with the reason.
func Lacking(ctx context.Context, list []Provider) map[string]Reason {
	out := map[string]Reason{}
	for _, p := range list {
		if missing := (*Missing)(nil); errors.As(p.Lacks(ctx), &missing) {
			out[p.Name()] = missing.Reason
		}
	}
	return out
}

// Find gives the machine of an id.
func Find(ctx context.Context, list []Provider, id string) (Machine, error) {
	provider, name, err := Parse(id)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(p Provider) bool { return p.Name() == provider })
	if i < 0 {
		return nil, fmt.Errorf("%s: there is no such provider here", id)
	}
	return list[i].Machine(ctx, name)
}

// Offer is what a machine has to build with and for.
type Offer struct {
	Apaches []apxs.Candidate    `json:"apaches"`
	Pythons []pybuild.Candidate `json:"pythons"`
}

// Offered asks a machine what it offers. program is mod_wsgi-express, made so that
// it needs no library.
func Offered(ctx context.Context, m Machine, program string) (Offer, error) {
	var offer Offer
	res, err := m.Run(ctx, Command{Program: program, Args: []string{"discover", "--json"}, Timeout: 5 * time.Minute})
	if err == nil {
		err = json.Unmarshal([]byte(res.Stdout), &offer)
	}
	if err != nil {
		return Offer{}, fmt.Errorf("asking %s what it offers: %w", m.ID(), err)
	}
	return offer, nil
}
