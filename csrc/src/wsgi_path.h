/* wsgi_path.h - where an interpreter finds modules. */
#ifndef WSGI_PATH_H
#define WSGI_PATH_H

#include "wsgi_pymod.h"

/* Put the folders of the configuration in front of sys.path of the current
 * interpreter, that of APPLICATION_GROUP, and let MODULE, which is mod_wsgi, be
 * continued by the package of that name. Once, when the standard streams are
 * ours already. 0, or -1 with an exception. */
int wsgi_path_install(PyObject *module, const char *application_group);

#endif
