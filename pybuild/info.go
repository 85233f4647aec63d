package pybuild

// Info is what one Python installation says of itself: enough to compile and
// link against it without running it again (rule P-14).
type Info struct {
	Executable string `json:"executable"` // as asked for: a virtual environment's or the base interpreter
	Base       string `json:"base"`       // the base interpreter's real path
	Source     string `json:"source"`     // how it was found: "flag", "PYTHON", "VIRTUAL_ENV", "pyenv", "PATH", …

	Version    string `json:"version"`     // "3.13.0"
	HexVersion int    `json:"hexversion"`  // sys.hexversion
	Prefix     string `json:"prefix"`      // sys.prefix; of the virtual environment if there is one
	BasePrefix string `json:"base_prefix"` // sys.base_prefix

	Environment *Environment `json:"environment,omitempty"` // the virtual environment that Executable is in

	ABI     ABI      `json:"abi"`
	Include []string `json:"include"` // folders with Python.h and pyconfig.h
	Defines []string `json:"defines"` // -DNDEBUG and the like, rule C-3

	// Sanitizer is what the Python was built with, as "thread": whatever is linked
	// with it needs -fsanitize= of the same. "" for ordinary builds.
	Sanitizer string `json:"sanitizer,omitempty"`

	LibPython string `json:"libpython"`        // absolute file to link, "" when there is none
	SONAME    string `json:"soname"`           // its DT_SONAME: "libpython3.13.so.1.0"
	NeedsPath bool   `json:"needs_path"`       // the loader would not find it (or finds another): a run path is needed
	Reason    string `json:"reason,omitempty"` // when LibPython is "": why, in a sentence

	Libraries []Library `json:"libraries,omitempty"` // every file that was looked into for it, in order

	// Archive is the static libpython, "" when there is none, and StaticLibs what
	// else a program linked with it needs: for who was told to do without a shared
	// one.
	Archive    string   `json:"archive,omitempty"`
	StaticLibs []string `json:"static_libs,omitempty"`

	Notes []string `json:"notes,omitempty"` // what is odd and does not stand in the way, a sentence each
}

// ABI is the record of rule P-12.
type ABI struct {
	Impl    string `json:"impl"` // "cpython"
	Major   int    `json:"major"`
	Minor   int    `json:"minor"`
	Micro   int    `json:"micro"`
	Free    bool   `json:"free_threaded"`
	Debug   bool   `json:"debug"`
	Triplet string `json:"triplet"` // "x86_64-linux-gnu"
	Libc    string `json:"libc"`    // "glibc", "musl"
}
