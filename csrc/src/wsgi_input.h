/* wsgi_input.h - wsgi.input: the body of the request, pulled as it is read. */
#ifndef WSGI_INPUT_H
#define WSGI_INPUT_H

#include "wsgi_start.h"

extern PyType_Spec wsgi_input_spec;

/* The input of the request of A; new reference. */
PyObject *wsgi_input_new(wsgi_adapter *a);

#endif
