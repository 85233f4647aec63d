/* wsgi_filewrap.h - wsgi.file_wrapper: an iterator over a file, or, when it is
 * what the application returns, the file itself. */
#ifndef WSGI_FILEWRAP_H
#define WSGI_FILEWRAP_H

#include "wsgi_start.h"

extern PyType_Spec wsgi_filewrap_spec;

/* Pass the regular file behind WRAPPER to the peer of A, head included. 1 done,
 * 0 it must be iterated, -1 with an exception. */
int wsgi_filewrap_send(wsgi_adapter *a, PyObject *wrapper);

#endif
