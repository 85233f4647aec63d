/* wsgi_events_inner.h - what the files of wsgi_events share. */
#ifndef WSGI_EVENTS_INNER_H
#define WSGI_EVENTS_INNER_H

#include "wsgi_events.h"
#include "wsgi_interp_inner.h"

/* Put VALUE, which is taken over and may be NULL with an exception. 0 or -1. */
int wsgi_events_put(PyObject *payload, PyObject *key, PyObject *value);

/* Call all of CALLBACKS with a payload that each may add to. 0, or -1 with an
 * exception that is not theirs: RequestTimeout, or no memory. */
int wsgi_events_publish(wsgi_state *st, PyObject *callbacks, const char *event, PyObject *payload);

/* request_data(): new reference, or NULL with RuntimeError. */
PyObject *wsgi_events_data(void);

/* The first interpreter; the others follow by next. */
static inline wsgi_interp *wsgi_interp_first(void)
{
    return __atomic_load_n(&wsgi_interps.interps, __ATOMIC_ACQUIRE);
}

#endif
