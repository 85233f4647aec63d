package csrc

import (
	"io/fs"

	"modwsgi/apxs"
	"modwsgi/pybuild"
)

// Options say what to build, and where. The zero value of everything from
// Profile on is what a person who sets nothing gets.
type Options struct {
	Apache *apxs.Info     // nil: leave the Apache half as it is
	Python []pybuild.Info // each becomes a half beside the others; empty: leave them

	Dir     string // the build folder; it is made if it is missing
	Source  fs.FS  // nil: the embedded sources; [OpenSource] gives those of a folder
	Runtime fs.FS  // the Python package (mod_wsgi/…); nil: leave it

	Jobs    int    // how many programs at once; 0: as many as there are processors and memory for
	Default string // the ABI folder that the default link is to name; "": keep it, or the first of Python

	Profile Profile  // whose flags optimise and harden (rule C-4)
	Builder Builder  // who runs compiler and linker for Apache's module (rule C-10)
	Defines []string // further -D and -U words for every file, as -DMOD_WSGI_DISABLE_EMBEDDED
	Strict  bool     // fail if a result lacks full RELRO, a stack that is not executable or checked frames

	RunPath    string // auto (or ""), exact, none, origin, or an absolute folder (rule R-2)
	InstallDir string // where what is in Dir will lie, for a run path of origin; "": Dir
	Package    bool   // for deb, rpm or apk: no run path but origin, no path of libpython in the result

	AllowStatic bool                     // rule S-6
	Static      map[string]StaticLibrary // by ABI folder: linked whole in place of a shared libpython

	// Cache is the folder of a [Cache] to take objects and targets from, and to
	// leave them in; "": none.
	Cache string

	// Progress is told of each step before it starts; it is never called by two
	// goroutines at once. A total of 0 is a wait.
	Progress func(done, total int, what string)
}

// Artifact is what is in a build folder after a build. Paths are absolute.
type Artifact struct {
	Dir        string `json:"dir"`
	Module     string `json:"module"` // "" when no Apache was given
	Supervisor string `json:"supervisor,omitempty"`
	Halves     []Half `json:"halves"` // of the Pythons given, in their order
	Version    string `json:"version"`
	Source     string `json:"source"` // hash of the C sources

	Compiled int    `json:"compiled"` // objects made in this build
	Cached   int    `json:"cached"`   // objects that were current
	Linked   int    `json:"linked"`   // targets made in this build
	Reused   int    `json:"reused"`   // of Compiled and Linked, those that the cache had
	Compiler string `json:"compiler"` // who made them

	// LoadFile is the libpython that Apache must load before a classic module,
	// where that has no run path and the loader would not find it (rule R-7).
	LoadFile string `json:"load_file,omitempty"`

	Warnings []string  `json:"warnings,omitempty"` // what compilers said of files they did compile, and what may go wrong later
	Notes    []string  `json:"notes,omitempty"`    // what was done otherwise than by the book, and why
	Dropped  []Dropped `json:"dropped,omitempty"`  // words of other people's flags that were not taken over
}

// Half is a Python half.
type Half struct {
	ABI       string `json:"abi"` // "cpython-311-x86_64-linux-gnu"
	Dir       string `json:"dir"`
	Host      string `json:"host"`
	Embed     string `json:"embed"`
	BuildJSON string `json:"build_json"`
}
