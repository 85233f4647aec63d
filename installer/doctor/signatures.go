package doctor

import "regexp"

// Packages that fixes name, by family.
var (
	apacheDev = map[string]string{"debian": "apache2-dev", "fedora": "httpd-devel", "suse": "apache2-devel", "alpine": "apache2-dev build-base", "arch": "apache", "freebsd": "apache24", "macos": "httpd", "": "the development files of Apache httpd"}
	aprDev    = map[string]string{"debian": "libapr1-dev libaprutil1-dev", "fedora": "apr-devel apr-util-devel", "suse": "libapr1-devel libapr-util1-devel", "alpine": "apr-dev apr-util-dev", "arch": "apr apr-util", "freebsd": "apr", "macos": "apr apr-util", "": "the development files of apr and apr-util"}
	pythonDev = map[string]string{"debian": "python3-dev", "fedora": "python3-devel", "suse": "python3-devel", "alpine": "python3-dev", "arch": "python", "freebsd": "python3", "macos": "python", "": "the development files of that Python"}
	compiler  = map[string]string{"debian": "gcc libc6-dev", "fedora": "gcc", "suse": "gcc", "alpine": "build-base", "arch": "gcc", "freebsd": "gcc", "macos": "gcc", "": "a C compiler"}
	perl      = map[string]string{"debian": "perl", "fedora": "perl", "suse": "perl", "alpine": "perl", "arch": "perl", "freebsd": "perl5", "macos": "perl", "": "perl"}
	redhat    = map[string]string{"fedora": "redhat-rpm-config annobin", "": "redhat-rpm-config annobin"}
)

func sig(code, pattern, cause string, fix ...Remedy) Signature {
	return Signature{Code: code, Pattern: regexp.MustCompile(pattern), Cause: cause, Fix: fix}
}

func do(text string) Remedy                     { return Remedy{Text: text} }
func install(packages map[string]string) Remedy { return Remedy{Packages: packages} }

