/* wsgi_host_service.c - a daemon process that takes no requests: its scripts
 * run on the main thread, one after the other, for as long as they like.
 *
 * Signals are Python's and the application's: the ones that ask the process to
 * end raise SystemExit, so that finally and atexit run, and the supervisor kills
 * it at the end of the shutdown timeout.
 *
 * Python runs handlers of signals in the main interpreter and in no other. So the
 * application group of the first script is the main interpreter here, whatever its
 * name: a process of its own has nobody to be kept apart from. */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_adapter.h"
#include "wsgi_interp.h"
#include "wsgi_script.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

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

/* The application group that the main interpreter is, "" if a script asks for that
 * by its own name. */
static const char *main_group(const wsgi_group_config *c)
{
    uint32_t i;

    for (i = 0; i < c->npreloads; i++)
        if (c->preloads[i].application_group[0] == '\0')
            return "";
    return c->npreloads > 0 ? c->preloads[0].application_group : "";
}

/* Let the main interpreter say so. */
static void name_main(const char *group)
{
    wsgi_runner *w = wsgi_runner_self();
    wsgi_interp *interp = wsgi_interp_get("", 0);
    wsgi_slot *slot = w != NULL && interp != NULL ? wsgi_interp_slot(w, interp) : NULL;
    PyObject *name;

    if (slot == NULL || group[0] == '\0')
        return;
    wsgi_interp_enter(slot);
    name = PyUnicode_DecodeLatin1(group, (Py_ssize_t)strlen(group), NULL);
    if (name == NULL || PyObject_SetAttrString(interp->module, "application_group", name) < 0)
        PyErr_Clear();
    Py_XDECREF(name);
    wsgi_interp_leave(slot);
}

int wsgi_host_service(wsgi_host *h)
{
    const wsgi_group_config *c = &h->config;
    const char *group = main_group(c);
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
    name_main(group);
    for (i = 0; i < c->npreloads && !wsgi_script_exit_asked(); i++) {
        const wsgi_preload *p = &c->preloads[i];

        wsgi_adapter_preload(p->script, strcmp(p->application_group, group) == 0 ? "" : p->application_group);
    }
    wsgi_host_log(LEVEL_INFO, "daemon process '%s': stopping process, its scripts have ended", h->group);
    if (!wsgi_python_stop())
        _exit(0);
    return 0;
}
