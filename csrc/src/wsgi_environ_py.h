/* wsgi_environ_py.h - the environ that an application is given.
 *
 * It starts as a copy of a prototype of the interpreter, which holds what is
 * the same for all requests and a place for every key of ours; so a variable
 * of a request can never take the place of one of those. */
#ifndef WSGI_ENVIRON_PY_H
#define WSGI_ENVIRON_PY_H

#include "wsgi_interp.h"
#include "wsgi_pymod.h"

/* The prototype; new reference. */
PyObject *wsgi_environ_prototype(wsgi_state *state, const char *application_group);

/* The environ of R with INPUT as its wsgi.input and HINTS as its
 * wsgi.early_hints; new reference. */
PyObject *wsgi_environ_new(wsgi_slot *slot, const wsgi_request *r, PyObject *input,
                           PyObject *hints);

/* NAME as a str that is made once per slot; new reference. */
PyObject *wsgi_environ_name(wsgi_slot *slot, wsgi_str name);

/* Drop the names that the slot has cached. GIL held. */
void wsgi_environ_forget(wsgi_slot *slot);

#endif
