/* wsgi_reach.c - see wsgi_reach.h.
 *
 * The tree of directives is searched as it was read, so that a new directive that
 * takes the name of a group need not be known here. What a request decides, by a
 * token or by a script, may lead to any group.
 */
#include "wsgi_reach.h"

#include "wsgi_groups.h"

/* Does ARGS have NAME as a word, or as the value of an option? */
static int has_word(const char *args, const char *name)
{
    size_t len = strlen(name);
    const char *p = args;

    while ((p = strstr(p, name)) != NULL) {
        if ((p == args || strchr(" \t=\"'", p[-1]) != NULL)
            && (p[len] == '\0' || strchr(" \t>\"'", p[len]) != NULL))
            return 1;
        p++;
    }
    return 0;
}

/* Does it leave the choice of a group to the request? */
static int chooses(const ap_directive_t *d)
{
    const char *p = d->args;

    if (strcasecmp(d->directive, "WSGIDispatchScript") == 0)
        return 1;
    if (strcasecmp(d->directive, "WSGIProcessGroup") != 0)
        p = ap_strcasestr(p, "process-group=");
    return p != NULL && (p = strstr(p, "%{")) != NULL && strncmp(p, "%{GLOBAL}", 9) != 0;
}

/* Is there a directive from D on, or below, that may lead to the group NAME? */
static int leads_to(const ap_directive_t *d, const char *name)
{
    for (; d != NULL; d = d->next) {
        if (leads_to(d->first_child, name))
            return 1;
        if (strncasecmp(d->directive, "WSGI", 4) != 0 || strcasecmp(d->directive, "WSGIDaemonProcess") == 0
            || strcasecmp(d->directive, "WSGIRestrictProcess") == 0)
            continue;
        if (chooses(d) || has_word(d->args, name))
            return 1;
    }
    return 0;
}

void wsgi_reach_remark(const wsgi_global *global, server_rec *s)
{
    int i;

    for (i = 0; i < global->groups->nelts; i++) {
        const wsgi_group *group = APR_ARRAY_IDX(global->groups, i, wsgi_group *);

        if (!leads_to(ap_conftree, group->name))
            ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, "daemon process group '%s' (%s:%u) is named by no "
                         "WSGIProcessGroup, alias or import: no request reaches it", group->name, group->file,
                         group->line);
    }
}
