/* test_embed.c - calls the plugin as an httpd child does.
 *
 *     test_embed .../wsgi-embed.so .../hostapp/app.wsgi
 *
 * Not of the plain tier: it needs a built plugin, but neither httpd nor Python
 * to be compiled. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "wsgi_embed.h"

#define THREADS 4
#define ROUNDS  500

static const wsgi_embed_api *api;
static const char *script;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[65536];

/* What came back from one request. */
typedef struct {
    int status, stale, begun;
    int64_t length;
    char body[4096];
    size_t size;
    const char *in;               /* the request's body */
    char lines[8192];
} outcome;

static void log_server(void *ctx, int level, const char *text, size_t n)
{
    size_t at;

    (void)ctx;
    pthread_mutex_lock(&log_lock);
    at = strlen(log_text);
    if (at + n + 8 < sizeof log_text)
        sprintf(log_text + at, "%d %.*s\n", level, (int)n, text);
    pthread_mutex_unlock(&log_lock);
}

static int on_begin(void *ctx)
{
    ((outcome *)ctx)->begun++;
    return 0;
}

static int on_stale(void *ctx, enum wsgi_stale how)
{
    (void)how;
    ((outcome *)ctx)->stale++;
    return 0;
}

static ssize_t on_read(void *ctx, void *buf, size_t n, int all)
{
    outcome *o = ctx;
    size_t left = strlen(o->in);

    (void)all;                          /* it gives all that there is, either way */
    if (n > left)
        n = left;
    memcpy(buf, o->in, n);
    o->in += n;
    return (ssize_t)n;
}

static int on_head(void *ctx, int status, const char *reason, size_t reason_len, int64_t length,
                   const void *headers, size_t headers_len, uint32_t n)
{
    outcome *o = ctx;

    (void)reason;
    (void)reason_len;
    (void)headers;
    (void)headers_len;
    (void)n;
    o->status = status;
    o->length = length;
    return 0;
}

static int on_data(void *ctx, const void *p, size_t n, int flush)
{
    outcome *o = ctx;

    (void)flush;
    if (o->size + n < sizeof o->body) {
        memcpy(o->body + o->size, p, n);
        o->size += n;
    }
    return 0;
}

static int on_file(void *ctx, int fd, uint64_t offset, uint64_t length)
{
    (void)ctx;
    (void)fd;
    (void)offset;
    (void)length;
    return EIO;
}

static void on_log(void *ctx, int level, const char *text, size_t n)
{
    outcome *o = ctx;
    size_t at = strlen(o->lines);

    if (at + n + 8 < sizeof o->lines)
        sprintf(o->lines + at, "%d %.*s\n", level, (int)n, text);
}

static int on_hints(void *ctx, const void *headers, size_t headers_len, uint32_t n)
{
    (void)ctx;
    (void)headers;
    (void)headers_len;
    (void)n;
    return 0;
}

static const wsgi_peer peer = {.begin = on_begin, .stale = on_stale, .read = on_read, .head = on_head,
                               .data = on_data, .file = on_file, .log = on_log, .hints = on_hints};

static wsgi_str str(const char *s)
{
    wsgi_str w = {s, (uint32_t)strlen(s)};

    return w;
}

/* One request for PATH in interpreter GROUP. */
static enum wsgi_end ask(const char *file, const char *path, const char *group, const char *in,
                         outcome *o)
{
    wsgi_buf b = {0};
    wsgi_request r;
    enum wsgi_end end;

    memset(&r, 0, sizeof r);
    memset(o, 0, sizeof *o);
    o->in = in;
    wsgi_buf_pair(&b, "PATH_INFO", 9, path, strlen(path));
    wsgi_buf_pair(&b, "QUERY_STRING", 12, "", 0);
    wsgi_buf_pair(&b, "REQUEST_METHOD", 14, "GET", 3);
    r.head.script = str(file);
    r.head.application_group = str(group);
    r.head.callable_object = str("application");
    r.head.handler_script = str("");
    r.head.npairs = 3;
    r.head.pairs = b.data;
    r.head.pairs_len = b.len;
    r.process_group = "";
    r.flags = WSGI_REQ_RELOADING;
    r.content_length = in[0] != '\0' ? (int64_t)strlen(in) : WSGI_LENGTH_NONE;
    r.received_us = 1;
    r.thread = 1;
    r.multithread = 1;
    r.apache[0] = 2;
    r.apache[1] = 4;
    end = api->run(&r, &peer, o);
    wsgi_buf_free(&b);
    return end;
}

