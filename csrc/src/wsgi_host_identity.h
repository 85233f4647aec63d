/* wsgi_host_identity.h - becoming the user of a daemon group, for good. */
#ifndef WSGI_HOST_IDENTITY_H
#define WSGI_HOST_IDENTITY_H

#include <stddef.h>
#include "wsgi_options.h"

/* Take the identity, umask and working folder of O, check that they were taken,
 * and set HOME, and USER, LOGNAME and USERNAME where there are such. No thread
 * but the caller's exists. 0, or -1 with a sentence in ERR; the process must
 * then end. */
int wsgi_host_identity(const wsgi_options *o, char *err, size_t errlen);

#endif
