/* wsgi_auth_conf.h - the directives that name scripts which httpd asks about
 * requests: WSGIAccessScript, WSGIAuthUserScript, WSGIAuthGroupScript and
 * WSGIDispatchScript.
 */
#ifndef WSGI_AUTH_CONF_H
#define WSGI_AUTH_CONF_H

#include "wsgi_config.h"

typedef struct wsgi_hook_script {
    const char *directive, *file;
    const char *process_group;        /* a daemon group that is there; "" in httpd's children */
    const char *application_group;    /* "" is the main interpreter; may be %{SERVER} or %{HOST} */
} wsgi_hook_script;

/* Setter of all four. cmd->info: its place in wsgi_dir_config. */
const char *wsgi_auth_set_script(cmd_parms *cmd, void *dir, const char *args);

#endif
