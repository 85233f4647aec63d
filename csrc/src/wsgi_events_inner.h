/* wsgi_events_inner.h - what the files of wsgi_events share. */
#ifndef WSGI_EVENTS_INNER_H
#define WSGI_EVENTS_INNER_H

#include "wsgi_events.h"
#include "wsgi_interp_inner.h"

/* One event on its way through those who subscribed. Nobody may ever look at what
 * it tells, so there is no dict of it until one of them returns one: they are
 * called with names and values as they are. */
typedef struct {
    PyObject *name;               /* borrowed, and so are keys: a tuple of str */
    PyObject *keys;               /* NULL: all is in payload */
    PyObject **args;              /* name and a value for each key; what is before it is the caller's to write */
    PyObject *payload;            /* a dict of all, once there is one; strong */
} wsgi_event;

/* Call all of CALLBACKS, each of which may add to the payload. 0, or -1 with an
 * exception that is not theirs: RequestTimeout, or no memory. */
int wsgi_events_publish(wsgi_state *st, PyObject *callbacks, wsgi_event *e);

/* The names and keys of the events of requests, for ST. 0, or -1 with an exception. */
int wsgi_events_names(wsgi_state *st);

/* request_data(): new reference, or NULL with RuntimeError. */
PyObject *wsgi_events_data(void);

/* The first interpreter; the others follow by next. */
static inline wsgi_interp *wsgi_interp_first(void)
{
    return __atomic_load_n(&wsgi_interps.interps, __ATOMIC_ACQUIRE);
}

#endif
