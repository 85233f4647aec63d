package doctor

import "testing"

// text is a set-up of which there is only a log.
func text(name, code, log string) setup {
	return setup{name, code, func(_ *testing.T, s *site) { s.said = log }}
}

// logSetups are noticed in a log: what each generation of the module, Apache and
// the system write. Times, pids and names are made up.
var logSetups = []setup{
	text("4: home without permission", "MW302", "[wsgi:warn] [pid 7] (13)Permission denied: mod_wsgi (pid=7): Unable to stat Python home /home/user/venv. Python interpreter may not be able to be initialized correctly. Verify the supplied path and access permissions for whole of the path.\n"),
	text("5: Python initialisation in a loop", "MW301", "Fatal Python error: init_fs_encoding: failed to get the Python codec of the filesystem encoding\nModuleNotFoundError: No module named 'encodings'\n"),
	text("6: home without permission", "MW302", "[wsgi:warn] [pid 7] (13)Permission denied: WSGI0100: Unable to stat Python home /home/user/venv.\n"),
	text("6: home names a file", "MW303", "[wsgi:warn] [pid 7] WSGI0101: Python home /srv/venv/bin/python is not a directory.\n"),
	text("6: Python does not start", "MW301", "[wsgi:crit] [pid 7] WSGI0001: Python initialisation failed; Python based handlers will not be available in this child process.\n"),
	text("6: about the thousandth graceful restart", "MW316", "[mpm_event:notice] [pid 1] AH00493: SIGUSR1 received.  Doing graceful restart\n[wsgi:error] [pid 7] WSGI0036: Unable to initialise Python: memory allocation failed\n"),
	text("4: crash after a graceful restart", "MW316", "[mpm_prefork:notice] [pid 1] AH00171: Graceful restart requested, doing restart\n[core:notice] [pid 1] AH00052: child pid 12 exit signal Segmentation fault (11)\n"),
	text("5: socket out of reach", "MW309", "(13)Permission denied: [client ::1] mod_wsgi (pid=7): Unable to connect to WSGI daemon process 'app' on '/etc/httpd/logs/wsgi.1.0.1.sock' as user with uid=48. Permission denied\n"),
	text("6: socket out of reach", "MW309", "(13)Permission denied: [client ::1] WSGI0117: Unable to connect to WSGI daemon process 'app' on '/etc/httpd/logs/wsgi.1.0.1.sock'\n"),
	text("extension module in a sub-interpreter", "MW311", "ImportError: module numpy._core._multiarray_umath does not support loading in subinterpreters\n"),
	text("GIL taken into use again", "MW311", "RuntimeWarning: The global interpreter lock (GIL) has been enabled to load module 'lxml.etree', which has not declared that it can run safely without the GIL.\n"),
	text("two expats", "MW211", "ImportError: /opt/py/lib/python3.13/lib-dynload/pyexpat.cpython-313-x86_64-linux-gnu.so: undefined symbol: XML_SetReparseDeferralEnabled\n"),
	text("built on a newer system", "MW210", "Cannot load /usr/lib/apache2/modules/mod_wsgi.so into server: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /usr/lib/apache2/modules/mod_wsgi.so)\n"),
	text("module with SELinux's label of a home", "MW209", "Cannot load /home/user/mod_wsgi.so into server: /home/user/mod_wsgi.so: failed to map segment from shared object\n"),
	text("AppArmor", "MW313", `audit: type=1400 apparmor="DENIED" operation="open" profile="/usr/sbin/apache2" name="/srv/app/app.wsgi" requested_mask="r"`+"\n"),
	text("SELinux", "MW314", "type=AVC msg=audit(1.2:3): avc:  denied  { name_connect } for  pid=7 comm=\"httpd\" dest=5432 scontext=system_u:system_r:httpd_t:s0 tclass=tcp_socket\n"),
	text("4: daemon process died", "MW315", "[client ::1] Truncated or oversized response headers received from daemon process 'app': /srv/app/app.wsgi\n"),
	text("6: daemon process died", "MW315", "[wsgi:error] WSGI0145: daemon process 'app' closed the connection\n"),
	text("6: daemon's user without a home", "MW318", "[wsgi:alert] WSGI0010: Unable to change working directory to home directory '/nonexistent' for uid=999.\n"),
	text("5: daemon's user without a home", "MW318", "mod_wsgi (pid=7): Unable to change working directory to home directory '/nonexistent' for uid=999.\n"),
	text("4: script that cannot be imported", "MW319", "mod_wsgi (pid=7): Target WSGI script '/srv/app/app.wsgi' cannot be loaded as Python module.\nmod_wsgi (pid=7): Exception occurred processing WSGI script '/srv/app/app.wsgi'.\nRuntimeError: populate() isn't reentrant\n"),
	text("5: no such group", "MW320", "[wsgi:error] mod_wsgi (pid=7): No WSGI daemon process called 'app' has been configured: /srv/app/app.wsgi\n"),
	text("our own: home that the group's user may not enter", "MW302", "[wsgi:emerg] WSGIM0304: WSGIDaemonProcess app (/etc/apache2/app.conf:3): python-home /home/user/venv: /home/user may not be entered by www-data (mode 0700, owner user)\n"),
	text("our own: no half for that Python", "MW304", "[wsgi:emerg] WSGIM0306: WSGIDaemonProcess app (/etc/apache2/app.conf:3): /srv/venv is Python 3.9 (pyvenv.cfg), and /usr/lib/apache2/modules/mod_wsgi has no half for it (there are: cpython-311-x86_64-linux-gnu); build it: mod_wsgi-express build --python /srv/venv\n"),
	text("our own: home holds no Python", "MW301", "[wsgi:emerg] WSGIM0350: WSGIPythonHome: /srv/app is not the prefix of a Python: it has neither a pyvenv.cfg with a version nor a folder lib/pythonX.Y (of a virtual environment give the folder that holds bin/python)\n"),
	text("our own: libpython of embedded mode not found", "MW201", "[wsgi:crit] WSGIM0352: the plugin for embedded mode cannot be opened: libpython3.13.so.1.0: cannot open shared object file: No such file or directory\n"),
	text("our own: halves of two versions", "MW403", "[wsgi:crit] WSGIM0353: mod_wsgi.so 0.2.0 speaks interface 4, wsgi-embed.so interface 3\n"),
}
