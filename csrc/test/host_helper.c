/* host_helper.c - what host_driver.py cannot say in Python: the configuration
 * message of a daemon process. Built into a shared object with the plain tier,
 * whose functions the driver calls itself. */

#include <stdlib.h>
#include <string.h>

#include "wsgi_control.h"

#define VISIBLE __attribute__((visibility("default")))

/* The CONFIG payload for group NAME with OPTIONS, "name=value" lines, and the
 * script PRELOAD, behind a "!" if it is required, or NULL. Its size, or -1 with the reason in ERR. */
VISIBLE long helper_config(const char *name, const char *options, const char *runtime,
                           const char *preload, int log_level, unsigned slot,
                           unsigned incarnation, unsigned char *out, size_t size,
                           char *err, size_t errlen)
{
    wsgi_group_config g;
    int required = preload != NULL && preload[0] == '!';
    wsgi_preload one = {(char *)preload + required, (char *)"", (char *)"application", required};
    wsgi_buf b = {0};
    char *copy = strdup(options), *line, *save = NULL;
    long n = -1;

    memset(&g, 0, sizeof g);
    wsgi_options_init(&g.options);
    wsgi_settings_init(&g.settings);
    g.options.name = strdup(name);
    for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strchr(line, '=');

        *value++ = '\0';
        if (wsgi_options_set(&g.options, line, value, err, errlen) < 0)
            goto done;
    }
    g.host = (char *)"/wsgi-host";
    g.server_name = (char *)"";
    g.runtime = (char *)runtime;
    g.log_level = log_level;
    g.default_socket_timeout = 60;
    g.apache[0] = 2;
    g.apache[1] = 4;
    g.apache[2] = 57;
    g.slot = slot;
    g.incarnation = incarnation;
    if (preload != NULL) {
        g.preloads = &one;
        g.npreloads = 1;
    }
    wsgi_group_config_encode(&g, &b);
    if (!b.failed && b.len <= size) {
        memcpy(out, b.data, b.len);
        n = (long)b.len;
    }
done:
    wsgi_buf_free(&b);
    wsgi_options_free(&g.options);
    free(copy);
    return n;
}

