/* wsgi_reach.h - daemon groups that nothing in the configuration leads to. */
#ifndef WSGI_REACH_H
#define WSGI_REACH_H

#include "wsgi_config.h"

/* Say, at info, which groups no directive names: somebody declared one and forgot
 * to use it, and his application runs in another mode than he thinks. */
void wsgi_reach_remark(const wsgi_global *global, server_rec *s);

#endif
