/* wsgi_streams.h - the standard streams of an interpreter: what is printed goes
 * to the log, and streams that are restricted are an object that refuses all. */
#ifndef WSGI_STREAMS_H
#define WSGI_STREAMS_H

#include "wsgi_pymod.h"

/* Type mod_wsgi.Restricted. */
extern PyType_Spec wsgi_restricted_spec;

/* Replace the streams of the current interpreter, that of APPLICATION_GROUP, as
 * its settings want it. 0, or -1 with an exception. */
int wsgi_streams_install(PyObject *module, wsgi_state *st, const char *application_group);

#endif