// signatures are what is known of the texts of compilers, linkers, the dynamic
// loader, Apache and both generations of the original module. The first that
// fits a line explains it, so the special stand before the general. Each has a
// positive and a near-miss text in its test.
var signatures = []Signature{
	// Building.
	sig("MW102", `apr-1-config: (?:command )?not found|apr-1-config: No such file`, "apxs cannot run apr-1-config: the development files of APR are missing", install(aprDev)),
	sig("MW101", `\bapxs2?: (?:command )?not found|'?apxs'? command appears not to be installed`, "there is no apxs: the development files of Apache are missing", install(apacheDev), do("or name another Apache: APXS=/path/to/apxs")),
	sig("MW116", `(?:perl: (?:command )?not found|/perl: bad interpreter)`, "apxs is a Perl program, and there is no Perl", install(perl)),
	sig("MW103", `(?P<file>httpd\.h|http_config\.h|ap_config\.h|apr(?:_[a-z]+)?\.h)['”"]?(?:: No such file| file not found)`, "${file} is missing: the headers of Apache or APR are not where the compiler looks", install(apacheDev), do("go tool mage discover lists the Apaches that have headers")),
	sig("MW104", `(?P<file>Python\.h|pyconfig\.h|patchlevel\.h)['”"]?(?:: No such file| file not found)`, "${file} is missing: the headers of that Python are not installed", install(pythonDev), do("for a Python 3.N beside the system's: python3.N-dev (Debian) or python3.N-devel (Fedora), of that very N")),
	sig("MW105", `redhat-(?:hardened|annobin)-cc1|cannot read spec file|annobin.*cannot open`, "the flags of Apache or Python name compiler specs that are not installed", install(redhat), do("or build with the default profile, which takes no such flags over")),
	sig("MW110", `-B\s*\S*compiler_compat|compiler_compat/ld`, "conda's linker is in the way", do("conda deactivate, or CC=gcc")),
	sig("MW106", `(?:unrecognized command[- ]line option|unknown argument:?) [‘'"]?(?P<flag>-[^’'"\s]+)`, "the compiler does not know ${flag}, which came from the flags of Apache or Python", do("build with the default profile, or name the compiler those flags are for: CC=")),
	sig("MW107", `recompile with -fPIC|Nonrepresentable section on output|relocation R_\S+ against .*libpython`, "the only libpython of that Python is a static archive that cannot go into a module", do("use a Python with a shared library: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.N, the system's, or uv's")),
	sig("MW108", `cannot find -lpython(?P<abi>\S*)|library not found for -lpython(?P<mac>\S*)|library 'python\S*' not found`, "the linker finds no libpython${abi}", install(pythonDev), do("go tool mage discover names the library that each Python has")),
	sig("MW120", `(?:internal compiler error|cc1\S*|fatal error): Killed|virtual memory exhausted`, "the compiler ran out of memory", do("build with fewer jobs: MODWSGI_JOBS=1")),
	sig("MW109", `(?P<cc>[\w.+-]*(?:gcc|clang|cc)(?:-\d+)?): (?:command )?not found|exec: "(?P<go>[\w.+-]*(?:gcc|clang|cc)(?:-\d+)?)": executable file not found`, "the compiler ${cc}${go} is not there", install(compiler), do("or name another: CC=clang")),
	sig("MW111", `#error.*(?:[Aa]t least Python|Python.*(?:or newer|required|is needed))|incomplete type .*PyInterpreterState`, "those C sources and that Python are of different times", do("take a newer release of the sources or a Python that they support")),
	sig("MW112", `building for macOS-\S+ but|have '(?:arm64e?|x86_64)', need '(?:arm64e?|x86_64)'`, "Apache and Python are of different architectures", do("take both from one Homebrew: arm64 with arm64")),
	sig("MW119", `(?:bad interpreter|cannot execute|fork/exec \S+): [Pp]ermission denied`, "a program that was just made may not be run: the folder is on a file system mounted noexec", do("TMPDIR=/a/folder/on/another/file/system")),
	sig("MW118", `APR_HAS_THREADS\s+0|APR was built without thread`, "that APR has no threads", do("use an Apache whose APR was built with threads")),

	// Loading.
	sig("MW201", `(?P<lib>libpython[\w.]+): cannot open shared object file`, "the loader does not find ${lib}", do(`before LoadModule: LoadFile "/full/path/of/${lib}"`), do("or build again: the module then names the folder itself")),
	sig("MW211", `undefined symbol: XML_\w+|pyexpat.*undefined symbol`, "two versions of expat meet in one process, Apache's and Python's", do("run the application in a daemon group of the two-part module, which has no Python in Apache"), do("or use the system's Python")),
	sig("MW217", `undefined symbol: (?P<sym>SSL_\w+|forkpty|openpty|round|dlopen)\b`, "a static libpython lacks the libraries that it needs (${sym})", do("use a Python with a shared library")),
	sig("MW202", `undefined symbol: (?P<sym>_?Py\w+)`, "${sym} is not in the libpython that was loaded: another library of the same name came first, or the module was built for another Python", do("LD_DEBUG=libs httpd -t 2>&1 | grep libpython shows which file it is"), do("build again for the Python that is to run")),
	sig("MW203", `undefined symbol: (?P<sym>(?:ap|apr)_\w+)`, "${sym} is not in this Apache: the module was built for another one", do("build again with the apxs of this Apache")),
	sig("MW204", `is not compatible with this version of Apache(?: \(found (?P<found>\d+), need (?P<need>\d+)\))?|module magic number.*mismatch`, "the module was built for another Apache", do("build again with the apxs of this Apache: APXS=/path/to/apxs go tool mage build")),
	sig("MW205", `wrong ELF class|invalid ELF header|mach-o, but wrong architecture|incompatible architecture`, "the module is for another kind of processor or is no module at all", do("build it on this machine")),
	sig("MW206", `AH06665|[Nn]o code signing authority|no cdhash|code signature .*not valid`, "macOS loads only signed modules into its own Apache", do("use Homebrew's Apache: brew install httpd"), do("or sign the module: codesign -f -s - mod_wsgi.so")),
	sig("MW207", "Can't locate API module structure [`'\"]?(?P<name>\\w+)", "the file has no module ${name}: of mod_wsgi it is wsgi_module", do(`LoadModule wsgi_module "/path/of/mod_wsgi.so"`), do("if that is what stands there: the module was linked with its record hidden, build it again")),
	sig("MW210", "version [`'\"]?(?P<version>(?:GLIBC|GLIBCXX|ZLIB|OPENSSL|CXXABI)_[\\w.]+)['\"]? not found", "${version} is not in this system's library: something was built on a newer system, or conda's libraries meet the system's", do("build on this system, or on the oldest that it is to run on")),
	sig("MW209", `(?:mod_wsgi\S*\.so|wsgi-embed\.so|wsgi-host)\S*: (?:cannot open shared object file: Permission denied|failed to map segment)`, "the module may not be read: a folder on the way, or its SELinux label", do("namei -l /path/of/mod_wsgi.so shows which folder"), do("restorecon -v /path/of/mod_wsgi.so")),
	sig("MW215", `Cannot load (?P<file>\S*mod_wsgi\S*) into server: .*No such file`, "there is no ${file}", do("install the module again, into Apache's own modules folder rather than into an environment that can go")),
	sig("MW213", `AH00534`, "Apache has no MPM, or more than one", do("load exactly one of mpm_event, mpm_worker and mpm_prefork")),
	sig("MW214", `Invalid command '(?P<name><?WSGI\w+)'`, "${name} is unknown: the module is not loaded, not yet loaded at that line, or does not know the directive", do("put LoadModule wsgi_module before it (Debian: a2enmod wsgi)")),
	sig("MW208", `AH01574: module wsgi_module is already loaded`, "wsgi_module is loaded twice; the first LoadModule wins", do("grep -rn wsgi_module the configuration, and keep one line")),
	sig("MW216", `AH00111.*\$\{(?P<name>APACHE_\w+)\}|AH00526.*\$\{(?P<other>APACHE_\w+)\}`, "${name}${other} is not set: the server was started without its envvars", do("use apachectl (Debian: apache2ctl), or . /etc/apache2/envvars first")),

	// Running.
	sig("MW301", `No module named 'encodings'|init_fs_encoding|initfsencoding|WSGI0210|WSGI0036`, "Python does not find its own library: WSGIPythonHome or python-home= does not fit the Python of the module, or cannot be read", do("name the environment, not its bin/python: mod_wsgi-express module-config prints the line that fits"), do("check each folder of it as the server's user: sudo -u www-data ls")),
	sig("MW303", `WSGI0101|Python home .* is not a directory|home names a file`, "the Python home names a file", do("name the folder that holds bin/python")),
	sig("MW302", `WSGI0100|Unable to stat Python home`, "the Python home is not there, or the server's user may not reach it", do("namei -l /the/home shows the folder without x for others")),
	sig("MW318", `WSGI0010|WSGI0025|Unable to change working directory to home`, "the daemon's user has no home folder that can be entered", do("home=/a/folder on the WSGIDaemonProcess line")),
	sig("MW309", `WSGI0117|(?:Unable to connect to WSGI daemon process|bind).*(?:\.sock).*Permission denied|Permission denied.*(?:wsgi\S*\.sock)`, "Apache's children may not reach the socket of the daemon processes", do("WSGISocketPrefix /var/run/wsgi (not below /tmp)"), do("or the two-part module, which has no socket on disk")),
	sig("MW311", `does not support loading in subinterpreters|PyO3 modules do not yet support subinterpreters|Interpreter change detected - this module can only|cannot load module more than once per process|cannot import name '\w+' from 'psycopg2\._psycopg'|has been enabled to load module '(?P<mod>[\w.]+)', which has not declared`, "an extension module cannot run in a sub-interpreter, or without the GIL", do("WSGIApplicationGroup %{GLOBAL}"), do("mod_wsgi-express audit VENV names each such module")),
	sig("MW310", `WSGIFreeThreading.*(?:no effect|not supported)`, "WSGIFreeThreading needs a Python built without the GIL", do("choose a build whose name ends in t: PYTHON=3.13t")),
	sig("MW315", `Truncated or oversized response headers`, "the daemon process of the original ended, or answered nothing, while a request ran", do("look above it for a signal, an exit or a timeout of that process"), do("the two-part module says which of them it was")),
	sig("MW313", `apparmor="DENIED".*(?:apache2|httpd)`, "AppArmor forbids it to Apache", do("aa-logprof, or adapt the profile named in that line")),
	sig("MW314", `avc:\s+denied\s+\{ (?P<what>[\w ]+) \}.*httpd_t`, "SELinux forbids httpd to ${what}", do("audit2why -a says which boolean or label is missing; semanage fcontext and restorecon set a label")),
	sig("MW312", `ModuleNotFoundError: No module named '(?P<mod>[\w.]+)'`, "the application needs ${mod}, which the Python it runs with does not have", do("install it there: python-home= or WSGIPythonHome names the environment"), do("or add its folder: python-path= on the WSGIDaemonProcess line")),
}
