/* wsgi_status.h - the groups on the page of mod_status, where that is loaded. */
#ifndef WSGI_STATUS_H
#define WSGI_STATUS_H

#include "wsgi_module.h"

/* When the hooks are registered. */
void wsgi_status_register(void);

#endif
