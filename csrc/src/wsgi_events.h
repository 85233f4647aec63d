/* wsgi_events.h - what applications subscribe to: mod_wsgi.subscribe_events,
 * subscribe_shutdown and subscribe_signals, and the request that a thread runs
 * as they see it (request_data, active_requests).
 *
 * Without a subscriber a request costs one look at a flag. A thread of its own,
 * the herald, tells of signals and of the end of the process; it is started by
 * the first subscriber. Events of requests come on the request's thread.
 */
#ifndef WSGI_EVENTS_H
#define WSGI_EVENTS_H

#include "wsgi_interp.h"
#include "wsgi_pymod.h"
#include "wsgi_start.h"

/* Functions of module mod_wsgi. */
extern PyMethodDef wsgi_events_methods[];

/* The lists of callbacks, in MODULE, of which ST is the state. 0, or -1 with an
 * exception. */
int wsgi_events_install(PyObject *module, wsgi_state *st);

/* Does anybody in this interpreter want to hear of requests, or to know of those
 * that run? */
static inline int wsgi_events_wanted(const wsgi_state *st)
{
    return __atomic_load_n(&st->subscribed, __ATOMIC_ACQUIRE);
}

/* ---- of a request, on its thread, GIL held; only if wanted ------------------- */

/* Before the callable *APP is called, which subscribers may replace. 0, or -1
 * with an exception that is to end the request. */
int  wsgi_events_started(wsgi_adapter *a, PyObject *environ, PyObject **app);
/* start_response was accepted. 0 or -1, as above. */
int  wsgi_events_response(wsgi_adapter *a, PyObject *status, PyObject *headers, PyObject *info);
/* The exception that is set came out of the application; it stays set. */
void wsgi_events_exception(wsgi_state *st, wsgi_runner *w);
/* W's measure is finished; STATUS 0: start_response was not called. */
void wsgi_events_finished(wsgi_state *st, wsgi_runner *w, int status);
/* W has run R and is done. Always to be called, no exception set. */
void wsgi_events_over(wsgi_state *st, wsgi_runner *w, const wsgi_request *r);

/* ---- of the process ------------------------------------------------------------ */

/* SIGHUP or SIGUSR2 has come. In a signal handler. */
void wsgi_events_signal(int number);
/* The process will end for REASON (static): the herald tells every interpreter.
 * Does not wait. Any thread. */
void wsgi_events_stopping(const char *reason);
/* Who has not been told is told, and the herald ends. Home thread, GIL not held,
 * before interpreters are ended. */
void wsgi_events_end(void);

/* Have the herald run ERRAND soon, in any kind of process; the last that is asked
 * for counts. Does not wait. */
void wsgi_events_errand(void (*errand)(wsgi_runner *w));

/* ---- for those who look at a process from outside ------------------------------ */

/* What R has as NAME among its variables; empty if it has none. */
wsgi_str wsgi_request_value(const wsgi_request *r, const char *name);

/* Attributes of mod_wsgi that are made when they are first asked for: new
 * reference, or NULL with an exception. GIL held. */
PyObject *wsgi_events_active(PyObject *module);

#endif
