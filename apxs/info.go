package apxs

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

	MMN      MMN    `json:"mmn"`       // of the headers
	MPM      string `json:"mpm"`       // "event", "worker", "prefork" or "unknown": a fact of run time, never of the build
	Family   string `json:"family"`    // "debian", "fedora", "alpine", "suse", "arch", "source"
	HasForks bool   `json:"has_forks"` // APR_HAS_FORK
	Threads  bool   `json:"threads"`   // APR_HAS_THREADS

	IncludeDirs []string `json:"include_dirs"` // httpd, apr, apr-util: in search order
	Defines     []string `json:"defines"`      // ABI relevant -D and -U words of apr and apxs
	CC          []string `json:"cc"`           // the compiler apxs names: a hint

	ModulesDir string `json:"modules_dir"` // LIBEXECDIR
	ConfDir    string `json:"conf_dir"`    // SYSCONFDIR
	ConfFile   string `json:"conf_file"`   // HTTPD_ROOT + SERVER_CONFIG_FILE
	Root       string `json:"root"`        // HTTPD_ROOT

	From  map[string]Provenance `json:"from"`            // JSON field name to where it was read
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
	FromApxs   Provenance = "apxs"   // apxs -q
	FromHeader Provenance = "header" // ap_release.h, ap_mmn.h, apr.h
	FromBinary Provenance = "binary" // httpd -V
	FromGuess  Provenance = "guess"
)
