package doctor

import (
	"slices"
	"strings"
	"testing"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
)

// samples are, for each code, texts that it explains and texts that look like it
// and mean something else.
var samples = map[string]struct{ hits, near []string }{
	"MW101": {[]string{`no apxs found, in PATH or the usual folders; there is a server, /usr/sbin/httpd, but not what modules are built with`, `the apxs of $APXS, /opt/x: no such program: stat /opt/x: no such file`, "/bin/sh: 1: apxs: not found", "bash: apxs2: command not found", "RuntimeError: The 'apxs' command appears not to be installed or is not executable."}, []string{"apxs: found in /usr/bin", "notapxs: not found"}},
	"MW102": {[]string{`the headers of APR are missing: no apr.h for /usr/bin/apxs`, "sh: 1: /usr/bin/apr-1-config: not found", "apr-1-config: command not found"}, []string{"apr-1-config found"}},
	"MW103": {[]string{`the headers of Apache are missing: no httpd.h in /usr/include/apache2`, "mod_wsgi.c:22:10: fatal error: httpd.h: No such file or directory", "fatal error: 'apr_pools.h' file not found"}, []string{"fatal error: myhttp.h: No such file or directory"}},
	"MW104": {[]string{`no Python here can be built for: its C headers are missing: no Python.h in /usr/include/python3.12`, `/usr/include/python3.12: wsgi_python.h:4: fatal error: Python.h: No such file or directory`, "wsgi_python.h:24:10: fatal error: Python.h: No such file or directory", "fatal error: 'pyconfig.h' file not found"}, []string{"Python.h: Permission denied"}},
	"MW105": {[]string{"gcc: fatal error: cannot read spec file '/usr/lib/rpm/redhat/redhat-hardened-cc1': No such file or directory"}, []string{"redhat-release 9"}},
	"MW106": {[]string{"gcc: error: unrecognized command-line option ‘-fno-semantic-foo’", "clang: error: unknown argument: '-fstack-clash-protection'"}, []string{"error: unrecognized command foo"}},
	"MW107": {[]string{`the Python asked for, 3.12: it has no shared library to link with: it was built without one, there is only /opt/py/lib/libpython3.12.a`, "/usr/bin/ld: /opt/py/lib/libpython3.12.a(abstract.o): relocation R_X86_64_32 against symbol can not be used; recompile with -fPIC", "ld: final link failed: Nonrepresentable section on output"}, []string{"compiled with -fPIC"}},
	"MW108": {[]string{"/usr/bin/ld: cannot find -lpython3.12: No such file or directory", "ld: library not found for -lpython3.11"}, []string{"cannot find -lpq"}},
	"MW109": {[]string{`looking for a C compiler: executable file not found in $PATH`, `the compiler named by CC: x86_64-conda-linux-gnu-cc: executable file not found in $PATH`, "sh: 1: x86_64-conda-linux-gnu-cc: not found", `exec: "gcc": executable file not found in $PATH`}, []string{"sh: 1: make: not found"}},
	"MW110": {[]string{"gcc -pthread -B /opt/conda/compiler_compat -shared"}, []string{"gcc -B /opt/tools"}},
	"MW111": {[]string{"src/server/wsgi_python.h:44:10: fatal error: node.h: No such file or directory", "mod_wsgi.c:9:10: fatal error: 'parsetok.h' file not found", "x.c:3:5: warning: implicit declaration of function ‘PyEval_ReleaseLock’; did you mean ‘PyEval_RestoreThread’?",
		"x.c:3:5: error: ‘PyUnicode_WCHAR_KIND’ undeclared (first use in this function)", `it is Python 3.8.18: version 3.9 or later is needed`, "#error \"Sorry, mod_wsgi requires at least Python 3.8\"", "error: invalid use of incomplete type 'PyInterpreterState'"}, []string{"#error unsupported system", "fatal error: mynode.h: No such file or directory", "implicit declaration of function ‘Pylon’", "error: ‘pyramid’ undeclared"}},
	"MW112": {[]string{"ld: warning: building for macOS-arm64 but attempting to link with file built for macOS-x86_64", "mach-o file, but is an incompatible (have 'x86_64', need 'arm64')"}, []string{"built for macOS"}},
	"MW116": {[]string{`/usr/bin/env: ‘perl’: No such file or directory`, `apxs is a Perl program, and perl is not installed (fork/exec /usr/bin/apxs: no such file or directory)`, "/usr/bin/env: perl: not found", "bash: /usr/bin/apxs: /usr/bin/perl: bad interpreter: No such file or directory"}, []string{"perl 5.36 found"}},
	"MW118": {[]string{`the APR of this Apache was built without threads (APR_HAS_THREADS in /usr/include/apr-1.0)`, "#define APR_HAS_THREADS 0"}, []string{"#define APR_HAS_THREADS 1"}},
	"MW119": {[]string{"fork/exec /tmp/x/conftest: permission denied", "bash: ./probe: cannot execute: Permission denied"}, []string{"open /tmp/x: permission denied"}},
	"MW120": {[]string{"gcc: fatal error: Killed signal terminated program cc1", "cc1: fatal error: Killed", "virtual memory exhausted: Cannot allocate memory"}, []string{"process 12 killed"}},
	"MW201": {[]string{`Library not loaded: /opt/homebrew/opt/python@3.12/Frameworks/Python.framework/Versions/3.12/Python`, `Shared object "libpython3.11.so.1.0" not found, required by "mod_wsgi.so"`, "Cannot load modules/mod_wsgi.so into server: libpython3.12.so.1.0: cannot open shared object file: No such file or directory"}, []string{"libfoo.so: cannot open shared object file"}},
	"MW202": {[]string{"mod_wsgi.so: undefined symbol: PyObject_CallNoArgs", "undefined symbol: _PyThreadState_UncheckedGet"}, []string{"undefined symbol: MyPyThing"}},
	"MW203": {[]string{"mod_wsgi.so: undefined symbol: ap_get_useragent_host"}, []string{"undefined symbol: application"}},
	"MW204": {[]string{`headers do not match the server: apxs /usr/bin/apxs builds for Apache 2.2.34`, `API module structure 'wsgi_module' in file mod_wsgi.so is garbled - module is not compatible with this version of Apache (found 20051115, need 20120211).`}, []string{"compatible with this version of Apache"}},
	"MW205": {[]string{`Cannot load /x/mod_wsgi.so into server: /x/mod_wsgi.so: file too short`, "mod_wsgi.so: wrong ELF class: ELFCLASS32", "mod_wsgi.so: invalid ELF header"}, []string{"ELF 64-bit LSB shared object"}},
	"MW206": {[]string{"AH06665: No code signing authority for module at mod_wsgi.so specified in LoadModule directive."}, []string{"AH06666: x"}},
	"MW207": {[]string{"Can't locate API module structure `mod_wsgi' in file /usr/lib/apache2/modules/mod_wsgi.so"}, []string{"Can't locate file"}},
	"MW208": {[]string{"AH01574: module wsgi_module is already loaded, skipping"}, []string{"AH01574: module alias_module is already loaded, skipping"}},
	"MW209": {[]string{"Cannot load mod_wsgi.so into server: /usr/lib64/httpd/modules/mod_wsgi.so: cannot open shared object file: Permission denied", "mod_wsgi.so: failed to map segment from shared object"}, []string{"mod_php.so: cannot open shared object file: Permission denied"}},
	"MW210": {[]string{"/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by mod_wsgi.so)"}, []string{"GLIBC_2.38 found"}},
	"MW211": {[]string{"ImportError: pyexpat.so: undefined symbol: XML_SetReparseDeferralEnabled"}, []string{"XML_ERROR in document"}},
	"MW213": {[]string{"AH00534: apache2: Configuration error: No MPM loaded.", "AH00534: httpd: Configuration error: More than one MPM loaded."}, []string{"AH00535: x"}},
	"MW214": {[]string{"Invalid command 'WSGIScriptAlias', perhaps misspelled or defined by a module not included in the server configuration"}, []string{"Invalid command 'ProxyPass', perhaps misspelled"}},
	"MW215": {[]string{"httpd: Syntax error on line 1: Cannot load /srv/venv/mod_wsgi-py312.so into server: /srv/venv/mod_wsgi-py312.so: cannot open shared object file: No such file or directory"}, []string{"Cannot load mod_php.so into server: No such file"}},
	"MW216": {[]string{"AH00111: Config variable ${APACHE_RUN_DIR} is not defined"}, []string{"AH00111: Config variable ${MY_DIR} is not defined"}},
	"MW217": {[]string{"Cannot load mod_wsgi.so into server: mod_wsgi.so: undefined symbol: SSL_CTX_new", "undefined symbol: forkpty"}, []string{"undefined symbol: rounded"}},
	"MW301": {[]string{`[wsgi:crit] [pid 12345] WSGI0001: Python initialisation failed; Python based handlers will not be available in this child process.`, `WSGIM0350: WSGIPythonHome: /srv/venv/bin is not the prefix of a Python: it has neither a pyvenv.cfg with a version nor a folder lib/pythonX.Y`, "ModuleNotFoundError: No module named 'encodings'", "Fatal Python error: init_fs_encoding: failed to get the Python codec", "WSGI0036: Python could not be initialised"}, []string{"ModuleNotFoundError: No module named 'encoding'"}},
	"MW302": {[]string{`WSGIM0304: WSGIDaemonProcess app (/etc/apache2/x.conf:3): python-home /home/ann/venv: /home/ann may not be entered by www-data`, "WSGI0100: Unable to stat Python home /srv/app/venv. (13)", "mod_wsgi (pid=7): Unable to stat Python home /srv/app/venv. Python interpreter may not be able to be initialized correctly."}, []string{"Python home /srv/app/venv"}},
	"MW303": {[]string{`WSGIM0304: WSGIDaemonProcess app (/etc/apache2/x.conf:3): python-home /srv/venv/bin/python: it is not a folder`, `mod_wsgi (pid=7): Python home /srv/venv/bin/python is not a directory. Python interpreter may not be able to be initialized correctly.`, "WSGI0101: Python home /srv/venv/bin/python is not a directory."}, []string{"is not a directory"}},
	"MW309": {[]string{"(13)Permission denied: [client ::1] WSGI0117: Unable to connect", "mod_wsgi (pid=1): bind to '/run/wsgi.1.0.1.sock': Permission denied"}, []string{"/run/php.sock: Permission denied"}},
	"MW310": {[]string{`WSGIM0630: WSGIFreeThreading On and this Python has a GIL`, "WSGIFreeThreading On has no effect: this Python has a GIL"}, []string{"WSGIFreeThreading On"}},
	"MW311": {[]string{"ImportError: module numpy.core does not support loading in subinterpreters", "RuntimeWarning: The global interpreter lock (GIL) has been enabled to load module 'lxml.etree', which has not declared",
		"ImportError: PyO3 modules do not yet support subinterpreters, see https://github.com/PyO3/pyo3/issues/576", "ImportError: Interpreter change detected - this module can only be loaded into one interpreter per process.",
		"ImportError: cannot load module more than once per process", "ImportError: cannot import name 'encodings' from 'psycopg2._psycopg' (/srv/venv/lib/x.so)"}, []string{"supports loading in subinterpreters"}},
	"MW312": {[]string{"ModuleNotFoundError: No module named 'django'"}, []string{"ImportError: cannot import name 'x' from 'django'"}},
	"MW313": {[]string{`audit: type=1400 apparmor="DENIED" operation="open" profile="/usr/sbin/apache2" name="/srv/x"`}, []string{`apparmor="ALLOWED" profile="/usr/sbin/apache2"`}},
	"MW314": {[]string{"type=AVC msg=audit(1): avc:  denied  { execmem } for pid=1 comm=\"httpd\" scontext=system_u:system_r:httpd_t:s0"}, []string{"avc:  denied  { read } for scontext=system_u:system_r:sshd_t:s0"}},
	"MW315": {[]string{`WSGI0145: no response from daemon process 'app'`, `Timeout when reading response headers from daemon process 'app': /srv/app.wsgi`, "AH01144: Truncated or oversized response headers received from daemon process 'app'"}, []string{"Truncated response"}},
	"MW318": {[]string{"WSGI0010: Unable to change working directory to home directory '/nonexistent'"}, []string{"changed working directory"}},
	"MW113": {[]string{`/opt/py/lib/libpython3.12.so: it is for ELFCLASS32 EM_386, the interpreter for ELFCLASS64 EM_X86_64`}, []string{`ELF 32-bit LSB shared object, it is for nobody`}},
	"MW114": {[]string{`there is no bin/python3 in this folder`, `asking /bin/ls what it is: it does not answer as Python does (exit status 2)`, `it is pypy: only CPython is supported`}, []string{`python3: can't open file 'x.py': no such file`}},
	"MW115": {[]string{`apxs and server are not of one Apache: apxs /opt/a/bin/apxs and server /usr/sbin/httpd`}, []string{`apxs and the server are two programs`}},
	"MW117": {[]string{`/usr/lib/libpython3.13.so.1.0 has SONAME libpython3.13.so.1.0, which is not that of Python 3.13.1t`, `this Python contradicts itself: Py_GIL_DISABLED="1", sys.abiflags="", ABIFLAGS="t"`}, []string{`libpython3.13.so.1.0 has SONAME libpython3.13.so.1.0`}},
	"MW304": {[]string{`WSGIM0306: WSGIDaemonProcess app (/etc/apache2/x.conf:3): /srv/venv is Python 3.9 (pyvenv.cfg), and /usr/lib/apache2/modules/mod_wsgi has no half for it (there are: cpython-311-x86_64-linux-gnu)`, `WSGIM0603: virtual environment '/srv/venv' was made with Python 3.9`}, []string{`/srv/venv is Python 3.9`}},
	"MW305": {[]string{`the virtual environment lost its Python, 3.9.2 of /usr/bin`, `the Python that /srv/venv was made from is gone from /opt/py39/bin`}, []string{`the virtual environment is /srv/venv`}},
	"MW316": {[]string{`WSGI0036: Unable to initialise Python: memory allocation failed`, `AH00052: child pid 12 exit signal Segmentation fault (11)`}, []string{`exit signal Terminated (15)`}},
	"MW317": {[]string{`the Python asked for, /home/ann/.pyenv/shims/python3.12: asking /home/ann/.pyenv/shims/python3.12 what it is: it does not answer as Python does (exit status 127)`}, []string{`/home/ann/.pyenv/shims/python3.12 is first in PATH`}},
	"MW319": {[]string{`mod_wsgi (pid=16386): Target WSGI script '/srv/app.wsgi' cannot be loaded as Python module.`, `mod_wsgi (pid=16386): Failed to exec Python script file '/srv/app.wsgi'.`, `Target WSGI script '/srv/app.wsgi' does not contain WSGI application 'application'.`, `RuntimeError: populate() isn't reentrant`}, []string{`Target WSGI script '/srv/app.wsgi' was reloaded`}},
	"MW320": {[]string{`mod_wsgi (pid=2): No WSGI daemon process called 'app' has been configured: /srv/app.wsgi`}, []string{`WSGI daemon process 'app' has been configured`}},
	"MW403": {[]string{`WSGIM0353: mod_wsgi.so 0.1.0 speaks interface 3, /usr/lib/apache2/modules/mod_wsgi/cpython-311/wsgi-embed.so 2`, `WSGIM0300: /usr/lib/apache2/modules/mod_wsgi is not there`}, []string{`WSGIM0355: requests did not end`}},
}

