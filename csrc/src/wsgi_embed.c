/* wsgi_embed.c - the plugin that an httpd child opens, see wsgi_embed.h.
 *
 * Python is started and ended on a thread of its own, which is
 * threading.main_thread() for as long as the process runs; httpd's threads come
 * and go. Signals are httpd's: that thread takes none.
 */

#include "wsgi_python.h"
#include "wsgi_embed.h"
#include "wsgi_adapter.h"
#include "wsgi_interp.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum { NEW, STARTING, RUNNING, FAILED, STOPPED } state;
    pthread_t thread;
    wsgi_python_config config;
    char error[512];
} plugin = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *home(void *unused)
{
    int failed = wsgi_python_start(&plugin.config, plugin.error, sizeof plugin.error) < 0;

    (void)unused;
    pthread_mutex_lock(&plugin.lock);
    plugin.state = failed ? FAILED : RUNNING;
    pthread_cond_broadcast(&plugin.changed);
    pthread_mutex_unlock(&plugin.lock);
    if (!failed) {
        wsgi_home_run();
        wsgi_python_stop();
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
    sigset_t all, old;
    int err;

    plugin.config = (wsgi_python_config){
        .python_home = keep(c->python_home), .python_path = keep(c->python_path),
        .runtime = keep(c->runtime), .process_group = "",
        .processes = c->multiprocess ? 0 : 1, .threads = c->multithread ? 0 : 1,
        .multithread = c->multithread, .multiprocess = c->multiprocess, .caseless = c->caseless,
        .log = c->log, .log_ctx = c->log_ctx};
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

static void stop(void)
{
    int running;

    pthread_mutex_lock(&plugin.lock);
    running = plugin.state == RUNNING;
    if (running)
        plugin.state = STOPPED;
    pthread_mutex_unlock(&plugin.lock);
    if (running) {
        wsgi_home_stop();
        pthread_join(plugin.thread, NULL);
    }
}

static const wsgi_embed_api api = {
    .interface_version = WSGI_INTERFACE_VERSION,
    .python = PY_VERSION,
    .start = start,
    .run = wsgi_adapter_run,
    .stop = stop,
};

__attribute__((visibility("default"))) const wsgi_embed_api *wsgi_embed_entry(void);

const wsgi_embed_api *wsgi_embed_entry(void)
{
    return &api;
}
