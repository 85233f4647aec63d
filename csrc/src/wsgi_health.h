/* wsgi_health.h - SetHandler wsgi-health: whether the daemon groups can answer, by
 * the scoreboards alone. No process is asked, so that the answer comes when none
 * would.
 */
#ifndef WSGI_HEALTH_H
#define WSGI_HEALTH_H

#include "wsgi_module.h"

/* Hook of Apache. */
int wsgi_health_handler(request_rec *r);

#endif
