/* wsgi_calls.h - functions of scripts that httpd asks about a request: access,
 * passwords, groups, and where it is to go. In a child or in a daemon process,
 * the same.
 *
 * As in wsgi_adapter.h nothing raised in here leaves it, and what was raised is
 * in the log. */
#ifndef WSGI_CALLS_H
#define WSGI_CALLS_H

#include "wsgi_python.h"
#include "wsgi_calls_wire.h"
#include "wsgi_interp.h"

/* Ask CALL about R, by the script of its head, on the calling thread. The verdict
 * goes to PEER, unless the end is another than WSGI_END_OK: then there is none.
 * GIL not held on entry or exit. */
enum wsgi_end wsgi_calls_run(const wsgi_request *r, const wsgi_call *call, const wsgi_peer *peer,
                             void *ctx);

/* Type mod_wsgi.Auth: what such functions may ask back. */
extern PyType_Spec wsgi_auth_spec;

/* A nameless capsule of the request_rec of R, put into ENVIRON; new reference, or
 * NULL with an exception. */
PyObject *wsgi_capsule_put(wsgi_slot *slot, PyObject *environ, const wsgi_request *r);
/* The request is over: what is left of the capsule has a name, so that nobody
 * gets the pointer any more. Drops the reference; *CAPSULE may be NULL. Keeps an
 * exception that is set. */
void wsgi_capsule_end(PyObject **capsule);

#endif
