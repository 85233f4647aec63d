package doctor

import (
	"strings"
	"testing"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
)

// samples are, for each code, texts that it explains and texts that look like it
// and mean something else.
var samples = map[string]struct{ hits, near []string }{
	"MW101": {[]string{"/bin/sh: 1: apxs: not found", "bash: apxs2: command not found", "RuntimeError: The 'apxs' command appears not to be installed or is not executable."}, []string{"apxs: found in /usr/bin", "notapxs: not found"}},
	"MW102": {[]string{"sh: 1: /usr/bin/apr-1-config: not found", "apr-1-config: command not found"}, []string{"apr-1-config found"}},
	"MW103": {[]string{"mod_wsgi.c:22:10: fatal error: httpd.h: No such file or directory", "fatal error: 'apr_pools.h' file not found"}, []string{"fatal error: myhttp.h: No such file or directory"}},
	"MW104": {[]string{"wsgi_python.h:24:10: fatal error: Python.h: No such file or directory", "fatal error: 'pyconfig.h' file not found"}, []string{"Python.h: Permission denied"}},
	"MW105": {[]string{"gcc: fatal error: cannot read spec file '/usr/lib/rpm/redhat/redhat-hardened-cc1': No such file or directory"}, []string{"redhat-release 9"}},
	"MW106": {[]string{"gcc: error: unrecognized command-line option ‘-fno-semantic-foo’", "clang: error: unknown argument: '-fstack-clash-protection'"}, []string{"error: unrecognized command foo"}},
	"MW107": {[]string{"/usr/bin/ld: /opt/py/lib/libpython3.12.a(abstract.o): relocation R_X86_64_32 against symbol can not be used; recompile with -fPIC", "ld: final link failed: Nonrepresentable section on output"}, []string{"compiled with -fPIC"}},
	"MW108": {[]string{"/usr/bin/ld: cannot find -lpython3.12: No such file or directory", "ld: library not found for -lpython3.11"}, []string{"cannot find -lpq"}},
	"MW109": {[]string{"sh: 1: x86_64-conda-linux-gnu-cc: not found", `exec: "gcc": executable file not found in $PATH`}, []string{"sh: 1: make: not found"}},
	"MW110": {[]string{"gcc -pthread -B /opt/conda/compiler_compat -shared"}, []string{"gcc -B /opt/tools"}},
	"MW111": {[]string{"#error \"Sorry, mod_wsgi requires at least Python 3.8\"", "error: invalid use of incomplete type 'PyInterpreterState'"}, []string{"#error unsupported system"}},
	"MW112": {[]string{"ld: warning: building for macOS-arm64 but attempting to link with file built for macOS-x86_64", "mach-o file, but is an incompatible (have 'x86_64', need 'arm64')"}, []string{"built for macOS"}},
	"MW116": {[]string{"/usr/bin/env: perl: not found", "bash: /usr/bin/apxs: /usr/bin/perl: bad interpreter: No such file or directory"}, []string{"perl 5.36 found"}},
	"MW118": {[]string{"#define APR_HAS_THREADS 0"}, []string{"#define APR_HAS_THREADS 1"}},
	"MW119": {[]string{"fork/exec /tmp/x/conftest: permission denied", "bash: ./probe: cannot execute: Permission denied"}, []string{"open /tmp/x: permission denied"}},
	"MW120": {[]string{"gcc: fatal error: Killed signal terminated program cc1", "cc1: fatal error: Killed", "virtual memory exhausted: Cannot allocate memory"}, []string{"process 12 killed"}},
	"MW201": {[]string{"Cannot load modules/mod_wsgi.so into server: libpython3.12.so.1.0: cannot open shared object file: No such file or directory"}, []string{"libfoo.so: cannot open shared object file"}},
	"MW202": {[]string{"mod_wsgi.so: undefined symbol: PyObject_CallNoArgs", "undefined symbol: _PyThreadState_UncheckedGet"}, []string{"undefined symbol: MyPyThing"}},
	"MW203": {[]string{"mod_wsgi.so: undefined symbol: ap_get_useragent_host"}, []string{"undefined symbol: application"}},
	"MW204": {[]string{`API module structure 'wsgi_module' in file mod_wsgi.so is garbled - module is not compatible with this version of Apache (found 20051115, need 20120211).`}, []string{"compatible with this version of Apache"}},
	"MW205": {[]string{"mod_wsgi.so: wrong ELF class: ELFCLASS32", "mod_wsgi.so: invalid ELF header"}, []string{"ELF 64-bit LSB shared object"}},
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
	"MW301": {[]string{"ModuleNotFoundError: No module named 'encodings'", "Fatal Python error: init_fs_encoding: failed to get the Python codec", "WSGI0036: Python could not be initialised"}, []string{"ModuleNotFoundError: No module named 'encoding'"}},
	"MW302": {[]string{"WSGI0100: Unable to stat Python home /srv/app/venv. (13)", "mod_wsgi (pid=7): Unable to stat Python home /srv/app/venv. Python interpreter may not be able to be initialized correctly."}, []string{"Python home /srv/app/venv"}},
	"MW303": {[]string{"WSGI0101: Python home /srv/venv/bin/python is not a directory."}, []string{"is not a directory"}},
	"MW309": {[]string{"(13)Permission denied: [client ::1] WSGI0117: Unable to connect", "mod_wsgi (pid=1): bind to '/run/wsgi.1.0.1.sock': Permission denied"}, []string{"/run/php.sock: Permission denied"}},
	"MW310": {[]string{"WSGIFreeThreading On has no effect: this Python has a GIL"}, []string{"WSGIFreeThreading On"}},
	"MW311": {[]string{"ImportError: module numpy.core does not support loading in subinterpreters", "RuntimeWarning: The global interpreter lock (GIL) has been enabled to load module 'lxml.etree', which has not declared",
		"ImportError: PyO3 modules do not yet support subinterpreters, see https://github.com/PyO3/pyo3/issues/576", "ImportError: Interpreter change detected - this module can only be loaded into one interpreter per process.",
		"ImportError: cannot load module more than once per process", "ImportError: cannot import name 'encodings' from 'psycopg2._psycopg' (/srv/venv/lib/x.so)"}, []string{"supports loading in subinterpreters"}},
	"MW312": {[]string{"ModuleNotFoundError: No module named 'django'"}, []string{"ImportError: cannot import name 'x' from 'django'"}},
	"MW313": {[]string{`audit: type=1400 apparmor="DENIED" operation="open" profile="/usr/sbin/apache2" name="/srv/x"`}, []string{`apparmor="ALLOWED" profile="/usr/sbin/apache2"`}},
	"MW314": {[]string{"type=AVC msg=audit(1): avc:  denied  { execmem } for pid=1 comm=\"httpd\" scontext=system_u:system_r:httpd_t:s0"}, []string{"avc:  denied  { read } for scontext=system_u:system_r:sshd_t:s0"}},
	"MW315": {[]string{"AH01144: Truncated or oversized response headers received from daemon process 'app'"}, []string{"Truncated response"}},
	"MW318": {[]string{"WSGI0010: Unable to change working directory to home directory '/nonexistent'"}, []string{"changed working directory"}},
}

