/* wsgi_auth.h - who may: WSGIAccessScript, the provider "wsgi" of AuthBasicProvider
 * and AuthDigestProvider, and "Require wsgi-group".
 */
#ifndef WSGI_AUTH_H
#define WSGI_AUTH_H

#include "wsgi_module.h"

/* The hook and the providers. */
void wsgi_auth_register(apr_pool_t *p);
/* Hook: finds the functions that other modules offer. */
void wsgi_auth_retrieve(void);

#endif
