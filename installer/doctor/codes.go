package doctor

// Packages that fixes name, by family.
var (
	apacheDev   = map[string]string{"debian": "apache2-dev", "fedora": "httpd-devel", "suse": "apache2-devel", "alpine": "apache2-dev build-base", "arch": "apache", "freebsd": "apache24", "macos": "httpd", "": "the development files of Apache httpd"}
	aprDev      = map[string]string{"debian": "libapr1-dev libaprutil1-dev", "fedora": "apr-devel apr-util-devel", "suse": "libapr1-devel libapr-util1-devel", "alpine": "apr-dev apr-util-dev", "arch": "apr apr-util", "freebsd": "apr", "macos": "apr apr-util", "": "the development files of apr and apr-util"}
	pythonDev   = map[string]string{"debian": "python3-dev", "fedora": "python3-devel", "suse": "python3-devel", "alpine": "python3-dev", "arch": "python", "freebsd": "python3", "macos": "python", "": "the development files of that Python"}
	pythonDevOf = map[string]string{"debian": "python${version}-dev", "fedora": "python${version}-devel", "suse": "python${version}-devel", "alpine": "python3-dev", "arch": "python", "freebsd": "python3", "macos": "python@${version}", "": "the development files of Python ${version}"}
	compiler    = map[string]string{"debian": "gcc libc6-dev", "fedora": "gcc", "suse": "gcc", "alpine": "build-base", "arch": "gcc", "freebsd": "gcc", "macos": "gcc", "": "a C compiler"}
	perl        = map[string]string{"debian": "perl", "fedora": "perl", "suse": "perl", "alpine": "perl", "arch": "perl", "freebsd": "perl5", "macos": "perl", "": "perl"}
)

func do(text string) Remedy                             { return Remedy{Text: text} }
func install(packages map[string]string) Remedy         { return Remedy{Packages: packages} }
func on(families map[string]string, text string) Remedy { return Remedy{On: families, Text: text} }
func without(value string, r Remedy) Remedy             { r.Without = value; return r }
func debian(command, elsewhere string) Remedy {
	return on(map[string]string{"debian": command}, elsewhere)
}
func fixes(list ...Remedy) []Remedy { return list }

// restorecon sets SELinux's labels anew, where there are any.
var restorecon = on(map[string]string{"fedora": "restorecon -v ${path}", "suse": "restorecon -v ${path}"}, "")