static int body_is(const outcome *o, const char *text)
{
    return o->size == strlen(text) && memcmp(o->body, text, o->size) == 0;
}

static void test_start(void)
{
    wsgi_embed_config c = {.runtime = "/nowhere", .multithread = 1, .multiprocess = 1,
                           .log = log_server};
    char err[256] = "";

    CHECK_INT(api->interface_version, WSGI_INTERFACE_VERSION);
    CHECK_INT(api->start(&c, err, sizeof err), 0);
    CHECK_INT(api->start(&c, err, sizeof err), 0);
    CHECK_HAS(log_text, api->python);
}

static void test_requests(void)
{
    outcome o;

    CHECK_INT(ask(script, "/hello", "", "", &o), WSGI_END_OK);
    CHECK(o.status == 200 && o.length == 13 && o.begun == 1 && body_is(&o, "Hello, world!"));
    CHECK_HAS(o.lines, "6 Loading WSGI script");
    CHECK_INT(ask(script, "/modules", "other", "", &o), WSGI_END_OK);
    CHECK_HAS(o.body, "'other'");
    CHECK(strstr(o.body, "maximum_processes") == NULL);
    CHECK_INT(ask(script, "/env", "", "", &o), WSGI_END_OK);
    CHECK_HAS(o.body, "'mod_wsgi.daemon_start': 0.0");
    CHECK_HAS(o.body, "'apache.version': (2, 4, 0)");
    CHECK_INT(ask(script, "/echo", "", "some body", &o), WSGI_END_OK);
    CHECK(body_is(&o, "some body"));
    CHECK_INT(ask(script, "/fail", "", "", &o), WSGI_END_APP_ERROR);
    CHECK_HAS(o.lines, "KeyError");
    CHECK_INT(ask(script, "/wrapper", "", "", &o), WSGI_END_CANCELLED);
}

static void write_script(const char *path, const char *body, time_t mtime)
{
    struct timespec times[2] = {{mtime, 0}, {mtime, 0}};
    FILE *f = fopen(path, "w");

    fprintf(f, "import sys\nsys.seen = getattr(sys, 'seen', 0) + 1\n"
            "def application(e, s):\n s('200 OK', [])\n return [b'%s %%d' %% sys.seen]\n", body);
    fclose(f);
    utimensat(AT_FDCWD, path, times, 0);
}

/* In place: the interpreter and its modules stay. */
static void test_reload(void)
{
    char path[] = "/tmp/embed-XXXXXX";
    outcome o;

    close(mkstemp(path));
    write_script(path, "one", 1000);
    CHECK_INT(ask(path, "/", "", "", &o), WSGI_END_OK);
    CHECK(body_is(&o, "one 1"));
    write_script(path, "two", 2000);
    CHECK_INT(ask(path, "/", "", "", &o), WSGI_END_OK);
    CHECK(body_is(&o, "two 2") && o.stale == 1);
    CHECK_HAS(o.lines, "6 Reloading WSGI script");
    CHECK_INT(ask(path, "/", "", "", &o), WSGI_END_OK);
    CHECK(body_is(&o, "two 2") && o.stale == 0);
    unlink(path);
    CHECK_INT(ask(path, "/", "", "", &o), WSGI_END_LOAD_FAILED);
}

static void *many(void *wrong)
{
    outcome o;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        if (ask(script, "/hello", i % 3 ? "" : "other", "", &o) != WSGI_END_OK
            || !body_is(&o, "Hello, world!"))
            __atomic_add_fetch((int *)wrong, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t t[THREADS];
    int i, wrong = 0;

    for (i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, many, &wrong);
    for (i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    CHECK_INT(wrong, 0);
}

static void test_stop(void)
{
    wsgi_embed_config c = {.log = log_server};
    char err[256] = "";

    api->stop();
    CHECK_HAS(log_text, "interpreter ended for application group 'other'");
    api->stop();
    CHECK_INT(api->start(&c, err, sizeof err), -1);
    CHECK_HAS(err, "has been ended");
}

int main(int argc, char **argv)
{
    void *plugin = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE) : NULL;
    wsgi_embed_entry_fn entry;

    if (plugin == NULL) {
        fprintf(stderr, "usage: test_embed PLUGIN SCRIPT: %s\n", argc == 3 ? dlerror() : "");
        return 2;
    }
    *(void **)&entry = dlsym(plugin, WSGI_EMBED_ENTRY);
    api = entry();
    script = argv[2];
    RUN(test_start);
    RUN(test_requests);
    RUN(test_reload);
    RUN(test_threads);
    RUN(test_stop);
    return TEST_DONE();
}
