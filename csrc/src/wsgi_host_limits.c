/* wsgi_host_limits.c - what a daemon process may take of the machine. A limit
 * that the system refuses is a warning: the process runs without it. */

#include "wsgi_python.h"
#include "wsgi_host.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum { LEVEL_WARNING = 4 };

void wsgi_host_priority(const wsgi_host *h)
{
    int nice = h->config.options.cpu_priority;

    if (nice != 0 && setpriority(PRIO_PROCESS, 0, nice) != 0)
        wsgi_host_log(LEVEL_WARNING, "WSGIM0521: daemon process '%s': cpu-priority %d cannot be set: "
                      "%s", h->group, nice, strerror(errno));
}

static void set_limit(const wsgi_host *h, const char *option, int resource, int64_t soft, int64_t hard)
{
    struct rlimit limit;

    if (soft <= 0)
        return;
    limit.rlim_cur = (rlim_t)soft;
    limit.rlim_max = (rlim_t)hard;
    if (setrlimit(resource, &limit) != 0)
        wsgi_host_log(LEVEL_WARNING, "WSGIM0520: daemon process '%s': %s of %lld cannot be set: %s",
                      h->group, option, (long long)soft, strerror(errno));
}

void wsgi_host_limits(const wsgi_host *h)
{
    const wsgi_options *o = &h->config.options;
    int64_t cpu = wsgi_options_seconds(o->cpu_time_limit);

    set_limit(h, "cpu-time-limit", RLIMIT_CPU, cpu, cpu + 1 + wsgi_options_shutdown_timeout(o));
    set_limit(h, "memory-limit", RLIMIT_DATA, o->memory_limit, o->memory_limit);
    set_limit(h, "virtual-memory-limit", RLIMIT_AS, o->virtual_memory_limit, o->virtual_memory_limit);
}
