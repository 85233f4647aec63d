/* wsgi_embed.c - the plugin that an httpd child opens, see wsgi_embed.h.
 *
 * Python is started and ended on a thread of its own, which is
 * threading.main_thread() for as long as the process runs; httpd's threads come
 * and go. Signals are httpd's: that thread takes none.
 */

#include "wsgi_python.h"
#include "wsgi_embed.h"
#include "wsgi_adapter.h"
#include "wsgi_calls.h"
#include "wsgi_errors.h"
#include "wsgi_interp.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define STOP_SECONDS 5

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;       /* made by launch */
    pthread_cond_t over;          /* by a clock that nobody sets; made by stop, which alone brings it about */
    enum { NEW, STARTING, RUNNING, FAILED, STOPPED } state;
    pthread_t thread;
    int ended;                    /* it is about to be */
    wsgi_python_config config;
    wsgi_settings settings;       /* config points at it */
    wsgi_server server;           /* and at it */
    const wsgi_embed_script *scripts;     /* of start's caller, who waits */
    uint32_t nscripts;
    char error[512];
} plugin = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *home(void *unused)
{
    int failed = wsgi_python_start(&plugin.config, plugin.error, sizeof plugin.error) < 0;
    uint32_t i;

    (void)unused;
    for (i = 0; !failed && i < plugin.nscripts; i++)
        wsgi_adapter_preload(plugin.scripts[i].path, plugin.scripts[i].application_group);
    pthread_mutex_lock(&plugin.lock);
    plugin.state = failed ? FAILED : RUNNING;
    pthread_cond_broadcast(&plugin.changed);
    pthread_mutex_unlock(&plugin.lock);
    if (!failed) {
        wsgi_home_run();
        wsgi_python_stop();
        pthread_mutex_lock(&plugin.lock);
        plugin.ended = 1;
        pthread_cond_broadcast(&plugin.over);
        pthread_mutex_unlock(&plugin.lock);
    }
    return NULL;
}

/* A copy that lives as long as the process, for want of a moment at which
 * Python is certain not to look at it. */
static const char *keep(const char *s)
{
    return s == NULL ? NULL : strdup(s);
}

/* Lock held. 0 or an errno. */
static int launch(const wsgi_embed_config *c)
{
    pthread_condattr_t steady;
    sigset_t all, old;
    int err;

    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&plugin.changed, &steady);
    pthread_condattr_destroy(&steady);
    if (c->settings == NULL)
        wsgi_settings_init(&plugin.settings);
    else if (wsgi_settings_copy(c->settings, &plugin.settings) < 0)
        return ENOMEM;
    wsgi_server_init(&plugin.server);
    if (c->server != NULL && wsgi_server_copy(c->server, &plugin.server) < 0)
        return ENOMEM;
    plugin.config = (wsgi_python_config){
        .python_home = keep(c->python_home), .python_path = keep(c->python_path),
        .runtime = keep(c->runtime), .process_group = "", .settings = &plugin.settings, .server = &plugin.server,
        .processes = (int)plugin.server.processes, .threads = (int)plugin.server.threads,
        .multithread = c->multithread, .multiprocess = c->multiprocess, .caseless = c->caseless,
        .keep_stdout = c->keep_stdout,
        .log = c->log, .log_at = c->log_at, .log_ctx = c->log_ctx, .log_level = c->log_level,
        .scoreboard = c->scoreboard};
    plugin.scripts = c->scripts;
    plugin.nscripts = c->nscripts;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&plugin.thread, NULL, home, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return err;
}

static int start(const wsgi_embed_config *config, char *err, size_t errlen)
{
    int failed, code;

    pthread_mutex_lock(&plugin.lock);
    if (plugin.state == NEW) {
        plugin.state = STARTING;
        code = launch(config);
        if (code != 0) {
            snprintf(plugin.error, sizeof plugin.error, "no thread for Python: %s",
                     strerror(code));
            plugin.state = FAILED;
        }
    }
    while (plugin.state == STARTING)
        pthread_cond_wait(&plugin.changed, &plugin.lock);
    failed = plugin.state != RUNNING;
    if (failed && errlen > 0)
        snprintf(err, errlen, "%s", plugin.state == STOPPED ? "Python has been ended in this "
                 "process" : plugin.error);
    pthread_mutex_unlock(&plugin.lock);
    return failed ? -1 : 0;
}

/* Threads and atexit functions of the application have their time, and no more:
 * a child of Apache's that does not end would be there for ever. */
static void stop(void)
{
    pthread_condattr_t steady;
    struct timespec until;
    int running, late = 0;

    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_SECONDS;
    pthread_mutex_lock(&plugin.lock);
    running = plugin.state == RUNNING;
    if (running) {
        plugin.state = STOPPED;
        pthread_cond_init(&plugin.over, &steady);
        wsgi_home_stop();
        while (!plugin.ended && !late)
            late = pthread_cond_timedwait(&plugin.over, &plugin.lock, &until) == ETIMEDOUT;
    }
    pthread_mutex_unlock(&plugin.lock);
    pthread_condattr_destroy(&steady);
    if (running && !late)
        pthread_join(plugin.thread, NULL);
    else if (running)
        wsgi_log(WSGI_LOG_WARNING, "WSGIM0623: Python does not end: a thread or an atexit function of the "
                 "application still runs after %d seconds; this child ends without it", STOP_SECONDS);
}

static const wsgi_embed_api api = {
    .interface_version = WSGI_INTERFACE_VERSION,
    .python = PY_VERSION,
    .start = start,
    .run = wsgi_adapter_run,
    .call = wsgi_calls_run,
    .waited = wsgi_interp_waited,
    .stop = stop,
};

__attribute__((visibility("default"))) const wsgi_embed_api *wsgi_embed_entry(void);

const wsgi_embed_api *wsgi_embed_entry(void)
{
    return &api;
}
