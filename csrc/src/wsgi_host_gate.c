/* wsgi_host_gate.c - from one daemon process to the next: what the supervisor
 * is told of the scripts of this one, and what this one must be able to do
 * before it may take the place of another.
 */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_adapter.h"
#include "wsgi_script.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_EVERY_US 1000000      /* requests for a script that failed are many */

enum { LEVEL_CRIT = 2, LEVEL_WARNING = 4 };

static wsgi_host *host;
static uint64_t asked_us;         /* atomic */
static int gave_way;              /* atomic */

/* Not more often than needed. */
static int time_to_ask(void)
{
    uint64_t now = wsgi_steady_us(), last = __atomic_load_n(&asked_us, __ATOMIC_RELAXED);

    if (last != 0 && now - last < ASK_EVERY_US)
        return 0;
    return __atomic_compare_exchange_n(&asked_us, &last, now, 0, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

/* Of a script that is not good the successor is to show that it is. */
static void report(const char *path, const char *application_group, int good)
{
    wsgi_buf b = {NULL, 0, 0, 0};

    if (good)
        wsgi_slot_serves(host->board, host->config.slot,
                         wsgi_script_number(path, application_group));
    else if (!time_to_ask())
        return;
    wsgi_control_script(&b, path, application_group);
    if (!b.failed)
        wsgi_control_send(WSGI_HOST_CONTROL_FD, WSGI_CTL_LOADED, (uint16_t)good, b.data, b.len,
                          NULL, 0);
    wsgi_buf_free(&b);
    if (!good)
        wsgi_watch_tell(WSGI_NEWS_IMPORT);
}

/* One process that cannot load what another serves must not answer for it: its
 * requests go there. It makes room at once for one that can, if there is nothing
 * else that it serves. */
static int elsewhere(const char *path, const char *application_group)
{
    uint64_t script = wsgi_script_number(path, application_group), first;
    int loaded;

    if (!wsgi_board_served(host->board, script, host->config.slot))
        return 0;
    wsgi_script_progress(&first, &loaded);
    if (!loaded && !__atomic_exchange_n(&gave_way, 1, __ATOMIC_RELAXED)) {
        wsgi_host_log(LEVEL_WARNING, "WSGIM0524: daemon process '%s': script '%s' could not be loaded, "
                      "and is in service in another process: requests go there, this one ends",
                      host->group, path);
        wsgi_watch_tell(WSGI_NEWS_USELESS);
    }
    else if (loaded)
        report(path, application_group, 0);
    return 1;
}

static const wsgi_script_gate gate = { report, elsewhere };

int wsgi_gate_passed(void)
{
    wsgi_slot_view v;

    wsgi_slot_read(host->board, host->config.slot, &v);
    return v.state == WSGI_SLOT_DRAINING;
}

static int there(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 || errno != ENOENT;
}

void wsgi_gate_load(wsgi_host *h)
{
    const wsgi_group_config *c = &h->config;
    uint32_t i;

    host = h;
    wsgi_script_keep_failures(&gate);
    for (i = 0; i < c->npreloads; i++) {
        const wsgi_preload *p = &c->preloads[i];

        if (__atomic_load_n(&h->closing, __ATOMIC_ACQUIRE))
            return;
        if (p->required && !there(p->script))
            continue;
        if (wsgi_adapter_preload(p->script, p->application_group) < 0 && p->required) {
            wsgi_host_log(LEVEL_CRIT, "WSGIM0590: daemon process '%s': script '%s', which is in service, "
                          "could not be loaded; this process ends and those that serve it go on",
                          h->group, p->script);
            _exit(WSGI_HOST_EXIT_IMPORT);
        }
    }
}
