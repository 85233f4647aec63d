/* wsgi_host_limits.c - what a daemon process may take of the machine. A limit
 * that the system refuses is a warning: the process runs without it. */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_memory.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LEVEL_WARNING = 4, LEVEL_INFO = 6 };

void wsgi_host_memory(wsgi_host *h)
{
    wsgi_options *o = &h->config.options;
    int share = wsgi_options_memory_share(o), processes = wsgi_options_processes(o);
    int64_t all;

    if (share > 0) {
        all = wsgi_memory_limit("");
        o->memory_soft_limit = all / 100 * share / processes;
        if (all <= 0) {
            o->memory_soft_limit = -1;
            wsgi_host_log(LEVEL_WARNING, "WSGIM0525: daemon process '%s': memory-soft-limit=%d%% is not kept: "
                          "how much memory there is cannot be read", h->group, share);
        }
    }
    if (o->memory_soft_limit > 0 && processes > 1)
        o->memory_soft_limit = wsgi_memory_part(o->memory_soft_limit, (uint32_t)getpid());
    if (share > 0 && o->memory_soft_limit > 0)
        wsgi_host_log(LEVEL_INFO, "daemon process '%s': memory-soft-limit is %lld MiB, for one of %d processes, "
                      "of %d%% of %lld MiB", h->group, (long long)(o->memory_soft_limit >> 20), processes,
                      share, (long long)(all >> 20));
}

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

/* ---- cores ------------------------------------------------------------------------- */

static const char *core_folder;

/* After faulthandler has written what Python's threads were doing. */
static void on_crash(int sig)
{
    if (chdir(core_folder) < 0)
        core_folder = NULL;       /* then it is left where the process is */
    signal(sig, SIG_DFL);
    raise(sig);
}

void wsgi_host_cores(const wsgi_host *h)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction sa;
    size_t i;

    core_folder = h->config.core_folder;
    if (core_folder == NULL)
        return;
#ifdef __linux__
    /* A process that changed its user is not dumpable until it says so. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
        wsgi_host_log(LEVEL_WARNING, "WSGIM0537: daemon process '%s': a crash will leave no core in '%s': %s",
                      h->group, core_folder, strerror(errno));
#endif
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_crash;
    sigemptyset(&sa.sa_mask);
    for (i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        sigaction(fatal[i], &sa, NULL);
}

void wsgi_host_limits(const wsgi_host *h)
{
    const wsgi_options *o = &h->config.options;
    int64_t cpu = wsgi_options_seconds(o->cpu_time_limit);

    set_limit(h, "cpu-time-limit", RLIMIT_CPU, cpu, cpu + 1 + wsgi_options_shutdown_timeout(o));
    set_limit(h, "memory-limit", RLIMIT_DATA, o->memory_limit, o->memory_limit);
    set_limit(h, "virtual-memory-limit", RLIMIT_AS, o->virtual_memory_limit, o->virtual_memory_limit);
}
