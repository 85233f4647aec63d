package apxs

import (
	"errors"
	"slices"
)

// Info is what one installed Apache httpd says of itself: everything that
// building a module for it, running it and installing into it needs. It holds
// absolute paths and argument lists and prints as JSON, so that it can be made
// on one machine and used on another (rule A-12). From tells where each field
// came from.
type Info struct {
	Apxs    string `json:"apxs"`              // the apxs program, real path; "" when described by headers alone
	Httpd   string `json:"httpd"`             // the server binary
	Version string `json:"version"`           // "2.4.65", of the headers
	Running string `json:"running,omitempty"` // version that the binary reports

	MMN      MMN    `json:"mmn"`                // of the headers
	MMNText  string `json:"mmn_text,omitempty"` // what RPM packages require as httpd-mmn: the text of .mmn beside the headers
	MPM      string `json:"mpm"`                // "event", "worker", "prefork" or "unknown": a fact of run time, never of the build
	Family   string `json:"family"`             // how it is laid out: one of the constants below
	APR      string `json:"apr,omitempty"`      // "1.7.2"
	APU      string `json:"apu,omitempty"`      // of APR-util
	HasForks bool   `json:"has_forks"`          // APR_HAS_FORK
	Threads  bool   `json:"threads"`            // APR_HAS_THREADS

	IncludeDirs []string `json:"include_dirs"`      // httpd, apr, apr-util, further ones: in search order
	Defines     []string `json:"defines"`           // ABI relevant -D and -U words of apr and apxs
	CC          []string `json:"cc"`                // the compiler apxs names: a hint
	CFlags      []string `json:"cflags,omitempty"`  // as apxs would compile with: for that profile alone, unfiltered
	LDFlags     []string `json:"ldflags,omitempty"` // those of apxs that do not name libraries or places

	Prefix     string `json:"prefix,omitempty"` // Debian has none
	ModulesDir string `json:"modules_dir"`      // LIBEXECDIR
	ConfDir    string `json:"conf_dir"`         // SYSCONFDIR
	ConfFile   string `json:"conf_file"`        // HTTPD_ROOT + SERVER_CONFIG_FILE
	Root       string `json:"root"`             // HTTPD_ROOT

	// What is only reported.
	LibDir      string `json:"lib_dir,omitempty"`
	BuildDir    string `json:"build_dir,omitempty"` // where config_vars.mk lies
	RuntimeDir  string `json:"runtime_dir,omitempty"`
	LogDir      string `json:"log_dir,omitempty"`
	LibraryPath string `json:"library_path,omitempty"` // SHLIBPATH_VAR: "LD_LIBRARY_PATH"

	From  map[string]Provenance `json:"from"`            // JSON field name to where it was read
	Flags []Flag                `json:"flags,omitempty"` // what the notes say, for programs
	Notes []string              `json:"notes,omitempty"` // what is odd and does not stand in the way, a sentence each
}

// MMN is httpd's module magic number: modules of one major and cookie load.
type MMN struct {
	Cookie string `json:"cookie"` // "AP24"
	Major  int    `json:"major"`
	Minor  int    `json:"minor"`
}

// Provenance says which witness a field was taken from.
type Provenance string

const (
	FromFile   Provenance = "file"   // config_vars.mk
	FromApxs   Provenance = "apxs"   // apxs -q, or apr-1-config
	FromHeader Provenance = "header" // ap_release.h, ap_mmn.h, apr.h
	FromBinary Provenance = "binary" // httpd -V
	FromGuess  Provenance = "guess"
)

// Flag names something that is wrong with an Apache, whether a module can be
// built for it all the same or not.
type Flag string

const (
	FlagPairing     Flag = "pairing_mismatch"             // [ErrPairing]
	FlagHeaders     Flag = "headers_do_not_match_server"  // [ErrHeaders]
	FlagNoAprConfig Flag = "apr_config_missing"           // apr-1-config is not where apxs looks for it
	FlagNoPerl      Flag = "perl_missing"                 // apxs does not start
	FlagNoVars      Flag = "config_vars_missing"          // apxs has lost its config_vars.mk
	FlagNoHeaders   Flag = "headers_missing"              // of Apache or APR
	FlagOldServer   Flag = "server_older_than_headers"    // by the minor number: modules load, functions may be missing
	FlagNoServer    Flag = "server_missing"               // nothing to run: building needs none
	FlagNoThreads   Flag = "apr_without_threads"          // APR_HAS_THREADS is 0
	FlagTooOld      Flag = "apache_too_old"               // before 2.4
	FlagAppleServer Flag = "apple_server_without_headers" // macOS's own: it has no headers and loads signed modules only
)

// Errors a caller may decide by.
var (
	// ErrHeaders: the headers the module is compiled with are those of an
	// Apache whose modules the server does not load.
	ErrHeaders = errors.New("headers do not match the server")
	// ErrPairing: apxs and the server belong to different installations.
	ErrPairing = errors.New("apxs and server are not of one Apache")
)

// flagged is an error that a program may tell by its flag.
type flagged struct {
	error
	flag Flag
}

func (f *flagged) Unwrap() error { return f.error }

// FlagOf is the flag of an error of [Find], "" where none says it.
func FlagOf(err error) Flag {
	var f *flagged
	if errors.As(err, &f) {
		return f.flag
	}
	return ""
}

// Has tells whether the Apache has a flag.
func (i Info) Has(f Flag) bool { return slices.Contains(i.Flags, f) }