func TestSignatures(t *testing.T) {
	sys := distro.System{Family: distro.Debian}
	codes := map[string]bool{}
	for _, s := range signatures {
		if codes[s.Code] {
			t.Errorf("%s is there twice", s.Code)
		}
		codes[s.Code] = true
		sample, ok := samples[s.Code]
		if !ok || len(sample.hits) == 0 || len(sample.near) == 0 {
			t.Errorf("%s has no positive or no near-miss text", s.Code)
			continue
		}
		for _, text := range sample.hits {
			found, err := Explain(strings.NewReader("a line before\n"+text+"\n"), sys, nil)
			if err != nil || len(found) != 1 || found[0].Code != s.Code || found[0].At != 2 {
				t.Errorf("%s: %q gives %+v %v", s.Code, text, found, err)
				continue
			}
			checkFinding(t, found[0])
		}
		for _, text := range sample.near {
			if s.Pattern.MatchString(text) {
				t.Errorf("%s takes %q", s.Code, text)
			}
		}
	}
	for code := range samples {
		if !codes[code] {
			t.Errorf("%s has texts and no signature", code)
		}
	}
}

// checkFinding looks that a finding can be acted upon.
func checkFinding(t *testing.T, f Finding) {
	t.Helper()
	if f.Cause == "" || len(f.Fix) == 0 {
		t.Errorf("%s says nothing", f.Code)
	}
	for _, text := range append([]string{f.Cause}, f.Fix...) {
		if text == "" || strings.Contains(text, "${") || strings.Contains(text, "  ") {
			t.Errorf("%s: %q", f.Code, text)
		}
	}
}

// Every fix has packages for the families that packages are made for, or says
// what to install.
func TestPackagesForEveryFamily(t *testing.T) {
	for _, s := range signatures {
		for _, r := range s.Fix {
			for _, family := range []string{distro.Debian, distro.Fedora, distro.SUSE, distro.Alpine, distro.Arch, distro.FreeBSD, distro.Unknown} {
				if got := r.line(distro.System{Family: family}, func(s string) string { return s }); got == "" {
					t.Errorf("%s says nothing to %q", s.Code, family)
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
