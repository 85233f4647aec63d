/* wsgi_host_service.c - a daemon process that takes no requests: its scripts
 * run on the main thread, one after the other, for as long as they like.
 *
 * Signals are Python's and the application's: the ones that ask the process to
 * end raise SystemExit, so that finally and atexit run, and the supervisor kills
 * it at the end of the shutdown timeout. */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_adapter.h"
#include "wsgi_interp.h"
#include "wsgi_script.h"

#include <signal.h>
#include <sys/prctl.h>

enum { LEVEL_ERROR = 3, LEVEL_INFO = 6 };

/* Handlers of Python's, which run when the main interpreter next runs code. */
static const char handlers[] =
    "import signal\n"
    "def stop(number, frame):\n"
    "    raise SystemExit\n"
    "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):\n"
    "    signal.signal(number, stop)\n";

/* 0, or -1 if Python does not take them. */
static int set_handlers(void)
{
    wsgi_runner *w = wsgi_runner_self();
    wsgi_interp *interp = wsgi_interp_get("", 0);
    wsgi_slot *slot = w != NULL && interp != NULL ? wsgi_interp_slot(w, interp) : NULL;
    PyObject *scope = NULL, *r = NULL;
    int rv;

    if (slot == NULL)
        return -1;
    wsgi_interp_enter(slot);
    scope = PyDict_New();
    if (scope != NULL && PyDict_SetItemString(scope, "__builtins__", PyEval_GetBuiltins()) == 0)
        r = PyRun_String(handlers, Py_file_input, scope, scope);
    if (r == NULL)
        PyErr_Clear();
    rv = r != NULL ? 0 : -1;
    Py_XDECREF(r);
    Py_XDECREF(scope);
    wsgi_interp_leave(slot);
    return rv;
}

int wsgi_host_service(wsgi_host *h)
{
    const wsgi_group_config *c = &h->config;
    uint32_t i;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    /* Nobody here hears of the supervisor's end otherwise. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (set_handlers() < 0) {
        wsgi_host_log(LEVEL_ERROR, "WSGIM0523: daemon process '%s': the handlers of a service's signals "
                      "cannot be set", h->group);
        return WSGI_HOST_EXIT_PYTHON;
    }
    wsgi_slot_state(h->board, c->slot, (uint16_t)c->incarnation, WSGI_SLOT_READY);
    wsgi_control_send(WSGI_HOST_CONTROL_FD, WSGI_CTL_READY, 0, NULL, 0, NULL, 0);
    wsgi_host_log(LEVEL_INFO, "daemon process '%s': starting a service, Python %s, %u scripts", h->group,
                  PY_VERSION, c->npreloads);
    for (i = 0; i < c->npreloads && !wsgi_script_exit_asked(); i++)
        wsgi_adapter_preload(c->preloads[i].script, c->preloads[i].application_group);
    wsgi_host_log(LEVEL_INFO, "daemon process '%s': stopping process, its scripts have ended", h->group);
    wsgi_python_stop();
    return 0;
}
