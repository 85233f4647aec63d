// Package plan says what a matrix runs: which combinations of Apache, MPM, Python
// and the rest there are (matrix.toml), which of them one run takes, what has to
// be built for them, and which machine of a CI run does which.
//
// It is all values. What a machine has is told to it, and it runs nothing.
package plan

import "time"

// Schema is the number of the form of plan.json.
const Schema = 1

// Plan is what one run of the matrix is to do; plan.json holds it (rule M-13).
type Plan struct {
	Schema int    `json:"schema"`
	Hash   string `json:"hash"` // of the cells and their builds: results of equal hashes belong together
	Mode   string `json:"mode"` // how the cells were chosen: full, pairwise, smoke, changed

	Varies []Axis    `json:"varies"` // further axes than Python, MPM and mode that ids name, in their order
	Cells  []Planned `json:"cells"`  // in the order in which they are run
	Builds []Build   `json:"builds"` // what the cells need, each once

	Pythons []Runtime `json:"pythons"` // what the values of the axis are
	Apaches []Server  `json:"apaches"`
	Specs   []Spec    `json:"specs,omitempty"` // of the axes source and provider

	Archives map[string]string `json:"archives,omitempty"` // of httpd, by version, for providers that make it

	Shards [][]string `json:"shards,omitempty"` // ids by shard, the first is shard 1
	Tool   Tool       `json:"tool,omitempty"`   // what it is run by; no part of the hash
}

// Planned is a cell of a plan.
type Planned struct {
	ID      string        `json:"id"`
	Cell    Cell          `json:"cell"`
	Builds  []string      `json:"builds,omitempty"` // keys of what it needs: the Apache half and the Python half, or the one module of a classic tree
	Xfail   *Xfail        `json:"xfail,omitempty"`
	Require bool          `json:"require,omitempty"` // that it is skipped is a failure
	Skip    Reason        `json:"skip,omitempty"`    // why it cannot be run, known before it is tried
	Timeout time.Duration `json:"timeout"`           // in JSON "2m0s"
	Retries int           `json:"retries,omitempty"` // of errors and timeouts, at most 2
}

// Xfail says that a cell is known to fail.
type Xfail struct {
	Reason string `json:"reason"`
	Issue  string `json:"issue"`
}

// Reason is why a cell is skipped: one of a fixed list (rule M-7).
type Reason string

// The reasons.
const (
	NoInterpreter Reason = "interpreter missing"
	NoMPM         Reason = "MPM not loadable"
	NoApache      Reason = "Apache missing"
	NoProvider    Reason = "provider missing"
	NotRoot       Reason = "not root"
	Platform      Reason = "platform"
	Budget        Reason = "budget"
)

// Reasons lists all of them.
func Reasons() []Reason {
	return []Reason{NoInterpreter, NoMPM, NoApache, NoProvider, NotRoot, Platform, Budget}
}

// Build is one thing to build before cells can run, once per run (rule M-5). Of
// our own sources it is a half: the one needs an Apache and no Python, the other a
// Python and no Apache. Of a classic tree it is a module, which needs both.
type Build struct {
	Key       string `json:"key"`              // "apache/ap2.4.62", "python/py3.13t", "module/pypi-6.0.5/ap2.4.62/py3.11", further values where they differ from the default
	Apache    string `json:"apache,omitempty"` // value of the axis; "" of a Python half
	Python    string `json:"python,omitempty"` // value of the axis; "" of an Apache half
	Source    string `json:"source,omitempty"`
	Link      string `json:"link,omitempty"`
	Builder   string `json:"builder,omitempty"`
	Sanitizer string `json:"sanitizer,omitempty"`
	Provider  string `json:"provider,omitempty"` // where it is built: halves of another system do not load here
}

// Runtime is a Python: a value of that axis, and what there is to be known of it
// before a cell is run. Executable is of the machine that planned; on another one
// Request finds the like of it.
type Runtime struct {
	Name       string `json:"name"`                 // "py3.13t"
	Request    string `json:"request"`              // as -python takes it: "3.13t", or a path
	Provider   string `json:"provider,omitempty"`   // "" for the host's
	Version    string `json:"version,omitempty"`    // "3.13.5"; "" where it is missing, or another provider's
	Executable string `json:"executable,omitempty"` // "" where it is missing, or another provider's
	ABI        string `json:"abi,omitempty"`        // "cp313t-x86_64-linux-gnu"
	Free       bool   `json:"free,omitempty"`       // a build that can do without the GIL
	Debug      bool   `json:"debug,omitempty"`      // a debug build
	Shared     bool   `json:"shared,omitempty"`     // it has a libpython to link
	Static     bool   `json:"static,omitempty"`     // it has a static one
	Sanitizer  string `json:"sanitizer,omitempty"`  // "tsan", "asan": what it was built with
}

// Server is an Apache: a value of that axis. Apxs is of the machine that planned.
type Server struct {
	Name     string   `json:"name"`               // "ap2.4.62"
	Version  string   `json:"version,omitempty"`  // "2.4.62"
	Apxs     string   `json:"apxs,omitempty"`     // as -apxs takes it
	Provider string   `json:"provider,omitempty"` // "" for the host's
	MPMs     []string `json:"mpms,omitempty"`     // those that it can load
}

// Spec is what was written for a value whose form ids do not allow.
type Spec struct {
	Axis  Axis   `json:"axis"`
	Name  string `json:"name"`  // "pypi-6.0.5", "rootfs-trixie"
	Value string `json:"value"` // "pypi:6.0.5", "rootfs:trixie"
}

// Spec is what was written in matrix.toml for a value of the axes source and
// provider: the value itself where that is all.
func (p *Plan) Spec(a Axis, name string) string {
	for _, s := range p.Specs {
		if s.Axis == a && s.Name == name {
			return s.Value
		}
	}
	return name
}

// Timings are seconds by the id of a cell or the key of a build: timings.json.
type Timings map[string]float64
