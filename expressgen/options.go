// Package expressgen makes the private Apache of mod_wsgi-express: from the
// options of one server and the facts of the machine it generates a server root
// (configuration, handler script, control script, a copy of the Python
// runtime), and it runs httpd on it.
//
// Generate is pure. Discover reads the machine, Write makes the folder, Run
// starts httpd; they come before and after it.
package expressgen

import (
	"reflect"
	"strings"
)

// Options are the options of start-server and setup-server: one field each,
// with everything that is said about an option in its tags. The command line
// reads name, help, default, group, hidden and placeholder; Check reads range
// (integers from..to), and kind, which is "path" where a relative value means
// one below the folder the command was run in. Pointers are nil where an option
// that was given differs from its default.
type Options struct {
	ApplicationType  string `group:"Application" default:"script" placeholder:"TYPE" help:"What the argument is: script (a file), module (an importable name), static (a folder of files)."`
	EntryPoint       string `group:"Application" placeholder:"NAME" help:"The script or module, instead of the argument."`
	CallableObject   string `group:"Application" default:"application" placeholder:"NAME" help:"Name of the WSGI callable."`
	MountPoint       string `group:"Application" default:"/" placeholder:"URL-PATH" help:"URL path below which the application answers."`
	WorkingDirectory string `group:"Application" kind:"path" placeholder:"DIR" help:"Where the application runs and first looks for modules; the current folder otherwise."`
	ApplicationGroup string `group:"Application" default:"%{GLOBAL}" placeholder:"NAME" help:"Name of the Python interpreter that runs the application."`
	ProcessGroup     string `group:"Application" placeholder:"NAME" help:"Name of the daemon process group; HOST:PORT otherwise."`

	Host string `group:"Listening" placeholder:"NAME" help:"Address to listen on; all otherwise."`
	Port int    `group:"Listening" default:"8000" placeholder:"N" range:"1..65535" help:"Port to listen on."`

	Processes           *int     `group:"Capacity" range:"1..20000" placeholder:"N" help:"Processes of the application; 1 otherwise."`
	Threads             int      `group:"Capacity" default:"5" range:"1..20000" placeholder:"N" help:"Threads of each process."`
	MaxClients          *int     `group:"Capacity" range:"1..20000" placeholder:"N" help:"Most clients served at once; computed otherwise."`
	InitialWorkers      *float64 `group:"Capacity" range:"0..1" placeholder:"FRACTION" help:"Share of Apache's workers to start with."`
	MinimumSpareWorkers *float64 `group:"Capacity" range:"0..1" placeholder:"FRACTION" help:"Share of Apache's workers kept spare at least."`
	MaximumSpareWorkers *float64 `group:"Capacity" range:"0..1" placeholder:"FRACTION" help:"Share of Apache's workers kept spare at most."`
	ServerMPM           []string `group:"Capacity" name:"server-mpm" sep:"none" placeholder:"NAME" help:"Apache MPM to use if there is a choice: event, worker or prefork. Repeatable."`
	ServerBacklog       int      `group:"Capacity" default:"500" range:"1..1000000" placeholder:"N" help:"Connections that may wait to be accepted."`
	KeepAliveTimeout    int      `group:"Capacity" default:"2" range:"0..1000000" placeholder:"SECONDS" help:"How long an idle connection is kept; 0 closes at once."`
	LimitRequestBody    int      `group:"Capacity" default:"10485760" range:"0..9223372036854775807" placeholder:"BYTES" help:"Largest request body; 0 is no limit."`
	EmbeddedMode        bool     `group:"Capacity" help:"Run the application in Apache's own child processes."`

	MaximumRequests   int `group:"Recycling and timeouts" default:"0" range:"0..2147483647" placeholder:"N" help:"Requests after which a process is replaced; 0 is never."`
	RestartInterval   int `group:"Recycling and timeouts" default:"0" range:"0..1000000" placeholder:"SECONDS" help:"Age at which a process is replaced; 0 is never."`
	InactivityTimeout int `group:"Recycling and timeouts" default:"0" range:"0..1000000" placeholder:"SECONDS" help:"Idle time after which a process is replaced; 0 is never."`
	StartupTimeout    int `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" help:"Time a process may fail to load the application before it is replaced."`
	RequestTimeout    int `group:"Recycling and timeouts" default:"60" range:"0..1000000" placeholder:"SECONDS" help:"Longest run of a request."`
	QueueTimeout      int `group:"Recycling and timeouts" default:"45" range:"0..1000000" placeholder:"SECONDS" help:"Longest wait of a request for a thread."`
	ConnectTimeout    int `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" help:"Longest wait for a place in the queue."`
	SocketTimeout     int `group:"Recycling and timeouts" default:"60" range:"1..1000000" placeholder:"SECONDS" help:"Longest wait for a single read or write."`
	GracefulTimeout   int `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" help:"Time running requests get when a process is replaced."`
	ShutdownTimeout   int `group:"Recycling and timeouts" default:"5" range:"0..1000000" placeholder:"SECONDS" help:"Time a process gets to end before it is killed."`
	HeaderTimeout     int `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" help:"Time for a client to send the head of a request; 0 is no limit."`
	HeaderMaxTimeout  int `group:"Recycling and timeouts" default:"30" range:"0..1000000" placeholder:"SECONDS" help:"The same with the extension for data that arrives; 0 is no limit."`
	HeaderMinRate     int `group:"Recycling and timeouts" default:"500" range:"0..1000000000" placeholder:"BYTES" help:"Data that extends the time by a second; 0 never extends it."`
	BodyTimeout       int `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" help:"Time for a client to send the body of a request; 0 is no limit."`
	BodyMaxTimeout    int `group:"Recycling and timeouts" default:"0" range:"0..1000000" placeholder:"SECONDS" help:"The same with the extension for data that arrives; 0 is no limit."`
	BodyMinRate       int `group:"Recycling and timeouts" default:"500" range:"0..1000000000" placeholder:"BYTES" help:"Data that extends the time by a second; 0 never extends it."`

	User             string   `group:"Identity and Python" placeholder:"NAME" help:"User that runs the application when started as root."`
	Group            string   `group:"Identity and Python" placeholder:"NAME" help:"Group of it; the user's own otherwise."`
	PythonPath       []string `group:"Identity and Python" kind:"path" sep:"none" placeholder:"DIR" help:"Further folder to look for modules in. Repeatable."`
	DisableReloading bool     `group:"Identity and Python" help:"Do not watch the application's file for changes."`
	Lang             string   `group:"Identity and Python" hidden:"" help:"Older name of --locale."`
	Locale           string   `group:"Identity and Python" placeholder:"NAME" help:"Locale of the processes."`
	SetEnv           Pairs    `group:"Identity and Python" name:"setenv" placeholder:"KEY VALUE" help:"Put a value into the environ of each request. Repeatable."`
	PassEnv          []string `group:"Identity and Python" name:"passenv" sep:"none" placeholder:"KEY" help:"Pass a variable of this environment to each request. Repeatable."`

	DocumentRoot   string   `group:"Files and URLs" kind:"path" placeholder:"DIR" help:"Folder of files that are served before the application is asked."`
	DirectoryIndex string   `group:"Files and URLs" placeholder:"NAME" help:"File that answers for a folder of the document root."`
	URLAlias       Pairs    `group:"Files and URLs" name:"url-alias" placeholder:"URL-PATH PATH" help:"Serve a file or folder at a URL path. Repeatable."`
	RewriteRules   string   `group:"Files and URLs" kind:"path" placeholder:"FILE" help:"Rewrite rules for the document root."`
	IncludeFile    []string `group:"Files and URLs" kind:"path" sep:"none" placeholder:"FILE" help:"Apache configuration to include last. Repeatable."`

	ServerRoot    string `group:"Server root and logs" kind:"path" placeholder:"DIR" help:"Folder for everything that is generated."`
	EnvvarsScript string `group:"Server root and logs" kind:"path" placeholder:"FILE" help:"Shell fragment read before Apache is started."`
	LogDirectory  string `group:"Server root and logs" kind:"path" placeholder:"DIR" help:"Folder for log files; turns --log-to-terminal off."`
	LogLevel      string `group:"Server root and logs" default:"warn" placeholder:"LEVEL" help:"Apache's LogLevel: \"info\", or \"info rewrite:trace8\"."`
	LogToTerminal bool   `group:"Server root and logs" help:"Write the error log to standard error."`
	SetupOnly     bool   `group:"Server root and logs" help:"Generate, do not start."`

	ModuleFile       string `group:"Choice of Apache and Python" ours:"" kind:"path" placeholder:"FILE" help:"The mod_wsgi.so to load; found or built otherwise."`
	PythonExecutable string `group:"Choice of Apache and Python" ours:"" placeholder:"PATH" help:"The Python of the application: its own, or a virtual environment's."`
	Apxs             string `group:"Choice of Apache and Python" ours:"" placeholder:"PATH" help:"The apxs of the Apache to run."`
}

