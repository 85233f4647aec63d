/* wsgi_host_log.c - the error log of a daemon process, outside requests: it is
 * standard error, and lines look as httpd's do, or are objects of JSON.
 *
 * A record is one write, so that lines of several processes do not mix. */

#include "wsgi_python.h"
#include "wsgi_host.h"
#include "wsgi_json.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LEVEL_INFO = 6, LEVEL_DEBUG = 7 };

static struct {
    const char *group;
    int level, json;
} style = {"", LEVEL_INFO, 0};

void wsgi_host_log_setup(const char *group, int level, int json)
{
    style.group = group;
    style.level = level;
    style.json = json;
}

static void put_out(const void *p, size_t n)
{
    if (write(STDERR_FILENO, p, n) < 0)
        return;                   /* there is nowhere left to say so */
}

static void write_json(int level, const char *file, int line, const char *text, size_t n)
{
    wsgi_buf b = {0};

    wsgi_json_begin(&b, wsgi_clock_us(), level);
    wsgi_json_text(&b, "process_group", style.group, strlen(style.group));
    wsgi_json_number(&b, "pid", getpid());
    if (file != NULL) {
        wsgi_json_text(&b, "file", file, strlen(file));
        wsgi_json_number(&b, "line", line);
    }
    wsgi_json_text(&b, "message", text, n);
    wsgi_json_end(&b);
    if (!b.failed)
        put_out(b.data, b.len);
    wsgi_buf_free(&b);
}

/* What httpd puts before a message. */
static int put_prefix(char *out, size_t size, int level, const char *file, int line)
{
    static const char names[][8] = {"emerg", "alert", "crit", "error", "warn", "notice", "info",
                                    "debug", "trace1", "trace2"};
    char when[32], year[8], place[512] = "";
    struct timespec now;
    struct tm tm;
    int len;

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof when, "%a %b %d %H:%M:%S", &tm);
    strftime(year, sizeof year, "%Y", &tm);
    if (file != NULL && style.level >= LEVEL_DEBUG)     /* httpd's rule, too */
        snprintf(place, sizeof place, "%s(%d): ", file, line);
    len = snprintf(out, size, "[%s.%06ld %s] [wsgi:%s] [pid %ld:tid %ld] %s[daemon '%s'] ",
                   when, now.tv_nsec / 1000, year, names[level < 0 ? 0 : level > 9 ? 9 : level],
                   (long)getpid(), (long)syscall(SYS_gettid), place, style.group);
    return len < 0 || len > 1024 ? 0 : len;
}

void wsgi_host_line(int level, const char *file, int number, const char *text, size_t n)
{
    char line[9216];
    size_t i;
    int len;

    if (level > style.level)
        return;
    if (style.json) {
        write_json(level, file, number, text, n);
        return;
    }
    len = put_prefix(line, sizeof line, level, file, number);
    for (i = 0; i < n && (size_t)len + 5 < sizeof line; i++) {
        unsigned char c = (unsigned char)text[i];

        /* As httpd does it: a log must not drive the terminal that shows it. */
        if ((c < ' ' && c != '\t') || c == 127)
            len += snprintf(line + len, 5, "\\x%02x", c);
        else
            line[len++] = text[i];
    }
    line[len++] = '\n';
    put_out(line, (size_t)len);
}

void wsgi_host_log(int level, const char *format, ...)
{
    char text[4096];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0)
        wsgi_host_line(level, NULL, 0, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

static const char *text_or_none(const char *s)
{
    return s != NULL ? s : "none";
}

void wsgi_host_log_settings(const wsgi_host *h)
{
    const wsgi_options *o = &h->config.options;
    char folder[1024];

    if (style.level < LEVEL_DEBUG)
        return;
    wsgi_host_log(LEVEL_DEBUG, "daemon process '%s': processes=%d threads=%d maximum-requests=%d "
                  "request-timeout=%d deadlock-timeout=%d shutdown-timeout=%d graceful-timeout=%d "
                  "socket-timeout=%d", h->group, wsgi_options_processes(o), wsgi_options_threads(o),
                  wsgi_options_seconds(o->maximum_requests), wsgi_options_seconds(o->request_timeout),
                  wsgi_options_deadlock_timeout(o), wsgi_options_shutdown_timeout(o),
                  wsgi_options_graceful_timeout(o), wsgi_options_seconds(o->socket_timeout));
    wsgi_host_log(LEVEL_DEBUG, "daemon process '%s': user %ld, group %ld, folder '%s', python-home %s, "
                  "python-path %s", h->group, (long)getuid(), (long)getgid(),
                  text_or_none(getcwd(folder, sizeof folder)), text_or_none(o->python_home),
                  text_or_none(o->python_path));
    wsgi_host_log(LEVEL_DEBUG, "daemon process '%s': locale '%s', LANG %s, LC_ALL %s, PATH %s", h->group,
                  text_or_none(setlocale(LC_ALL, NULL)), text_or_none(getenv("LANG")),
                  text_or_none(getenv("LC_ALL")), text_or_none(getenv("PATH")));
}
