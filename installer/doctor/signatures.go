package doctor

// Signature is how one kind of trouble looks in a text (rule D-3).
type Signature struct {
	Code    string
	Pattern lateExpression
	Cause   string // ${name} is a group of the pattern

	Versions  []string       // of mod_wsgi, whose words these are: "4", "5", "6", "ours"; nil: of another program
	Platforms []string       // where such a text comes from; nil: anywhere
	After     lateExpression // only behind a line with this; nil: anywhere
}

func sig(code, pattern, cause string) Signature {
	return Signature{Code: code, Pattern: compile(pattern), Cause: cause}
}

func (s Signature) of(versions ...string) Signature         { s.Versions = versions; return s }
func (s Signature) platforms(platforms ...string) Signature { s.Platforms = platforms; return s }

// after makes a signature hold only behind a line with the pattern.
func (s Signature) after(pattern string) Signature {
	s.After = compile(pattern)
	return s
}

// Platforms whose texts are known.
const (
	linux   = "linux"
	macos   = "macos"
	freebsd = "freebsd"
)

// signatures are what is known of the texts of compilers, linkers, the dynamic
// loader, Apache, Python, this toolchain and every generation of the module.
// The first that fits a line explains it, so the special stand before the
// general. Each has a positive and a near-miss text in its test.
var signatures = []Signature{
	// Of this toolchain: what its own errors say.
	sig("MW115", `apxs and server are not of one Apache`, "apxs and the server belong to different installations").of("ours"),
	sig("MW204", `headers do not match the server`, "the headers are of an Apache whose modules that server does not load").of("ours"),
	sig("MW118", `APR of this Apache was built without threads`, "that APR has no threads").of("ours"),
	sig("MW102", `headers of APR are missing`, "the headers of APR are missing").of("ours"),
	sig("MW103", `headers of Apache are missing`, "the headers of Apache are missing").of("ours"),
	sig("MW101", `no apxs found|the apxs (?:given|of \$\w+), .*no such program`, "there is no apxs where it was looked for").of("ours"),
	sig("MW116", `apxs is a Perl program, and perl is not installed`, "apxs is a Perl program, and there is no Perl").of("ours"),
	sig("MW117", `has SONAME \S+, which is not that of Python|this Python contradicts itself`, "the library beside that Python is of another build").of("ours"),
	sig("MW305", `the virtual environment lost its Python|the Python that (?P<home>\S+) was made from is gone`, "the Python that the environment was made from is gone").of("ours"),
	sig("MW107", `it has no shared library to link with`, "that Python has no shared library").of("ours"),
	sig("MW104", `its C headers are missing`, "the headers of that Python are not installed").of("ours"),
	sig("MW111", `it is Python (?P<have>[\d.]+): version [\d.]+ or later is needed|it is older than Python 3\.4`, "that Python is too old for the sources").of("ours"),
	sig("MW317", `/shims/\S*: .*(?:does not answer as Python does|what it is)`, "a shim is named, and leads to no Python here").of("ours"),
	sig("MW114", `there is no bin/python3 in this folder|does not answer as Python does|the Python (?:asked for|of \$\w+), .*(?:no such program|permission denied)|only CPython is supported`, "what was named is no Python that can be built for").of("ours"),
	sig("MW113", `it is for ELFCLASS\S+ EM_\w+, (?:the interpreter|the process it runs in) for`, "one of the files is for another processor than the other").of("ours"),
	sig("MW109", `looking for a C compiler: |the compiler named by CC: (?P<cc>.+?): `, "there is no such C compiler").of("ours"),

	// Of the module of this project, in Apache's log.
	sig("MW303", `WSGIM0304: .*: it is not a folder`, "the Python home, or another folder of a group, is a file").of("ours"),
	sig("MW302", `WSGIM0304: |WSGIM0604: `, "a folder of a group, as its Python home, is not there or may not be entered by its user: the line names it").of("ours"),
	sig("MW301", `(?P<home>/\S+) is not the prefix of a Python`, "${home} holds no Python").of("ours"),
	sig("MW304", `(?P<home>/\S+) is Python \S+ .*has no half for it|has no half for any Python|WSGIM0603: `, "the module has no half for the Python of that environment").of("ours"),
	sig("MW403", `WSGIM0300: |WSGIM0353: |WSGIM0425: |WSGIM0501: `, "parts of the module are missing, or of another version").of("ours"),
	sig("MW310", `WSGIM0630: `, "WSGIFreeThreading needs a Python built without the GIL").of("ours"),

	// Building.
	sig("MW102", `(?:apr|apu)-1-config: (?:command )?not found|(?:apr|apu)-1-config: No such file`, "apxs cannot run apr-1-config: the development files of APR are missing"),
	sig("MW101", `\bapxs2?: (?:command )?not found|'?apxs'? command appears not to be installed`, "there is no apxs: the development files of Apache are missing"),
	sig("MW116", `(?:perl: (?:command )?not found|[/‘']perl[’']?: (?:bad interpreter|No such file))`, "apxs is a Perl program, and there is no Perl"),
	sig("MW103", `(?P<file>httpd\.h|http_config\.h|ap_config\.h|apr(?:_[a-z]+)?\.h)['”"]?(?:: No such file| file not found)`, "${file} is missing: the headers of Apache or APR are not where the compiler looks"),
	sig("MW104", `python(?P<version>3\.\d+)\S*: .*Python\.h: No such file`, "Python.h of Python ${version} is missing"),
	sig("MW104", `(?P<file>Python\.h|pyconfig\.h|patchlevel\.h)['”"]?(?:: No such file| file not found)`, "${file} is missing: the headers of that Python are not installed"),
	sig("MW105", `redhat-(?:hardened|annobin)-cc1|cannot read spec file|annobin.*cannot open`, "the flags of Apache or Python name compiler specs that are not installed").platforms(linux),
	sig("MW110", `-B\s*\S*compiler_compat|compiler_compat/ld`, "conda's linker is in the way"),
	sig("MW106", `(?:unrecognized command[- ]line option|unknown argument:?) [‘'"]?(?P<flag>-[^’'"\s]+)`, "the compiler does not know ${flag}, which came from the flags of Apache or Python"),
	sig("MW107", `recompile with -fPIC|Nonrepresentable section on output|relocation R_\S+ against .*libpython`, "the only libpython of that Python is a static archive that cannot go into a module"),
	sig("MW108", `cannot find -lpython(?P<version>3\.\d+)?(?P<abi>[a-z]*)|library not found for -lpython(?P<version2>3\.\d+)?|library 'python\S*' not found`, "the linker finds no libpython"),
	sig("MW120", `(?:internal compiler error|cc1\S*|fatal error): Killed|virtual memory exhausted`, "the compiler ran out of memory"),
	sig("MW109", `(?P<cc>[\w.+-]*(?:gcc|clang|cc)(?:-\d+)?): (?:command )?not found|exec: "(?P<cc2>[\w.+-]*(?:gcc|clang|cc)(?:-\d+)?)": executable file not found`, "the compiler ${cc} is not there"),
	sig("MW111", `#\s*error.*(?:[Aa]t least Python|Python.*(?:or newer|required|is needed))|(?:incomplete type|invalid use of incomplete typedef) .*Py(?:InterpreterState|ThreadState)|fatal error: '?(?:node|parsetok|grammar|graminit|symtable|eval|longintrepr|pyarena)\.h'?(?::| file not found)|implicit declaration of function ['‘]_?Py[A-Z_]\w*['’]|error: ['‘]_?Py[A-Z_]\w*['’] undeclared|use of undeclared identifier '_?Py[A-Z_]\w*'`, "those C sources and that Python are of different times").of("4", "5", "6"),
	sig("MW112", `building for macOS-\S+ but|have '(?:arm64e?|x86_64)', need '(?:arm64e?|x86_64)'`, "Apache and Python are of different architectures").platforms(macos),
	sig("MW119", `(?:bad interpreter|cannot execute|fork/exec \S+): [Pp]ermission denied`, "a program that was just made may not be run: the folder is on a file system mounted noexec"),
	sig("MW118", `APR_HAS_THREADS\s+0`, "that APR has no threads"),

	// Loading.
	sig("MW201", `(?P<lib>libpython[\w.]+): cannot open shared object file`, "the loader does not find ${lib}").platforms(linux),
	sig("MW201", `Library not loaded: (?P<lib>\S*(?:libpython|Python\.framework)\S*)|Shared object "(?P<lib2>libpython[\w.]+)" not found`, "the loader does not find ${lib}").platforms(macos, freebsd),
	sig("MW211", `undefined symbol: XML_\w+|pyexpat.*undefined symbol`, "two versions of expat meet in one process, Apache's and Python's"),
	sig("MW217", `undefined symbol: (?P<sym>SSL_\w+|forkpty|openpty|round|dlopen)\b`, "a static libpython lacks the libraries that it needs (${sym})"),
	sig("MW202", `undefined symbol: (?P<sym>_?Py[A-Z_]\w*)`, "${sym} is not in the libpython that was loaded: another library of the same name came first, or the module was built for another Python"),
	sig("MW203", `undefined symbol: (?P<sym>(?:ap|apr)_\w+)`, "${sym} is not in this Apache: the module was built for another one"),
	sig("MW204", `is not compatible with this version of Apache(?: \(found (?P<found>\d+), need (?P<need>\d+)\))?|API module structure '\w+' in file \S+ is garbled`, "the module was built for another Apache"),
	sig("MW205", `wrong ELF class|invalid ELF header|\.so: file too short|is not a valid Win32|mach-o, but wrong architecture|incompatible architecture|Exec format error`, "the module is for another kind of processor or is no module at all"),
	sig("MW206", `AH06665|[Nn]o code signing authority|no cdhash|code signature .*not valid`, "macOS loads only signed modules into its own Apache").platforms(macos),
	sig("MW207", "Can't locate API module structure [`'\"]?(?P<name>\\w+)", "the file has no module ${name}: of mod_wsgi it is wsgi_module"),
	sig("MW210", "version [`'\"]?(?P<version>(?:GLIBC|GLIBCXX|ZLIB|OPENSSL|CXXABI)_[\\w.]+)['\"]? not found", "${version} is not in this system's library: something was built on a newer system, or conda's libraries meet the system's").platforms(linux),
	sig("MW209", `(?P<path>[/\w.-]*(?:mod_wsgi\S*\.so|wsgi-embed\.so|wsgi-host)): (?:cannot open shared object file: Permission denied|failed to map segment)`, "${path} may not be opened: a folder on the way, or its SELinux label"),
	sig("MW215", `Cannot load (?P<path>\S*mod_wsgi\S*) into server: .*No such file`, "there is no ${path}"),
	sig("MW213", `AH00534`, "Apache has no MPM, or more than one"),
	sig("MW214", `Invalid command '(?P<directive><?WSGI\w+)'`, "${directive} is unknown: the module is not loaded, or does not know the directive"),
	sig("MW208", `AH01574: module wsgi_module is already loaded`, "wsgi_module is loaded twice; the first LoadModule wins"),
	sig("MW216", `AH00111.*\$\{(?P<variable>APACHE_\w+)\}|AH00526.*\$\{(?P<variable2>APACHE_\w+)\}`, "${variable} is not set: the server was started without its envvars"),

	// Restarting.
	sig("MW316", `WSGI0036.*memory allocation failed|Python.*memory allocation failed|exit signal Segmentation fault`, "Python did not start again after a graceful restart").of("4", "5", "6").after(`AH0049[34]|Graceful restart requested|caught SIGUSR1`),

	// Running.
	sig("MW301", `No module named 'encodings'|init_fs_encoding|initfsencoding|WSGI0210|WSGI0036|WSGI0001: Python initialisation failed`, "Python does not find its own library: WSGIPythonHome or python-home= does not fit the Python of the module, or cannot be read").of("4", "5", "6", "ours"),
	sig("MW303", `WSGI0101|Python home (?:'?(?P<home>/\S+?)'? )?is not a directory|home names a file`, "the Python home names a file").of("4", "5", "6"),
	sig("MW302", `(?:WSGI0100|Unable to stat Python home)(?:: Unable to stat Python home)?(?: (?P<home>/\S*[^.\s]))?`, "the Python home is not there, or the server's user may not reach it").of("4", "5", "6"),
	sig("MW318", `WSGI0010|WSGI0025|Unable to change working directory to home`, "the daemon's user has no home folder that can be entered").of("4", "5", "6"),
	sig("MW309", `WSGI0117|(?:Unable to connect to WSGI daemon process|bind).*(?:\.sock).*Permission denied|Permission denied.*(?:wsgi\S*\.sock)`, "Apache's children may not reach the socket of the daemon processes").of("4", "5", "6"),
	sig("MW311", `does not support loading in subinterpreters|PyO3 modules do not yet support subinterpreters|Interpreter change detected - this module can only|cannot load module more than once per process|cannot import name '\w+' from 'psycopg2\._psycopg'|has been enabled to load module '(?P<module>[\w.]+)', which has not declared`, "an extension module cannot run in a sub-interpreter, or without the GIL"),
	sig("MW310", `WSGIFreeThreading.*(?:no effect|not supported|not built without the GIL)`, "WSGIFreeThreading needs a Python built without the GIL").of("6", "ours"),
	sig("MW315", `Truncated or oversized response headers|WSGI014[4-7]|Timeout when reading response headers from daemon process`, "the daemon process of the original ended, or answered nothing, while a request ran").of("4", "5", "6"),
	sig("MW320", `No WSGI daemon process called '?(?P<group>[^' ]*)'?`, "there is no daemon group ${group} for that request").of("4", "5", "6"),
	sig("MW313", `apparmor="DENIED".*profile="(?P<profile>[^"]*(?:apache2|httpd)[^"]*)"`, "AppArmor forbids it to Apache").platforms(linux),
	sig("MW314", `avc:\s+denied\s+\{ (?P<what>[\w ]+) \}.*httpd_t`, "SELinux forbids httpd to ${what}").platforms(linux),
	sig("MW312", `ModuleNotFoundError: No module named '(?P<module>[\w.]+)'`, "the application needs ${module}, which the Python it runs with does not have"),
	sig("MW319", `Target WSGI script '?(?P<path>/[^']*?)'? (?:cannot be loaded|does not contain)|Failed to (?:exec|parse) Python script file|populate\(\) isn't reentrant`, "the script could not be imported: the first traceback of that process says why").of("4", "5", "6"),
}