func TestSignatures(t *testing.T) {
	sys := distro.System{Family: distro.Debian}
	for _, s := range signatures {
		sample := samples[s.Code]
		matches := func(text string) bool { return s.Pattern().find(text) != nil }
		if !slices.ContainsFunc(sample.hits, matches) {
			t.Errorf("%s: no text that it explains: %s", s.Code, s.Pattern().Regexp)
		}
		if len(sample.near) == 0 || slices.ContainsFunc(sample.near, matches) {
			t.Errorf("%s: no near miss, or one that it takes: %s", s.Code, s.Pattern().Regexp)
		}
		if codeOf(s.Code).Seen == "" {
			t.Errorf("%s is no code", s.Code)
		}
	}
	for code, sample := range samples {
		for _, text := range sample.hits {
			found, err := Explain(strings.NewReader(before[code]+"\n"+text+"\n"), sys, nil)
			if err != nil || len(found) != 1 || found[0].Code != code || found[0].At != 2 {
				t.Errorf("%s: %q gives %+v %v", code, text, found, err)
				continue
			}
			checkFinding(t, found[0])
		}
		for _, text := range sample.near {
			if found, err := Explain(strings.NewReader("a line before\n"+text+"\n"), sys, nil); err == nil && found[0].Code == code {
				t.Errorf("%s takes %q", code, text)
			}
		}
	}
}