// codes are all that is known to go wrong, by number: 1 before a module is
// built, 2 when Apache loads it, 3 when it runs, 4 of how it was installed.
var codes = []Code{
	{"MW101", Error, "there is no apxs", "no module can be built for this Apache",
		fixes(install(apacheDev), do("or name another Apache: APXS=/path/to/apxs"))},
	{"MW102", Error, "`apr-1-config` or the headers of APR are missing", "APR's definitions are not known, and a module built without them may not fit",
		fixes(install(aprDev))},
	{"MW103", Error, "`httpd.h` is missing: the headers of Apache are not where apxs says", "nothing can be compiled for it",
		fixes(install(apacheDev), do("mod_wsgi-express discover lists each Apache of this machine and what it lacks"))},
	{"MW104", Error, "`Python.h` or `pyconfig.h` is missing: the headers of that Python are not installed", "no Python half can be built for it",
		fixes(install(pythonDevOf), without("version", install(pythonDev)), do("a Python that was not installed by packages: install it again, whole; its headers belong to it"))},
	{"MW105", Error, "the flags of Apache or Python name compiler specs or plugins that are not installed", "the compiler stops before it reads a line",
		fixes(on(map[string]string{"fedora": "dnf install redhat-rpm-config annobin"}, ""), do("build with the default profile, which takes no such flags over"))},
	{"MW106", Error, "a flag of another compiler reached this one", "the compiler refuses it",
		fixes(do("build with the default profile, or name the compiler that those flags are for: CC="))},
	{"MW107", Error, "that Python has no shared library, only a static archive", "it cannot go into a module, or into wsgi-embed.so",
		fixes(do("PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.N, or another Python that has one: the system's, or one of uv"))},
	{"MW108", Error, "the linker finds no libpython", "no Python half can be linked",
		fixes(install(pythonDevOf), without("version", install(pythonDev)), do("mod_wsgi-express discover names the library that each Python has"))},
	{"MW109", Error, "there is no C compiler, or only the name of one that another machine had", "nothing can be compiled",
		fixes(install(compiler), do("or name another: CC=clang"))},
	{"MW110", Error, "a compiler or linker of conda is in the way", "it takes conda's C library and headers, which are not those that Apache runs with",
		fixes(do("conda deactivate, or CC=/usr/bin/gcc"))},
	{"MW111", Error, "the C sources and that Python are of different times", "they do not compile, or must not be run together",
		fixes(do("take a newer release of the sources, or a Python that they support (ours: 3.9 and later)"))},
	{"MW112", Error, "parts of different processors are to be linked on macOS", "the linker refuses them",
		fixes(do("take Apache and Python from one Homebrew: arm64 with arm64"))},
	{"MW113", Error, "Apache and Python are for different processors, or one has 32 bits", "no file can be for both",
		fixes(do("take an Apache and a Python of the same kind: PYTHON=/path/to/python3"))},
	{"MW114", Error, "what was named is no Python", "there is nothing to build for",
		fixes(do("PYTHON=/path/to/bin/python3, the folder of an installation or environment, or a version such as 3.12"))},
	{"MW115", Error, "apxs and the server belong to different installations", "a module for the one may not load into the other",
		fixes(do("name apxs and server of one installation: APXS=/path/to/apxs, and --httpd-executable beside it"))},
	{"MW116", Error, "apxs is a Perl program, and there is no Perl", "no module can be built, unless its config_vars.mk is found without it",
		fixes(install(perl))},
	{"MW117", Error, "the library beside that Python is of another build of the same version: without the GIL, or with debugging", "a module linked with it crashes",
		fixes(do("name the other Python: PYTHON=3.Nt for a build without the GIL, 3.N for the usual one"), do("mod_wsgi-express discover names the library that each Python has"))},
	{"MW118", Error, "the APR of this Apache has no threads", "the module needs them",
		fixes(do("use an Apache whose APR was built with threads: APXS=/path/to/apxs"))},
	{"MW119", Error, "programs on the file system of temporary files may not be run (noexec)", "what is built to be tried there cannot be",
		fixes(do("TMPDIR=/a/folder/on/another/file/system"))},
	{"MW120", Error, "the compiler was killed, or had no memory left", "nothing is built",
		fixes(do("build with fewer jobs: MODWSGI_JOBS=1"))},

	{"MW201", Error, "the libpython that a module or a Python half was linked with is not found", "Apache does not load the module, or the groups that use the half do not start",
		fixes(do(`LoadFile "${path}" before the LoadModule line`), without("path", do(`LoadFile "/full/path/of/libpython" before the LoadModule line`)), do("or build that half again: mod_wsgi-express build --python PATH; it then names the folder itself"))},
	{"MW202", Error, "the module takes something of Python that the libpython which is loaded does not have", "another library of the same name came first, or the module was built for another Python; Apache does not load it",
		fixes(do("LD_DEBUG=libs httpd -t 2>&1 | grep libpython shows which file it is"), do("build again for the Python that is to run: mod_wsgi-express build --python PATH"))},
	{"MW203", Error, "the module takes something of Apache or APR that this one does not have", "it was built for another Apache, and is not loaded",
		fixes(do("build again with the apxs of this Apache: mod_wsgi-express build --apxs PATH"))},
	{"MW204", Error, "the module, or the headers, are of an Apache with another module interface", "Apache does not load the module",
		fixes(do("build again with the apxs of this Apache: mod_wsgi-express build --apxs PATH"))},
	{"MW205", Error, "the file is for another kind of processor, or is no module at all", "Apache does not start",
		fixes(do("build it on this machine: mod_wsgi-express build"))},
	{"MW206", Error, "macOS loads only signed modules into its own Apache", "Apache does not load the module",
		fixes(do("use Homebrew's Apache: brew install httpd"), do("or sign the module: codesign -f -s - mod_wsgi.so"))},
	{"MW207", Error, "the file has no module of the name that the line says; of mod_wsgi it is `wsgi_module`", "Apache does not start",
		fixes(do(`LoadModule wsgi_module "/path/of/mod_wsgi.so"`), do("if that is what stands there: the module was linked with its record hidden, or is another one; mod_wsgi-express build"))},
	{"MW208", Error, "`wsgi_module` is loaded twice", "the first line wins, and the other is passed over with a warning",
		fixes(debian("a2dismod ${name}", ""), without("name", do("grep -rn wsgi_module in the configuration, and keep one line")), without("name", debian("a2dismod of one of them", "")))},
	{"MW209", Error, "the module may not be opened: a folder on the way, the file itself, or its SELinux label", "Apache does not start",
		fixes(do("namei -l ${path}"), restorecon, without("path", do("namei -l /path/of/mod_wsgi.so shows which folder")),
			without("path", on(map[string]string{"fedora": "restorecon -v /path/of/mod_wsgi.so"}, "")), do("or install it into Apache's modules folder: mod_wsgi-express install-module"))},
	{"MW210", Error, "a library of this system is older than the one that something was built with, or conda's meets the system's", "the loader refuses it",
		fixes(do("build on this system, or on the oldest that it is to run on"))},
	{"MW211", Error, "two versions of expat meet in one process, Apache's and Python's", "`import pyexpat` fails or crashes",
		fixes(do("run the application in a daemon group of the two-part module, which has no Python in Apache"), do("or use the system's Python"))},
	{"MW212", Warning, "another module or a LoadFile brings a libpython of the same name from another file", "the first one that is loaded wins for both, and the run path of the module is ignored",
		fixes(do("use the two-part module, which has no Python in Apache's own processes"), do("or remove the other one, or give it a server of its own"))},
	{"MW213", Error, "Apache has no MPM, or more than one", "Apache does not start",
		fixes(debian("a2dismod mpm_prefork mpm_worker; a2enmod mpm_event", "load exactly one of mpm_event, mpm_worker and mpm_prefork"))},
	{"MW214", Error, "there are WSGI directives, and the module is not loaded", "Apache does not start",
		fixes(debian("a2enmod wsgi, if the line that loads it is there and not enabled", ""), do("mod_wsgi-express module-config prints the LoadModule line"))},
	{"MW215", Error, "the file of the module is not there, or is a link that leads nowhere", "Apache does not start",
		fixes(do("mod_wsgi-express install-module, into Apache's own modules folder rather than into an environment that can go"))},
	{"MW216", Error, "a variable of the configuration such as `${APACHE_RUN_DIR}` is not set", "the server was started without its envvars, and takes the name for a value",
		fixes(debian("apache2ctl configtest and apache2ctl start; or . /etc/apache2/envvars before apache2", "apachectl, which reads envvars, in place of httpd"))},
	{"MW217", Error, "a static libpython lacks the libraries that it needs", "Apache does not load the module",
		fixes(do("PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.N, or another Python with a shared library"))},

	{"MW301", Error, "Python does not find its own library: the Python home does not fit the Python of the module, or cannot be read", "Python does not start, and each request fails",
		fixes(do("python-home=${fits}"), do("name the environment, not its bin/python: mod_wsgi-express module-config prints the line that fits"),
			debian("sudo -u www-data ls ${home}", ""))},
	{"MW302", Error, "the Python home is not there, or the server's user may not reach it", "Python does not start",
		fixes(do("chmod o+x ${closed}"), without("closed", do("namei -l ${home}")), without("home", do("namei -l /the/home shows the folder that is missing, or has no x for others")),
			without("closed", do("make the environment, or correct the line")), do("or move the environment to a folder that all may enter, as /srv or /opt"))},
	{"MW303", Error, "the Python home names a file", "Python does not start",
		fixes(do("python-home=${fits}"), do("name the folder that holds bin/python, not the program"))},
	{"MW304", Error, "the environment was made with another Python than the module has", "its packages are not found, or Python does not start",
		fixes(do("mod_wsgi-express build --python ${home}"), without("home", do("mod_wsgi-express build --python /the/environment")), do("or make the environment again with a Python that the module has"))},
	{"MW305", Error, "the Python that the environment was made from is gone", "Python does not start",
		fixes(do("python3 -m venv --clear ${home}"), without("home", do("python3 -m venv --clear /the/environment")), do("then install its packages again"))},
	{"MW306", Warning, "the Python behind a half is not the one it was built with any more", "it works as long as the library is shared and of the same 3.N; debuggers and headers do not fit",
		fixes(do("mod_wsgi-express build --python ${python}"), without("python", do("build the half again: mod_wsgi-express build --python PATH")))},
	{"MW307", Warning, "the module's Python is no system's, and nothing says where it lies", "Python may take another one's library",
		fixes(do("WSGIPythonHome ${fits}"), do("or python-home= on each WSGIDaemonProcess line; mod_wsgi-express module-config prints it"))},
	{"MW308", Warning, "conda's Python is to run inside an Apache that has loaded mod_ssl or mod_php", "both bring libssl or libcrypto, and only one of each can be in a process",
		fixes(do("use the two-part module and a daemon group: its Python is in processes of its own"), do("or a separate server for the application"))},
	{"MW309", Error, "Apache's children may not reach the socket of the daemon processes", "each request is a 503",
		fixes(on(map[string]string{"fedora": "WSGISocketPrefix /var/run/wsgi"}, "WSGISocketPrefix run/wsgi, never below /tmp"), do("or the two-part module, which has no socket on disk"))},
	{"MW310", Warning, "`WSGIFreeThreading On` and a Python with a GIL", "it has no effect",
		fixes(do("choose a build whose name ends in t: PYTHON=3.13t; or remove the directive"))},
	{"MW311", Error, "an extension module cannot run in a sub-interpreter, or without the GIL", "its import fails, or takes the GIL into use again",
		fixes(do("WSGIApplicationGroup %{GLOBAL}"), do("mod_wsgi-express audit VENV names each such module"))},
	{"MW312", Error, "the application needs a module that the Python it runs with does not have", "the script cannot be imported",
		fixes(do("${home}/bin/python -m pip install ${module}"), without("home", do("install it there: python-home= or WSGIPythonHome names the environment")), do("or add its folder: python-path= on the WSGIDaemonProcess line"))},
	{"MW313", Error, "AppArmor forbids something to Apache", "files cannot be read, or programs not be run",
		fixes(do("allow it in the profile ${profile}, then apparmor_parser -r on its file in /etc/apparmor.d"), do("aa-logprof proposes the line"))},
	{"MW314", Error, "SELinux forbids something to Apache", "files cannot be read, or connections not be made",
		fixes(do("audit2why -a says which boolean or label is missing; setsebool -P httpd_can_network_connect on is such a one"), do("semanage fcontext -a -t httpd_sys_content_t '/the/folder(/.*)?' and restorecon -Rv /the/folder set a label; never turn SELinux off for it"))},
	{"MW315", Error, "the daemon process of the original ended, or answered nothing, while a request ran", "the client gets a 500 or 502 that does not say why",
		fixes(do("look above it for a signal, an exit or a timeout of that process; CoreDumpDirectory keeps a core of it"), do("the two-part module says which of them it was"))},
	{"MW316", Error, "Python cannot start again after Apache was restarted gracefully", "the module was unloaded and loaded in one process, which Python does not survive for ever",
		fixes(debian("systemctl restart apache2, in place of a reload", "stop Apache and start it, in place of a graceful restart"), do("or the two-part module, which starts no Python in Apache's parent"))},
	{"MW317", Warning, "a folder of shims is named as Python, or stands where the Python should", "a shim decides by folder and user which Python runs: the server's user gets another, or none",
		fixes(do("name what is behind it: pyenv prefix, or python3 -c 'import sys; print(sys.prefix)'"))},
	{"MW318", Error, "the daemon's user has no home folder that can be entered", "the daemon process does not start",
		fixes(do("home=/ on the WSGIDaemonProcess line, or another folder that the user may enter"))},
	{"MW319", Error, "the script could not be imported, or has no application", "each request is a 500; the first traceback in the log has the reason",
		fixes(do("look for the first traceback of that process: later ones only follow from it"))},
	{"MW320", Error, "requests name a daemon group that is not there for them", "each request is a 500",
		fixes(do("declare it with WSGIDaemonProcess in the main server, or correct WSGIProcessGroup"))},

	{"MW401", Warning, "the run path of a module leads to a folder of a build, or into /tmp", "whoever can write there decides what Apache runs, and the folder may go",
		fixes(do("build it again where it is to stay, and mod_wsgi-express install-module"))},
	{"MW402", Warning, "the module lacks a protection: read-only tables, a stack that runs no code, checked stack frames, code that is not changed", "a mistake in it is easier to exploit, and hardened systems refuse it",
		fixes(do("build it again with the default profile: mod_wsgi-express build"))},
	{"MW403", Error, "a module of ours stands there without its other parts, or they are of another version", "no application can run",
		fixes(do("install it whole: mod_wsgi-express install-module"))},
	{"MW404", Warning, "a module of a package and one that was built are both here", "the next upgrade or a2enmod may put one in the place of the other",
		fixes(debian("apt-get remove ${package}, if ours is to stay; or remove ours: the folder has manifest.json", "remove one of them; ours has manifest.json in its folder"), without("package", do("keep one of them")))},
}