// Pair is the value of an option that takes two words.
type Pair struct{ Key, Value string }

// Pairs are the values of such an option, in the order they were given.
type Pairs []Pair

// Option is what the command line has to know of an option before it can be
// parsed.
type Option struct {
	Name  string // without the dashes
	Words int    // how many words follow it: 0, 1 or 2
	Kind  Kind
	Ours  bool // not an option of the original: takes no part in abbreviations
}

// Kind is what a value must look like.
type Kind int

const (
	Text Kind = iota
	Integer
	Number
)

// Table lists the options that Options has, in the order of its fields.
func Table() []Option {
	var out []Option
	for f := range reflect.TypeFor[Options]().Fields() {
		o := Option{Name: flagName(f), Words: 1}
		_, o.Ours = f.Tag.Lookup("ours")
		t := f.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Bool:
			o.Words = 0
		case reflect.Int:
			o.Kind = Integer
		case reflect.Float64:
			o.Kind = Number
		}
		if t == reflect.TypeFor[Pairs]() {
			o.Words = 2
		}
		out = append(out, o)
	}
	return out
}

// flagName is the name of the option that f holds: its name tag, else the
// field's own with dashes between the words.
func flagName(f reflect.StructField) string {
	if name := f.Tag.Get("name"); name != "" {
		return name
	}
	var b strings.Builder
	for i, c := range f.Name {
		if i > 0 && 'A' <= c && c <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

// Daemon says whether the application runs in processes of its own.
func (o *Options) Daemon() bool { return !o.EmbeddedMode }

// processes is --processes with its default.
func (o *Options) processes() int {
	if o.Processes == nil {
		return 1
	}
	return *o.Processes
}

// reloading says whether a changed application file is noticed.
func (o *Options) reloading() bool { return !o.DisableReloading && !o.EmbeddedMode }

// terminal says whether the error log goes to standard error.
func (o *Options) terminal() bool { return o.LogToTerminal && o.LogDirectory == "" }

// hostname is the name the server goes by.
func (o *Options) hostname() string {
	if o.Host == "" {
		return "localhost"
	}
	return o.Host
}