// before is what has to stand before the texts of a code.
var before = map[string]string{"MW316": "[mpm_event:notice] AH00493: SIGUSR1 received.  Doing graceful restart"}

// checkFinding looks that a finding can be acted upon.
func checkFinding(t *testing.T, f Finding) {
	t.Helper()
	if f.Cause == "" || len(f.Fix) == 0 || strings.HasPrefix(f.Fix[0], "or ") {
		t.Errorf("%s says nothing", f.Code)
	}
	for _, text := range append([]string{f.Cause}, f.Fix...) {
		if text == "" || strings.Contains(text, "${") || strings.Contains(text, "  ") {
			t.Errorf("%s: %q", f.Code, text)
		}
	}
}

// Every code says what to do to every family of systems, whatever was seen.
func TestFixesForEveryFamily(t *testing.T) {
	for _, c := range codes {
		for _, family := range []string{distro.Debian, distro.Fedora, distro.SUSE, distro.Alpine, distro.Arch, distro.FreeBSD, distro.MacOS, distro.Unknown} {
			list := c.fixes(distro.System{Family: family}, nil)
			if len(list) == 0 {
				t.Errorf("%s says nothing to %q", c.ID, family)
			}
			for _, line := range list {
				if line == "" || strings.Contains(line, "${") {
					t.Errorf("%s says %q to %q", c.ID, line, family)
				}
			}
		}
	}
}

