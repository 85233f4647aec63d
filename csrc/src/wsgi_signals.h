/* wsgi_signals.h - signal.signal() in a process that is managed by signals. */
#ifndef WSGI_SIGNALS_H
#define WSGI_SIGNALS_H

#include "wsgi_pymod.h"

/* Replace signal.signal of the current interpreter, that of APPLICATION_GROUP,
 * unless its settings or the sort of process leave it to the application. 0, or
 * -1 with an exception. */
int wsgi_signals_install(PyObject *module, wsgi_state *st, const char *application_group);

#endif
