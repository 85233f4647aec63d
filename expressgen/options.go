// Package expressgen makes the private Apache of mod_wsgi-express: from the
// options of one server and the facts of the machine it generates a server root
// (configuration, handler script, control script, a copy of the Python
// runtime), and it runs httpd on it.
//
// Generate is pure. Discover reads the machine, Write makes the folder, Run
// starts httpd; they come before and after it.
package expressgen

// Options are the options of start-server and setup-server: one field each,
// with everything that is said about an option in its tags. What reads them:
//
//	name, help, default, group, hidden, placeholder   the command line and its help
//	range    integers from..to; of fractions 0..1                       Check
//	least    a smaller number than this must be 0                       Check
//	words    the words it may be, separated by |, in any case           Check
//	needs    options of which one must be given too, separated by |     Check
//	unless   options with each of which it does nothing                     Check
//	daemon   it is about daemon processes and does nothing elsewhere    Check
//	here     it names something of this machine, which no image has        Check
//	kind     path: a relative one is below the current folder           Absolute
//	         file, folder: the same, and it must exist                  Discover
//	makes    the directives, files or words that come of it             docs/express-effects.md
//	whole    takes no part in abbreviations                             the command line
//	ours     not an option of the original; as whole
//
// Pointers are nil where an option that was given differs from its default.
type Options struct {
	ApplicationType  string `group:"Application" default:"script" words:"script|module|paste|static" placeholder:"TYPE" makes:"handler.wsgi" help:"What the argument is: script (a file), module (an importable name), paste (a configuration of Paste Deploy), static (a folder of files)."`
	EntryPoint       string `group:"Application" placeholder:"NAME" makes:"handler.wsgi" help:"The script, module or configuration, instead of the argument."`
	ApplicationGroup string `group:"Application" default:"%{GLOBAL}" placeholder:"NAME" makes:"WSGIHandlerScript WSGIImportScript" help:"Name of the Python interpreter that runs the application."`
	ProcessGroup     string `group:"Application" placeholder:"NAME" daemon:"" makes:"WSGIDaemonProcess WSGIHandlerScript" help:"Name of the daemon process group; HOST:PORT otherwise."`
	CallableObject   string `group:"Application" default:"application" placeholder:"NAME" makes:"WSGICallableObject handler.wsgi" help:"Name of the WSGI callable."`
	MapHeadToGet     string `group:"Application" default:"Auto" words:"Off|On|Auto" placeholder:"WHEN" makes:"WSGIMapHEADToGET" help:"Whether applications see GET for a HEAD request: Off, On, or Auto, where a filter wants the body."`
	MountPoint       string `group:"Application" default:"/" placeholder:"URL-PATH" makes:"RewriteCond handler.wsgi" help:"URL path below which the application answers."`
	WorkingDirectory string `group:"Application" kind:"path" placeholder:"DIR" makes:"home=" help:"Where the application runs and first looks for modules; the current folder otherwise."`
	ChunkedRequest   bool   `group:"Application" makes:"WSGIChunkedRequest" help:"Take request bodies that come in chunks, without a length."`

	Host                    string   `group:"Listening" placeholder:"NAME" makes:"Listen ServerName" help:"Address to listen on; all otherwise."`
	Port                    int      `group:"Listening" default:"8000" placeholder:"N" range:"1..65535" makes:"Listen" help:"Port to listen on."`
	HTTP2                   bool     `group:"Listening" name:"http2" makes:"Protocols" help:"Offer HTTP/2."`
	HTTPSPort               *int     `group:"Listening" name:"https-port" placeholder:"N" range:"1..65535" makes:"Listen SSLEngine" help:"Port to listen on for HTTPS; needs a certificate."`
	SSLCertificateFile      string   `group:"Listening" unless:"ssl-certificate" name:"ssl-certificate-file" kind:"file" placeholder:"FILE" needs:"https-port" makes:"SSLCertificateFile" help:"Certificate of the server."`
	SSLCertificateKeyFile   string   `group:"Listening" unless:"ssl-certificate" name:"ssl-certificate-key-file" kind:"file" placeholder:"FILE" needs:"https-port" makes:"SSLCertificateKeyFile" help:"Private key of the certificate."`
	SSLCertificate          string   `group:"Listening" name:"ssl-certificate" kind:"path" placeholder:"PREFIX" needs:"https-port" makes:"SSLCertificateFile SSLCertificateKeyFile" help:"Certificate and key at once: PREFIX.crt and PREFIX.key."`
	SSLCACertificateFile    string   `group:"Listening" name:"ssl-ca-certificate-file" kind:"file" placeholder:"FILE" needs:"https-port" makes:"SSLCACertificateFile SSLVerifyClient" help:"Authorities whose client certificates are asked for and accepted, over HTTPS."`
	SSLVerifyClient         []string `group:"Listening" name:"ssl-verify-client" sep:"none" placeholder:"URL-PATH" needs:"ssl-ca-certificate-file" makes:"SSLVerifyClient" help:"URL path that needs a client certificate; the whole site otherwise. Repeatable."`
	SSLCertificateChainFile string   `group:"Listening" name:"ssl-certificate-chain-file" kind:"file" placeholder:"FILE" needs:"https-port" makes:"SSLCertificateChainFile" help:"Certificates of the authorities between the server's and the root's."`
	SSLEnvironment          bool     `group:"Listening" name:"ssl-environment" needs:"https-port" makes:"SSLOptions" help:"Pass what is known of the TLS connection to the application."`
	HTTPSOnly               bool     `group:"Listening" name:"https-only" needs:"https-port" makes:"RewriteRule" help:"Redirect HTTP to HTTPS."`
	HSTSPolicy              string   `group:"Listening" name:"hsts-policy" placeholder:"TEXT" needs:"https-only" makes:"Header" help:"Value of Strict-Transport-Security in answers over HTTPS, such as max-age=31536000."`
	ServerName              string   `group:"Listening" placeholder:"NAME" makes:"ServerName" help:"Host name of the site; others are refused. With www. in front the name without it is redirected."`
	ServerAlias             []string `group:"Listening" sep:"none" placeholder:"NAME" needs:"server-name" makes:"ServerAlias" help:"Further host name of the site, which may have * and ?. Repeatable."`
	AllowLocalhost          bool     `group:"Listening" needs:"server-name" makes:"Require" help:"Answer clients of this machine whatever host name they ask for."`

	Processes           *int     `group:"Capacity" range:"1..20000" placeholder:"N" makes:"processes=" help:"Processes of the application; 1 otherwise."`
	Threads             int      `group:"Capacity" default:"5" range:"1..20000" placeholder:"N" makes:"threads=" help:"Threads of each process."`
	MaxClients          *int     `group:"Capacity" range:"1..20000" placeholder:"N" daemon:"" makes:"MaxRequestWorkers" help:"Most clients served at once; computed otherwise."`
	InitialWorkers      *float64 `group:"Capacity" range:"0..1" placeholder:"FRACTION" daemon:"" makes:"StartServers" help:"Share of Apache's workers to start with."`
	MinimumSpareWorkers *float64 `group:"Capacity" range:"0..1" placeholder:"FRACTION" daemon:"" makes:"MinSpareThreads" help:"Share of Apache's workers kept spare at least."`
	MaximumSpareWorkers *float64 `group:"Capacity" range:"0..1" placeholder:"FRACTION" daemon:"" makes:"MaxSpareThreads" help:"Share of Apache's workers kept spare at most."`
	ServerMPM           []string `group:"Capacity" name:"server-mpm" sep:"none" words:"event|worker|prefork" placeholder:"NAME" makes:"LoadModule" help:"Apache MPM to use if there is a choice: event, worker or prefork. Repeatable."`
	ServerBacklog       int      `group:"Capacity" default:"500" range:"1..1000000" placeholder:"N" makes:"ListenBacklog" help:"Connections that may wait to be accepted."`
	DaemonBacklog       int      `group:"Capacity" default:"100" range:"1..1000000" placeholder:"N" daemon:"" makes:"listen-backlog=" help:"Requests that may wait for a thread of the application; the next one waits for --connect-timeout."`
	KeepAliveTimeout    int      `group:"Capacity" default:"2" range:"0..1000000" placeholder:"SECONDS" makes:"KeepAlive KeepAliveTimeout" help:"How long an idle connection is kept; 0 closes at once."`
	LimitRequestBody    int      `group:"Capacity" default:"10485760" range:"0..9223372036854775807" placeholder:"BYTES" makes:"LimitRequestBody" help:"Largest request body; 0 is no limit."`
	EmbeddedMode        bool     `group:"Capacity" makes:"WSGIPythonPath process-group=" help:"Run the application in Apache's own child processes."`

	MaximumRequests   int      `group:"Recycling and timeouts" default:"0" range:"0..2147483647" placeholder:"N" makes:"maximum-requests= MaxConnectionsPerChild" help:"Requests after which a process is replaced, in embedded mode connections; 0 is never."`
	StartupTimeout    int      `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"startup-timeout=" help:"Time a process may fail to load the application before it is replaced."`
	ShutdownTimeout   int      `group:"Recycling and timeouts" default:"5" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"shutdown-timeout=" help:"Time a process gets to end before it is killed."`
	RestartInterval   int      `group:"Recycling and timeouts" default:"0" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"restart-interval=" help:"Age at which a process is replaced; 0 is never."`
	CPUTimeLimit      int      `group:"Recycling and timeouts" name:"cpu-time-limit" default:"0" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"cpu-time-limit=" help:"CPU time after which a process is replaced; 0 is never."`
	GracefulTimeout   int      `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"graceful-timeout=" help:"Time running requests get when a process is replaced."`
	EvictionTimeout   int      `group:"Recycling and timeouts" default:"0" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"eviction-timeout=" help:"The same for a process that gets SIGUSR1; 0 is --graceful-timeout."`
	DeadlockTimeout   int      `group:"Recycling and timeouts" default:"60" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"deadlock-timeout=" help:"Time that no thread of a process gets Python's lock before it is replaced; 0 is never."`
	InactivityTimeout int      `group:"Recycling and timeouts" default:"0" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"inactivity-timeout=" help:"Idle time after which a process is replaced; 0 is never."`
	IgnoreActivity    []string `group:"Recycling and timeouts" sep:"none" placeholder:"URL-PATH" needs:"inactivity-timeout" makes:"WSGIIgnoreActivity" help:"URL path whose requests do not count for --inactivity-timeout. Repeatable."`
	RequestTimeout    int      `group:"Recycling and timeouts" default:"60" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"request-timeout=" help:"Longest run of a request; more threads make it longer. 0 is no limit."`
	InterruptTimeout  int      `group:"Recycling and timeouts" default:"0" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"interrupt-timeout=" help:"Time that a request over --request-timeout gets to end after an exception was raised in it; 0 raises none."`
	ConnectTimeout    int      `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"connect-timeout=" help:"Longest wait for a place in the queue."`
	SocketTimeout     int      `group:"Recycling and timeouts" default:"60" range:"1..1000000" placeholder:"SECONDS" makes:"Timeout socket-timeout=" help:"Longest wait for a single read or write."`
	ProxyTimeout      *int     `group:"Recycling and timeouts" range:"1..1000000" placeholder:"SECONDS" makes:"ProxyTimeout" help:"The same for what --proxy-mount-point and --proxy-virtual-host lead to."`
	QueueTimeout      int      `group:"Recycling and timeouts" default:"45" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"queue-timeout=" help:"Longest wait of a request for a thread."`
	HeaderTimeout     int      `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" makes:"RequestReadTimeout" help:"Time for a client to send the head of a request; 0 is no limit."`
	HeaderMaxTimeout  int      `group:"Recycling and timeouts" default:"30" range:"0..1000000" placeholder:"SECONDS" makes:"RequestReadTimeout" help:"The same with the extension for data that arrives; 0 is no limit."`
	HeaderMinRate     int      `group:"Recycling and timeouts" default:"500" range:"0..1000000000" placeholder:"BYTES" makes:"RequestReadTimeout" help:"Data that extends the time by a second; 0 never extends it."`
	BodyTimeout       int      `group:"Recycling and timeouts" default:"15" range:"0..1000000" placeholder:"SECONDS" makes:"RequestReadTimeout" help:"Time for a client to send the body of a request; 0 is no limit."`
	BodyMaxTimeout    int      `group:"Recycling and timeouts" default:"0" range:"0..1000000" placeholder:"SECONDS" makes:"RequestReadTimeout" help:"The same with the extension for data that arrives; 0 is no limit."`
	BodyMinRate       int      `group:"Recycling and timeouts" default:"500" range:"0..1000000000" placeholder:"BYTES" makes:"RequestReadTimeout" help:"Data that extends the time by a second; 0 never extends it."`

	SendBufferSize        int    `group:"Buffers, reloading, identity" default:"0" range:"0..1073741824" least:"512" placeholder:"BYTES" daemon:"" makes:"send-buffer-size=" help:"Send buffer between Apache and the application; 0 is the system's."`
	ReceiveBufferSize     int    `group:"Buffers, reloading, identity" default:"0" range:"0..1073741824" least:"512" placeholder:"BYTES" daemon:"" makes:"receive-buffer-size=" help:"Receive buffer of the same; 0 is the system's."`
	HeaderBufferSize      int    `group:"Buffers, reloading, identity" default:"0" range:"0..1073741824" least:"8192" placeholder:"BYTES" daemon:"" makes:"header-buffer-size=" help:"Longest header of a response; 0 is 32768."`
	ResponseBufferSize    int    `group:"Buffers, reloading, identity" default:"0" range:"0..1073741824" least:"65536" placeholder:"BYTES" daemon:"" makes:"response-buffer-size=" help:"How much of a response Apache's filters may hold back; 0 is 8388608."`
	ResponseSocketTimeout int    `group:"Buffers, reloading, identity" default:"0" range:"0..1000000" placeholder:"SECONDS" daemon:"" makes:"response-socket-timeout=" help:"Longest wait for a client to take a part of the response; 0 is --socket-timeout."`
	ResponseFlushDelay    int    `group:"Buffers, reloading, identity" default:"5" range:"0..3600000" placeholder:"MILLISECONDS" daemon:"" makes:"response-flush-delay=" help:"How long a response that falls silent may wait for more before the client sees it."`
	EnableSendfile        bool   `group:"Buffers, reloading, identity" makes:"EnableSendfile WSGIEnableSendfile" help:"Let the kernel send files."`
	DisableReloading      bool   `group:"Buffers, reloading, identity" makes:"WSGIScriptReloading" help:"Do not watch the application's file for changes."`
	ReloadOnChanges       bool   `group:"Buffers, reloading, identity" unless:"disable-reloading|embedded-mode" makes:"handler.wsgi" help:"Watch all Python files that are loaded, and restart when one changes."`
	User                  string `group:"Buffers, reloading, identity" placeholder:"NAME" makes:"apachectl" help:"User that runs the application when started as root."`
	Group                 string `group:"Buffers, reloading, identity" placeholder:"NAME" makes:"apachectl" help:"Group of it; the user's own otherwise."`

	DocumentRoot      string   `group:"Files and URLs" kind:"path" placeholder:"DIR" makes:"DocumentRoot Directory" help:"Folder of files that are served before the application is asked."`
	DirectoryIndex    string   `group:"Files and URLs" placeholder:"NAME" makes:"DirectoryIndex" help:"File that answers for a folder of the document root."`
	DirectoryListing  bool     `group:"Files and URLs" makes:"Options" help:"List the files of a folder that has no index."`
	AllowOverride     []string `group:"Files and URLs" sep:"none" placeholder:"WORD" makes:"AllowOverride" help:"What .htaccess files may set: All, None, AuthConfig, FileInfo, Indexes, Limit, Options or Nonfatal; None otherwise. Repeatable."`
	URLAlias          Pairs    `group:"Files and URLs" name:"url-alias" placeholder:"URL-PATH PATH" makes:"Alias Directory" help:"Serve a file or folder at a URL path. Repeatable."`
	ErrorDocument     Pairs    `group:"Files and URLs" placeholder:"STATUS URL-PATH" makes:"ErrorDocument" help:"Page, address or text for an error of Apache's own. Repeatable."`
	ErrorOverride     bool     `group:"Files and URLs" daemon:"" makes:"WSGIErrorOverride" help:"Use these for the errors that the application answers with, too."`
	AddHandler        Pairs    `group:"Files and URLs" placeholder:"EXTENSION SCRIPT" makes:"AddHandler WSGIHandlerScript resource.wsgi" help:"Script that handles the files with an extension. Repeatable."`
	WithCGI           bool     `group:"Files and URLs" name:"with-cgi" makes:"AddHandler Options" help:"Run .cgi files of the document root."`
	CompressResponses bool     `group:"Files and URLs" makes:"AddOutputFilterByType" help:"Compress text, scripts and styles."`
	MimeTypes         string   `group:"Files and URLs" kind:"file" placeholder:"FILE" makes:"TypesConfig" help:"Table of media types; the system's otherwise."`
	EnableDocs        bool     `group:"Files and URLs" makes:"Alias" help:"Serve the documentation at /__wsgi__/docs/."`

	ProxyMountPoint  Pairs    `group:"Proxies" placeholder:"URL-PATH URL" makes:"ProxyPass ProxyPassReverse RequestHeader" help:"Pass what is below a URL path on to another server. Repeatable."`
	ProxyVirtualHost Pairs    `group:"Proxies" placeholder:"NAME URL" makes:"ServerName ProxyPass ProxyPassReverse" help:"Pass all requests for a host name on to another server. Repeatable."`
	TrustProxyHeader []string `group:"Proxies" sep:"none" placeholder:"NAME" makes:"WSGITrustedProxyHeaders" help:"Header in which a proxy in front tells of the client, such as X-Forwarded-For. Repeatable."`
	TrustProxy       []string `group:"Proxies" sep:"none" placeholder:"ADDRESS" makes:"WSGITrustedProxies" help:"Address or network of a proxy whose headers are believed. Repeatable."`

	ServerMetrics     bool     `group:"Metrics and interpreters" makes:"ExtendedStatus WSGIServerMetrics server-metrics=" help:"Let the application read Apache's numbers."`
	ServerStatus      bool     `group:"Metrics and interpreters" makes:"ExtendedStatus SetHandler" help:"Apache's status page at /server-status, for this machine alone."`
	TelemetryService  string   `group:"Metrics and interpreters" placeholder:"unix:PATH" makes:"WSGITelemetryService" help:"Socket of the program that numbers of requests and processes are sent to."`
	EnableTelemetry   bool     `group:"Metrics and interpreters" makes:"WSGITelemetryService telemetry-service.py" help:"Run such a program, with a page that shows them."`
	TelemetryUIPort   int      `group:"Metrics and interpreters" name:"telemetry-ui-port" default:"8888" range:"1..65535" placeholder:"N" needs:"enable-telemetry" makes:"telemetry-service.py" help:"Port of that page, on this machine alone."`
	TelemetryInterval float64  `group:"Metrics and interpreters" default:"1.0" range:"0.5..86400" placeholder:"SECONDS" needs:"telemetry-service|enable-telemetry" makes:"interval=" help:"How often the numbers are sent."`
	SlowRequests      *float64 `group:"Metrics and interpreters" range:"0..86400" placeholder:"SECONDS" needs:"telemetry-service|enable-telemetry" makes:"WSGISlowRequests" help:"Requests that take longer are told of one by one."`
	TelemetryOptions  []string `group:"Metrics and interpreters" sep:"none" placeholder:"WORD" needs:"telemetry-service|enable-telemetry" makes:"WSGITelemetryOptions" help:"What is told of requests: +CaptureUserAgent, -CaptureUserAgent, All or None. Repeatable."`
	HealthPath        string   `group:"Metrics and interpreters" ours:"" placeholder:"URL-PATH" daemon:"" makes:"SetHandler" help:"URL path that says whether the application's processes can answer: 200 or 503."`
	SwitchInterval    *float64 `group:"Metrics and interpreters" unless:"free-threading" range:"0.000001..1000" placeholder:"SECONDS" makes:"WSGISwitchInterval switch-interval=" help:"How long a thread may keep Python's lock while others wait for it."`
	FreeThreading     bool     `group:"Metrics and interpreters" makes:"WSGIFreeThreading" help:"Run threads without Python's lock, where the Python was built for it."`
	PythonPath        []string `group:"Metrics and interpreters" kind:"path" sep:"none" placeholder:"DIR" makes:"python-path= WSGIPythonPath" help:"Further folder to look for modules in. Repeatable."`
	PythonEggs        string   `group:"Metrics and interpreters" kind:"path" placeholder:"DIR" makes:"python-eggs= WSGIPythonEggs" help:"Folder to unpack eggs into."`
	PythonWarnings    []string `group:"Metrics and interpreters" sep:"none" placeholder:"SPEC" makes:"WSGIPythonWarnings" help:"Filter of Python's warnings, as its option -W takes it. Repeatable."`
	OrphanInterpreter bool     `group:"Metrics and interpreters" makes:"WSGIDestroyInterpreter" help:"Do not end the Python interpreters when a process ends."`
	VerboseDebugging  bool     `group:"Metrics and interpreters" hidden:"" makes:"WSGIVerboseDebugging LogLevel" help:"Log what the module does."`

	HostAccessScript string `group:"Access control" kind:"file" placeholder:"FILE" makes:"WSGIAccessScript" help:"Python script whose allow_access(environ, host) says who may come in."`
	AuthUserScript   string `group:"Access control" kind:"file" placeholder:"FILE" makes:"AuthType WSGIAuthUserScript Require" help:"Python script that knows the passwords: check_password(environ, user, password), or get_realm_hash(environ, user, realm)."`
	AuthType         string `group:"Access control" default:"Basic" words:"Basic|Digest" placeholder:"TYPE" needs:"auth-user-script" makes:"AuthType" help:"How browsers send them: Basic or Digest."`
	AuthGroupScript  string `group:"Access control" kind:"file" placeholder:"FILE" needs:"auth-user-script" makes:"WSGIAuthGroupScript Require" help:"Python script that knows the groups: groups_for_user(environ, user)."`
	AuthGroup        string `group:"Access control" default:"wsgi" placeholder:"NAME" needs:"auth-group-script" makes:"Require" help:"Group that may come in."`

	IncludeFile   []string `group:"Configuration and environment" kind:"path" sep:"none" placeholder:"FILE" makes:"Include" help:"Apache configuration to include last. Repeatable."`
	RewriteRules  string   `group:"Configuration and environment" kind:"path" placeholder:"FILE" makes:"Include" help:"Rewrite rules for the document root."`
	EnvvarsScript string   `group:"Configuration and environment" kind:"path" placeholder:"FILE" makes:"envvars" help:"Shell fragment read before Apache is started."`
	Lang          string   `group:"Configuration and environment" hidden:"" placeholder:"NAME" makes:"lang= locale=" help:"Older name of --locale."`
	Locale        string   `group:"Configuration and environment" placeholder:"NAME" makes:"lang= locale=" help:"Locale of the processes."`
	SetEnv        Pairs    `group:"Configuration and environment" name:"setenv" placeholder:"KEY VALUE" makes:"SetEnv" help:"Put a value into the environ of each request. Repeatable."`
	PassEnv       []string `group:"Configuration and environment" name:"passenv" sep:"none" placeholder:"KEY" makes:"PassEnv" help:"Pass a variable of this environment to each request. Repeatable."`

	ServerRoot           string `group:"Server root and logs" here:"" kind:"path" placeholder:"DIR" makes:"ServerRoot" help:"Folder for everything that is generated."`
	PidFile              string `group:"Server root and logs" here:"" kind:"path" placeholder:"FILE" makes:"PidFile" help:"File for the process number of Apache."`
	SocketPrefix         string `group:"Server root and logs" here:"" kind:"folder" placeholder:"DIR" makes:"WSGISocketPrefix" help:"Folder for sockets, where the server root has too long a name."`
	LogDirectory         string `group:"Server root and logs" kind:"path" placeholder:"DIR" makes:"ErrorLog" help:"Folder for log files; turns --log-to-terminal off."`
	LogLevel             string `group:"Server root and logs" default:"warn" placeholder:"LEVEL" makes:"LogLevel" help:"Apache's LogLevel: \"info\", or \"info rewrite:trace8\"."`
	AccessLog            bool   `group:"Server root and logs" makes:"CustomLog LogFormat" help:"Log each request."`
	StartupLog           bool   `group:"Server root and logs" makes:"apachectl" help:"Log what Apache says while it reads its configuration."`
	LogToTerminal        bool   `group:"Server root and logs" makes:"ErrorLog" help:"Write the error log to standard error, the access log to standard output."`
	AccessLogFormat      string `group:"Server root and logs" placeholder:"FORMAT" needs:"access-log" makes:"LogFormat CustomLog" help:"Form of its lines: common, combined, or what Apache's LogFormat takes."`
	ErrorLogFormat       string `group:"Server root and logs" placeholder:"FORMAT" makes:"ErrorLogFormat" help:"Form of the lines of the error log."`
	ErrorLogName         string `group:"Server root and logs" default:"error_log" placeholder:"NAME" makes:"ErrorLog" help:"Name of the error log."`
	AccessLogName        string `group:"Server root and logs" default:"access_log" placeholder:"NAME" needs:"access-log" makes:"CustomLog" help:"Name of the access log."`
	StartupLogName       string `group:"Server root and logs" default:"startup_log" placeholder:"NAME" needs:"startup-log" makes:"apachectl" help:"Name of the startup log."`
	RotateLogs           bool   `group:"Server root and logs" makes:"ErrorLog" help:"Begin a new log file when one has its size."`
	MaxLogSize           int    `group:"Server root and logs" default:"5" range:"1..1000000" placeholder:"MEGABYTES" needs:"rotate-logs" makes:"ErrorLog" help:"That size."`
	RotatelogsExecutable string `group:"Server root and logs" here:"" placeholder:"PATH" needs:"rotate-logs" makes:"ErrorLog" help:"The program rotatelogs of Apache."`
	ShellExecutable      string `group:"Server root and logs" here:"" placeholder:"PATH" makes:"apachectl" help:"The shell that runs apachectl."`
	HttpdExecutable      string `group:"Server root and logs" here:"" placeholder:"PATH" makes:"apachectl" help:"The httpd to run."`
	ProcessName          string `group:"Server root and logs" placeholder:"NAME" makes:"apachectl" help:"Name of Apache's processes in ps."`
	ModulesDirectory     string `group:"Server root and logs" here:"" kind:"folder" placeholder:"DIR" makes:"apachectl" help:"Folder of Apache's modules."`

	ServiceScript  Pairs `group:"Services" placeholder:"SERVICE SCRIPT" makes:"WSGIDaemonProcess WSGIImportScript" help:"Python script to run in a process of its own, beside the application. Repeatable."`
	ServiceUser    Pairs `group:"Services" placeholder:"SERVICE USER" needs:"service-script" makes:"user=" help:"User that runs a service when started as root. Repeatable."`
	ServiceGroup   Pairs `group:"Services" placeholder:"SERVICE GROUP" needs:"service-script" makes:"group=" help:"Group of it. Repeatable."`
	ServiceLogFile Pairs `group:"Services" placeholder:"SERVICE FILE" needs:"service-script" makes:"ErrorLog VirtualHost" help:"Log of a service of its own. Repeatable."`

	DebugMode         bool   `group:"Debugging" makes:"apachectl WSGIRestrictStdin" help:"One process with one thread, at this terminal."`
	EnableDebugger    bool   `group:"Debugging" makes:"handler.wsgi" help:"Start pdb where a request fails; implies --debug-mode."`
	DebuggerStartup   bool   `group:"Debugging" needs:"enable-debugger" makes:"handler.wsgi" help:"Start pdb once the application is loaded."`
	EnableCoverage    bool   `group:"Debugging" makes:"handler.wsgi" help:"Record which lines run, with the package coverage; implies --debug-mode."`
	CoverageDirectory string `group:"Debugging" kind:"path" placeholder:"DIR" needs:"enable-coverage" makes:"handler.wsgi" help:"Folder for its report."`
	EnableProfiler    bool   `group:"Debugging" makes:"handler.wsgi" help:"Record where time goes, with cProfile; implies --debug-mode."`
	ProfilerDirectory string `group:"Debugging" kind:"path" placeholder:"DIR" needs:"enable-profiler" makes:"handler.wsgi" help:"Folder for its files."`
	EnableRecorder    bool   `group:"Debugging" makes:"handler.wsgi" help:"Record every request with its response; implies --debug-mode."`
	RecorderDirectory string `group:"Debugging" kind:"path" placeholder:"DIR" needs:"enable-recorder" makes:"handler.wsgi" help:"Folder for these."`
	EnableGDB         bool   `group:"Debugging" name:"enable-gdb" makes:"apachectl handler.wsgi" help:"Run Apache under gdb; implies --debug-mode."`
	GDBExecutable     string `group:"Debugging" here:"" name:"gdb-executable" default:"gdb" placeholder:"PATH" needs:"enable-gdb" makes:"apachectl" help:"The program gdb."`
	SetupOnly         bool   `group:"Debugging" makes:"banner" help:"Generate, do not start."`

	WithNewRelic         bool   `group:"New Relic" name:"with-newrelic" whole:"" makes:"handler.wsgi" help:"Older name of --with-newrelic-agent."`
	WithNewRelicAgent    bool   `group:"New Relic" name:"with-newrelic-agent" whole:"" makes:"handler.wsgi" help:"Run the application under New Relic's Python agent, which must be installed."`
	WithNewRelicPlatform bool   `group:"New Relic" name:"with-newrelic-platform" whole:"" hidden:"" makes:"WSGIServerMetrics" help:"The service was discontinued; implies --server-metrics."`
	NewRelicConfigFile   string `group:"New Relic" name:"newrelic-config-file" whole:"" kind:"path" placeholder:"FILE" needs:"with-newrelic|with-newrelic-agent" makes:"handler.wsgi" help:"Configuration of the agent."`
	NewRelicEnvironment  string `group:"New Relic" name:"newrelic-environment" whole:"" placeholder:"NAME" needs:"with-newrelic|with-newrelic-agent" makes:"handler.wsgi" help:"Section of that configuration."`

	Systemd    bool `group:"Other supervisors" ours:"" here:"" makes:"mod_wsgi.service" help:"Write a unit for systemd into the server root."`
	Dockerfile bool `group:"Other supervisors" ours:"" needs:"setup-only" makes:"Dockerfile .dockerignore" help:"Write a Dockerfile and what it needs into the working directory, in place of a server root."`

	ModuleFile       string `group:"Choice of Apache and Python" here:"" ours:"" kind:"file" placeholder:"FILE" makes:"LoadModule" help:"The mod_wsgi.so to load; found or built otherwise."`
	PythonExecutable string `group:"Choice of Apache and Python" here:"" ours:"" placeholder:"PATH" makes:"WSGIPythonHome" help:"The Python of the application: its own, or a virtual environment's."`
	Apxs             string `group:"Choice of Apache and Python" here:"" ours:"" placeholder:"PATH" makes:"apachectl" help:"The apxs of the Apache to run."`
}
