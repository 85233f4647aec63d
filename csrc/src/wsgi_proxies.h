/* wsgi_proxies.h - WSGITrustedProxies and WSGITrustedProxyHeaders: their setters,
 * and what they change in a request. What is believed, and why, is decided by
 * wsgi_forwarded.
 */
#ifndef WSGI_PROXIES_H
#define WSGI_PROXIES_H

#include "wsgi_config.h"
#include "wsgi_forwarded.h"

/* Setters, for all words of a line. A list grows while it is in one scope; a list of a
 * narrower scope takes the place of the wider one's (wsgi_config_merge_dir). */
const char *wsgi_proxies_set_proxies(cmd_parms *cmd, void *dir, const char *args);
const char *wsgi_proxies_set_headers(cmd_parms *cmd, void *dir, const char *args);

/* What the directives change in R, into *OUT, whose texts live as long as the
 * request. Returns 0 if no header is declared: then *OUT is not touched. */
int wsgi_proxies_judge(request_rec *r, wsgi_forwarded_changes *out);

/* Must the application not see the header NAME? */
int wsgi_proxies_hides(const wsgi_forwarded_changes *changes, const char *name);

#endif
