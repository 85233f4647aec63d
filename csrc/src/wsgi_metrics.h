/* wsgi_metrics.h - SetHandler wsgi-metrics: every group's numbers for monitoring,
 * from the scoreboards alone. No process is asked, so it answers when none does.
 * Who may read it is for the configuration to say (Require).
 */
#ifndef WSGI_METRICS_H
#define WSGI_METRICS_H

#include "wsgi_module.h"

/* Hook of Apache. */
int wsgi_metrics_handler(request_rec *r);

#endif
