/* wsgi_environ_py.h - the environ that an application is given.
 *
 * It starts as a copy of a prototype, which holds what is the same for all
 * requests and a place for every key of ours; so a variable of a request can
 * never take the place of one of those. Each thread has its own in each
 * interpreter: where there is no GIL, threads that count references to the same
 * objects hold each other up. */
#ifndef WSGI_ENVIRON_PY_H
#define WSGI_ENVIRON_PY_H

#include "wsgi_interp.h"
#include "wsgi_pymod.h"

/* The environ of R with INPUT as its wsgi.input and HINTS as its
 * wsgi.early_hints; new reference. */
PyObject *wsgi_environ_new(wsgi_slot *slot, const wsgi_request *r, PyObject *input,
                           PyObject *hints);

/* The variables of HEAD, apart from those that are ours to set, into the dict
 * ENVIRON. 0, or -1 with an exception. */
int wsgi_environ_fill(wsgi_slot *slot, PyObject *environ, const wsgi_head *head);

/* NAME as a str that is made once per slot; new reference. */
PyObject *wsgi_environ_name(wsgi_slot *slot, wsgi_str name);

/* Drop what the slot keeps for it. GIL held. */
void wsgi_environ_forget(wsgi_slot *slot);

#endif
