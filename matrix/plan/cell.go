package plan

import (
	"slices"
	"strings"
)

// Axis is one of the things that vary between cells.
type Axis string

// The axes, by the names that matrix.toml and plan.json have for them.
const (
	Python    Axis = "python"
	MPM       Axis = "mpm"
	Mode      Axis = "mode"
	GIL       Axis = "gil"
	Link      Axis = "link"
	Builder   Axis = "builder"
	Source    Axis = "source"
	Sanitizer Axis = "sanitizer"
	Apache    Axis = "apache"
	Suite     Axis = "suite"
	Provider  Axis = "provider"
)

// Axes lists all of them, in the order in which ids have their values (rule M-3).
func Axes() []Axis {
	return []Axis{Python, MPM, Mode, GIL, Link, Builder, Source, Sanitizer, Apache, Suite, Provider}
}

// Values of axes that decide something. An axis that is not said of a cell has the
// value that [Default] gives.
const (
	Embedded = "embedded"
	Daemon   = "daemon"

	Free           = "free"            // threads without a GIL, of builds that can do without
	PerInterpreter = "per-interpreter" // interpreters with a GIL each
	Static         = "static"          // a static libpython, linked whole
	ByApxs         = "apxs"            // the Apache half built by apxs -c
	Ours           = "ours"            // the sources in this program
	Address        = "asan"            // AddressSanitizer and UndefinedBehaviorSanitizer
	Thread         = "tsan"            // ThreadSanitizer
	Host           = "host"            // the machine as it is
	WSGI           = "wsgi"            // the acceptance tests of the module
	Express        = "express"         // those of mod_wsgi-express
)

// Default is the value of an axis of which nothing is said, and which ids leave
// out; "" for an axis whose value has to be said.
func Default(a Axis) string {
	return map[Axis]string{GIL: "default", Link: "shared", Builder: "direct", Source: Ours, Sanitizer: "none", Suite: WSGI, Provider: Host}[a]
}

// Closed lists the values that an axis can have, in their order; nil for an axis
// whose values are names of what a machine has.
func Closed(a Axis) []string {
	return map[Axis][]string{
		MPM: {"event", "worker", "prefork"}, Mode: {Embedded, Daemon}, GIL: {"default", Free, PerInterpreter}, Link: {"shared", Static},
		Builder: {"direct", ByApxs}, Sanitizer: {"none", Address, Thread}, Suite: {"load", "smoke", WSGI, Express, "soak"},
	}[a]
}

// Cell is one combination: for each axis the value as ids have it, "" for its
// default.
type Cell struct {
	Python    string `json:"python"` // "py3.13t"
	MPM       string `json:"mpm"`
	Mode      string `json:"mode"`
	GIL       string `json:"gil,omitempty"`
	Link      string `json:"link,omitempty"`
	Builder   string `json:"builder,omitempty"`
	Source    string `json:"source,omitempty"` // "pypi-6.0.5"; [Plan.Spec] is what it is fetched by
	Sanitizer string `json:"sanitizer,omitempty"`
	Apache    string `json:"apache,omitempty"` // "ap2.4.62"; "" of another provider: the one that it has
	Suite     string `json:"suite,omitempty"`
	Provider  string `json:"provider,omitempty"` // "rootfs-trixie"; [Plan.Spec] is what was written: "rootfs:trixie"
}

// at is where a cell has the value of an axis.
func (c *Cell) at(a Axis) *string {
	switch a {
	case Python:
		return &c.Python
	case MPM:
		return &c.MPM
	case Mode:
		return &c.Mode
	case GIL:
		return &c.GIL
	case Link:
		return &c.Link
	case Builder:
		return &c.Builder
	case Source:
		return &c.Source
	case Sanitizer:
		return &c.Sanitizer
	case Apache:
		return &c.Apache
	case Suite:
		return &c.Suite
	case Provider:
		return &c.Provider
	}
	return nil
}

// Value is the cell's value of an axis, spelled out where it is the default.
func (c Cell) Value(a Axis) string {
	if v := *c.at(a); v != "" {
		return v
	}
	return Default(a)
}

// With is the cell with another value of an axis.
func (c Cell) With(a Axis, value string) Cell {
	if value == Default(a) {
		value = ""
	}
	*c.at(a) = value
	return c
}

// FileName is an id as the name of a file or folder (rule M-3).
func FileName(id string) string { return strings.ReplaceAll(id, "/", "-") }

// isAxis tells whether name is that of an axis.
func isAxis(name string) bool { return slices.Contains(Axes(), Axis(name)) }
