/* wsgi_options_values.c - what the options of a daemon group come to: defaults
 * where none was given, and what is worked out of them. See wsgi_options.h.
 */
#include "wsgi_options_table.h"

#include <stdint.h>
#include <string.h>

static int or_default(int value, int fallback)
{
    return value < 0 ? fallback : value;
}

int wsgi_options_processes(const wsgi_options *o)
{
    return or_default(o->processes, 1);
}

int wsgi_options_threads(const wsgi_options *o)
{
    return or_default(o->threads, 15);
}

int wsgi_options_shutdown_timeout(const wsgi_options *o)
{
    return or_default(o->shutdown_timeout, 5);
}

int wsgi_options_graceful_timeout(const wsgi_options *o)
{
    return or_default(o->graceful_timeout, 15);
}

int wsgi_options_connect_timeout(const wsgi_options *o)
{
    return or_default(o->connect_timeout, 15);
}

int wsgi_options_deadlock_timeout(const wsgi_options *o)
{
    return or_default(o->deadlock_timeout, 300);
}

static int size_or(int value, int fallback)
{
    return value > 0 ? value : fallback;
}

int wsgi_options_header_buffer_size(const wsgi_options *o)
{
    return size_or(o->header_buffer_size, 32768);
}

int wsgi_options_response_buffer_size(const wsgi_options *o)
{
    return size_or(o->response_buffer_size, 8 * 1024 * 1024);
}

int wsgi_options_response_flush_delay(const wsgi_options *o)
{
    return or_default(o->response_flush_delay, 5);
}

/* Natural logarithm of a small whole number, to spare libm. */
static double ln(int n)
{
    double x = n, y, y2, term, sum = 0;
    int halvings = 0, k;

    for (; x > 1.5; halvings++)
        x /= 2;
    y = (x - 1) / (x + 1);
    y2 = y * y;
    for (term = y, k = 1; k < 30; k += 2, term *= y2)
        sum += term / k;
    return 2 * sum + halvings * 0.69314718055994531;
}

int wsgi_options_memory_share(const wsgi_options *o)
{
    return o->memory_soft_limit <= WSGI_OPTION_SHARE(1) ? (int)(-1 - o->memory_soft_limit) : 0;
}

int64_t wsgi_options_request_limit(const wsgi_options *o)
{
    int threads = wsgi_options_threads(o);

    return (int64_t)(wsgi_options_seconds(o->request_timeout) * 1000.0 *
                     (1 + ln(threads > 0 ? threads : 1)));
}

int wsgi_options_drain_limit(const wsgi_options *o)
{
    int graceful = wsgi_options_graceful_timeout(o);

    return o->eviction_timeout > graceful ? o->eviction_timeout : graceful;
}

/* Measured on Linux: a request of 1.5 kB with a descriptor is charged with 2,304
 * bytes, and SO_SNDBUF counts double. */
#define QUEUE_REQUEST_BYTES 1152
#define QUEUE_LEAST_BYTES   (64 * 1024)
#define QUEUE_DEFAULT_BYTES (4 * 1024 * 1024)

int wsgi_options_queue_bytes(const wsgi_options *o)
{
    int bytes = o->listen_backlog < 0 ? QUEUE_DEFAULT_BYTES : o->listen_backlog * QUEUE_REQUEST_BYTES;

    return bytes > QUEUE_LEAST_BYTES ? bytes : QUEUE_LEAST_BYTES;
}

const char *wsgi_options_remark(const wsgi_options *o, size_t i)
{
    static const struct { size_t offset; const char *text; } remarks[] = {
        { WSGI_OPTION_AT(socket_user), "option 'socket-user' has no effect: requests reach the processes by an "
                           "inherited socket that is not on disk; remove it" },
        { WSGI_OPTION_AT(newrelic_config_file), "option 'newrelic-config-file' has no effect: there is no agent "
                                    "in mod_wsgi; remove it and start the agent in the WSGI script" },
        { WSGI_OPTION_AT(newrelic_environment), "option 'newrelic-environment' has no effect: there is no agent "
                                    "in mod_wsgi; remove it and start the agent in the WSGI script" }
    };
    size_t k;

    for (k = 0; k < sizeof(remarks) / sizeof(remarks[0]); k++)
        if (*(char *const *)((const char *)o + remarks[k].offset) != NULL && i-- == 0)
            return remarks[k].text;
    return NULL;
}

int wsgi_options_seconds(int value)
{
    return or_default(value, 0);
}

int wsgi_options_multiprocess(const wsgi_options *o)
{
    return o->processes >= 0;
}

char *wsgi_options_title(const wsgi_options *o)
{
    static const char mark[] = "%{GROUP}";
    const char *name = o->name ? o->name : "";
    const char *p = o->display_name, *at;
    wsgi_buf b = { NULL, 0, 0, 0 };

    if (p == NULL)
        return NULL;
    while ((at = strstr(p, mark)) != NULL) {
        wsgi_buf_bytes(&b, p, (size_t)(at - p));
        wsgi_buf_bytes(&b, "(wsgi:", 6);
        wsgi_buf_bytes(&b, name, strlen(name));
        wsgi_buf_u8(&b, ')');
        p = at + sizeof(mark) - 1;
    }
    wsgi_buf_bytes(&b, p, strlen(p) + 1);
    if (b.failed) {
        wsgi_buf_free(&b);
        return NULL;
    }
    return (char *)b.data;
}