func TestExplainOwnMessages(t *testing.T) {
	messages := Messages("| number | level | what it says | what to do |\n|---|---|---|---|\n| WSGIM0208 | error | no such group; 500 | declare it |\n")
	text := "[wsgi:error] WSGIM0208: there is no daemon group \"x\"\nagain WSGIM0208: x\nWSGIM0999: unknown\n"
	found, err := Explain(strings.NewReader(text), distro.System{}, messages)
	if err != nil || len(found) != 1 || found[0].Times != 2 || found[0].Cause != "no such group; 500" || found[0].Fix[0] != "declare it" {
		t.Errorf("%+v %v", found, err)
	}
}

// What an application lacks stands before what its script came to, which is said
// first.
func TestExplainCausesFirst(t *testing.T) {
	text := "mod_wsgi (pid=9): Failed to exec Python script file '/srv/app.wsgi'.\nTruncated or oversized response headers received from daemon process 'a': /srv/app.wsgi\nModuleNotFoundError: No module named 'flask'\nAH00534: No MPM loaded.\n"
	found, err := Explain(strings.NewReader(text), distro.System{}, nil)
	var order []string
	for _, f := range found {
		order = append(order, f.Code)
	}
	if want := []string{"MW312", "MW213", "MW315", "MW319"}; err != nil || !slices.Equal(order, want) {
		t.Errorf("%q, want %q, %v", order, want, err)
	}
}

