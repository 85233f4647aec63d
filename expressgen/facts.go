package expressgen

import (
	"io/fs"
)

// Facts are what Generate has to know of the machine.
type Facts struct {
	Version string // of this command

	Program    string          // this very command
	Apache     string          // version of the server: "2.4.65"
	Httpd      string          // the server binary
	ModulesDir string          // of its own modules
	Modules    map[string]bool // file names in ModulesDir
	Static     map[string]bool // modules compiled in, as httpd -l says: "mod_so.c"
	MimeTypes  string
	Shell      string // for apachectl

	Python       string // the interpreter
	Rotatelogs   string
	GDB          string
	Module       string // the mod_wsgi.so to load
	Older        bool   // Module is of a release before 6.0
	FreeThreaded bool   // the Python was built without its lock
	PythonHome   string // prefix of the interpreter or virtual environment
	Runtime      fs.FS  // the Python package; its root holds mod_wsgi/

	UID        int // that the command runs as
	RunUID     int // that requests run as
	RunGID     int
	User       string // that the application runs as, by name or #UID
	Group      string
	Locale     string          // for the processes
	NoLocale   bool            // Locale is not installed
	TmpDir     string          // holds server roots that were not named
	Stderr     bool            // /dev/stderr can be opened
	Stdout     bool            // /dev/stdout can be opened
	PlainFiles map[string]bool // the alias targets that are files, not folders
	NoPackages []string        // Python packages of options that are not installed
	Unset      []string        // variables of --passenv that are not set
	OpenKey    bool            // others can read the key of the certificate
	Missing    map[string]bool // paths of options at which there is nothing
}

// Server is a server root and how to run it. It is a value: nothing has been
// written.
type Server struct {
	Root     string
	Named    bool     // by --server-root, else the default
	Super    bool     // made by root: readable by the user that requests run as
	Folders  []Folder // by their whole path, such as those of logs
	Passing  bool     // for one run, before which it is written again
	Files    []File
	Banner   []Line
	Warnings []string

	Host    string // as in Listen; "" is every address
	Port    int
	UID     int // that requests run as, and its group: who Owned files are given to
	GID     int
	HTTPS   int // a further port; 0 is none
	PidFile string

	Telemetry int    // the port of its page, on this machine alone; 0 is none
	Debug     bool   // it stays at the terminal it was started from
	ErrorLog  string // "" when it is standard error
}

// File is one entry below the root. A file that is Kept is only made where none
// is; a folder has no Data.
type File struct {
	Path string
	Mode fs.FileMode
	Data []byte
	Kept bool

	Owned bool // by the user that requests run as, where that is not who runs the command
}

// Folder is made where there is none, and given to the user that requests run as
// if it is Owned. One that is Private is refused if it is there and anybody else's.
type Folder struct {
	Path    string
	Mode    fs.FileMode
	Owned   bool
	Private bool
}

// Line is a line of the banner.
type Line struct{ Label, Value string }

// Path is name below the root.
func (s *Server) Path(name string) string { return s.Root + "/" + name }