func TestExplainUnknown(t *testing.T) {
	_, err := Explain(strings.NewReader("all is well\n"), distro.System{}, nil)
	if hint.Code(err) != hint.Failed || hint.Of(err) == "" {
		t.Errorf("got %v", err)
	}
	if _, err := Explain(strings.NewReader(strings.Repeat("x", 3<<20)+" AH00534"), distro.System{}, nil); err != nil {
		t.Errorf("a very long line: %v", err)
	}
}

func FuzzExplain(f *testing.F) {
	for _, s := range samples {
		f.Add(s.hits[0])
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, _ := Explain(strings.NewReader(text), distro.System{}, nil)
		for _, x := range found {
			if len(x.Fix) == 0 || x.At < 1 {
				t.Errorf("%+v", x)
			}
		}
	})
}

// A line that has none of the texts that a match must have is no match: the
// short way and the long one agree.
func TestLiterals(t *testing.T) {
	for _, s := range signatures {
		if len(s.Pattern().literals) == 0 || shortest(s.Pattern().literals) < 3 {
			t.Errorf("%s: %q is tried on too many lines: %q", s.Code, s.Pattern().Regexp, s.Pattern().literals)
		}
		for _, sample := range samples {
			for _, text := range append(sample.hits, sample.near...) {
				if (s.Pattern().find(text) == nil) != (s.Pattern().FindString(text) == "") {
					t.Errorf("%s: %q on %q", s.Code, s.Pattern().Regexp, text)
				}
			}
		}
	}
}
