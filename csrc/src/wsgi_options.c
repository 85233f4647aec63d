/* wsgi_options.c - the options of a daemon group.
 *
 * One table says everything about an option: its name, the member that holds
 * it, what it accepts and what is told about it. Parsing, the bytes between
 * processes, the reference documents and the guess at a misspelt name all read
 * that table. Options of other releases are in it too, so that they are
 * refused by name instead of "unknown".
 */
#include "wsgi_options.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_kind {
    KIND_TEXT,          /* not empty */
    KIND_OWNER,         /* name or #id */
    KIND_PATH,          /* absolute */
    KIND_HOME,          /* absolute, no second prefix */
    KIND_PATHS,         /* colon list */
    KIND_INT,           /* plain decimal */
    KIND_OCTAL,
    KIND_ABSENT         /* not in this release */
};

typedef struct {
    wsgi_option_doc doc;
    enum option_kind kind;
    size_t offset;      /* of a char * or an int in wsgi_options */
    int min, max;
} option_def;

#define AT(member) offsetof(wsgi_options, member)
#define SECONDS_MAX 1000000000
#define ABSENT(word) { { word, NULL, NULL, NULL }, KIND_ABSENT, 0, 0, 0 }

static const option_def table[] = {
    { { "user", "name or #uid", "User of httpd",
        "The user the processes run as; httpd must be started by root. Not root itself." },
      KIND_OWNER, AT(user), 0, 0 },
    { { "group", "name or #gid", "Group of httpd",
        "The primary group of the processes." },
      KIND_OWNER, AT(group), 0, 0 },
    { { "processes", "1..4096", "1",
        "How many processes serve the group. Giving it at all, even 1, makes wsgi.multiprocess true." },
      KIND_INT, AT(processes), 1, 4096 },
    { { "threads", "1..65533", "15",
        "Request threads of each process." },
      KIND_INT, AT(threads), 1, 65533 },
    { { "umask", "octal 0..0777", "inherited",
        "The file creation mask of the processes." },
      KIND_OCTAL, AT(umask), 0, 0777 },
    { { "home", "absolute path", "where httpd was started, normally /",
        "The working directory of the processes, also put first in sys.path." },
      KIND_PATH, AT(home), 0, 0 },
    { { "lang", "locale name", "inherited",
        "Sets LANG." },
      KIND_TEXT, AT(lang), 0, 0 },
    { { "locale", "locale name", "inherited",
        "Sets LC_ALL before Python starts." },
      KIND_TEXT, AT(locale), 0, 0 },
    { { "python-home", "absolute path", "WSGIPythonHome",
        "A virtual environment or the prefix of a Python; chooses the build of the host for it." },
      KIND_HOME, AT(python_home), 0, 0 },
    { { "python-path", "folders separated by colons", "none",
        "Folders put in front of sys.path, with their .pth files. WSGIPythonPath is for embedded mode only." },
      KIND_PATHS, AT(python_path), 0, 0 },
    { { "display-name", "text", "none",
        "The title of the processes in ps; %{GROUP} stands for (wsgi:NAME)." },
      KIND_TEXT, AT(display_name), 0, 0 },
    { { "startup-timeout", "seconds, 0 = off", "0",
        "A process in which no script has loaded this long after the first attempt is replaced." },
      KIND_INT, AT(startup_timeout), 0, SECONDS_MAX },
    { { "shutdown-timeout", "seconds, 0 = never forced", "5",
        "How long running requests may take once a process was told to stop." },
      KIND_INT, AT(shutdown_timeout), 0, SECONDS_MAX },
    { { "graceful-timeout", "seconds, 0 = do not wait", "15",
        "How long a process that is being replaced may finish its requests." },
      KIND_INT, AT(graceful_timeout), 0, SECONDS_MAX },
    { { "request-timeout", "seconds, 0 = off", "0",
        "A process with a request that takes longer is replaced." },
      KIND_INT, AT(request_timeout), 0, SECONDS_MAX },
    { { "queue-timeout", "seconds, 0 = off", "0",
        "Longest time from receipt of a request until a thread takes it; then 504, and it never runs." },
      KIND_INT, AT(queue_timeout), 0, SECONDS_MAX },
    { { "connect-timeout", "seconds", "15",
        "How long a request waits for room in a full queue; then 503." },
      KIND_INT, AT(connect_timeout), 0, SECONDS_MAX },
    { { "socket-timeout", "seconds, 0 = Timeout of httpd", "0",
        "Longest silence between httpd and the process in either direction." },
      KIND_INT, AT(socket_timeout), 0, SECONDS_MAX },
    { { "inactivity-timeout", "seconds, 0 = off", "0",
        "A process without any request for so long is replaced." },
      KIND_INT, AT(inactivity_timeout), 0, SECONDS_MAX },
    { { "restart-interval", "seconds, 0 = off", "0",
        "A process is replaced after so long." },
      KIND_INT, AT(restart_interval), 0, SECONDS_MAX },
    { { "maximum-requests", "requests, 0 = off", "0",
        "A process is replaced after so many requests." },
      KIND_INT, AT(maximum_requests), 0, INT32_MAX },

    ABSENT("chroot"), ABSENT("cpu-priority"), ABSENT("cpu-time-limit"),
    ABSENT("deadlock-timeout"), ABSENT("eviction-timeout"), ABSENT("header-buffer-size"),
    ABSENT("interrupt-timeout"), ABSENT("listen-backlog"), ABSENT("memory-limit"),
    ABSENT("newrelic-config-file"), ABSENT("newrelic-environment"), ABSENT("python-eggs"),
    ABSENT("receive-buffer-size"), ABSENT("response-buffer-size"),
    ABSENT("response-flush-delay"), ABSENT("response-socket-timeout"),
    ABSENT("script-group"), ABSENT("script-user"), ABSENT("send-buffer-size"),
    ABSENT("server-metrics"), ABSENT("socket-user"), ABSENT("stack-size"),
    ABSENT("supplementary-groups"), ABSENT("switch-interval"), ABSENT("virtual-memory-limit")
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

static int holds_int(const option_def *d)
{
    return d->kind == KIND_INT || d->kind == KIND_OCTAL;
}

static char **text_of(const wsgi_options *o, const option_def *d)
{
    return (char **)((char *)o + d->offset);
}

static int *int_of(const wsgi_options *o, const option_def *d)
{
    return (int *)((char *)o + d->offset);
}

void wsgi_options_init(wsgi_options *o)
{
    size_t i;

    memset(o, 0, sizeof(*o));
    for (i = 0; i < TABLE_SIZE; i++)
        if (holds_int(&table[i]))
            *int_of(o, &table[i]) = -1;
}

void wsgi_options_free(wsgi_options *o)
{
    size_t i;

    free(o->name);
    for (i = 0; i < TABLE_SIZE; i++)
        if (table[i].kind != KIND_ABSENT && !holds_int(&table[i]))
            free(*text_of(o, &table[i]));
    wsgi_options_init(o);
}

/* ---- parsing --------------------------------------------------------------- */

static int refuse(char *err, size_t errlen, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(char *err, size_t errlen, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err, errlen, format, args);
    va_end(args);
    return -1;
}

static int all_in(const char *s, const char *accepted)
{
    return *s != '\0' && s[strspn(s, accepted)] == '\0';
}

static int set_number(int *member, const option_def *d, const char *value,
                      char *err, size_t errlen)
{
    int octal = d->kind == KIND_OCTAL;
    long n;

    /* Ten digits fit a long only where it has 64 bits; more never are right. */
    if (!all_in(value, octal ? "01234567" : "0123456789") || strlen(value) > 10)
        return refuse(err, errlen, "option '%s' has value '%.100s', which is not a plain %s "
                      "number: it accepts %s", d->doc.name, value,
                      octal ? "octal" : "decimal", d->doc.type);
    n = octal ? strtol(value, NULL, 8) : (long)strtoll(value, NULL, 10);
    if (n < d->min || n > d->max)
        return refuse(err, errlen, "option '%s' has value '%.100s', which is out of range: it "
                      "accepts %s (at least %d, at most %d)", d->doc.name, value,
                      d->doc.type, d->min, d->max);
    *member = (int)n;
    return 0;
}

/* Is this list of folders one? Empty entries would mean the working directory. */
static int check_paths(const char *value)
{
    const char *p = value;

    for (;;) {
        size_t n = strcspn(p, ":");

        if (n == 0 || p[0] != '/')
            return -1;
        if (p[n] == '\0')
            return 0;
        p += n + 1;
    }
}

static int check_text(const option_def *d, const char *value, char *err, size_t errlen)
{
    const char *p;

    if (*value == '\0')
        return refuse(err, errlen, "option '%s' has an empty value: it accepts %s",
                      d->doc.name, d->doc.type);
    for (p = value; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return refuse(err, errlen, "option '%s' has a control character in its value",
                          d->doc.name);
    switch (d->kind) {
    case KIND_OWNER:
        if (value[0] == '#' && (!all_in(value + 1, "0123456789") || strlen(value) > 11))
            return refuse(err, errlen, "option '%s' has value '%.100s': it accepts %s",
                          d->doc.name, value, d->doc.type);
        if (d->offset == AT(user) &&
            (strcmp(value, "root") == 0 ||
             (value[0] == '#' && strtoul(value + 1, NULL, 10) == 0)))
            return refuse(err, errlen, "option 'user' has value '%.100s': a daemon process "
                          "does not run as root", value);
        return 0;
    case KIND_HOME:
        if (value[0] == '/' && strchr(value, ':') != NULL)
            return refuse(err, errlen, "option '%s' has value '%.200s': it accepts one absolute "
                          "path; the form prefix:exec_prefix is not available in this release",
                          d->doc.name, value);
        /* fall through */
    case KIND_PATH:
        if (value[0] != '/')
            return refuse(err, errlen, "option '%s' has value '%.200s': it accepts an absolute "
                          "path, which starts with /", d->doc.name, value);
        return 0;
    case KIND_PATHS:
        if (check_paths(value) < 0)
            return refuse(err, errlen, "option '%s' has value '%.200s': it accepts absolute "
                          "paths separated by colons, none of them empty", d->doc.name, value);
        return 0;
    default:
        return 0;
    }
}

static const option_def *find(const char *name)
{
    size_t i;

    for (i = 0; i < TABLE_SIZE; i++)
        if (strcmp(table[i].doc.name, name) == 0)
            return &table[i];
    return NULL;
}

int wsgi_options_set(wsgi_options *o, const char *name, const char *value,
                     char *err, size_t errlen)
{
    const option_def *d = find(name);
    char *copy;

    if (d == NULL) {
        const char *nearest = wsgi_options_nearest(name);

        if (nearest != NULL)
            return refuse(err, errlen, "option '%.100s' is not known; did you mean '%s'?",
                          name, nearest);
        return refuse(err, errlen, "option '%.100s' is not known", name);
    }
    if (d->kind == KIND_ABSENT)
        return refuse(err, errlen, "option '%s' is not available in this release of mod_wsgi; "
                      "remove it", d->doc.name);
    if (strcmp(d->doc.name, "threads") == 0 && all_in(value, "0"))
        return refuse(err, errlen, "option 'threads' has value '%.100s': a service process "
                      "without request threads is not available in this release; it accepts %s",
                      value, d->doc.type);
    if (holds_int(d))
        return set_number(int_of(o, d), d, value, err, errlen);
    if (check_text(d, value, err, errlen) < 0)
        return -1;
    copy = strdup(value);
    if (copy == NULL)
        return refuse(err, errlen, "out of memory at option '%s'", d->doc.name);
    free(*text_of(o, d));
    *text_of(o, d) = copy;
    return 0;
}

/* ---- a misspelt name -------------------------------------------------------- */

#define NAME_MAX_LEN 40

/* Edit distance; both names are at most NAME_MAX_LEN long. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LEN + 1];
    size_t na = strlen(a), nb = strlen(b), i, j;

    for (j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (i = 1; i <= na; i++) {
        unsigned corner = row[0];

        row[0] = (unsigned)i;
        for (j = 1; j <= nb; j++) {
            unsigned best = corner + (a[i - 1] != b[j - 1]);

            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

const char *wsgi_options_nearest(const char *name)
{
    char plain[NAME_MAX_LEN + 1];
    const char *found = NULL;
    unsigned best = 3;                  /* two slips at most ... */
    size_t i, n = strlen(name);

    if (n == 0 || n > NAME_MAX_LEN)
        return NULL;
    for (i = 0; i <= n; i++) {          /* ... not counting case and underscores */
        char c = name[i];

        plain[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    for (i = 0; i < TABLE_SIZE; i++) {
        unsigned d;

        if (table[i].kind == KIND_ABSENT)
            continue;
        d = distance(plain, table[i].doc.name);
        /* A guess that replaces half of a short word is none. */
        if (d < best && 2 * d < strlen(table[i].doc.name)) {
            best = d;
            found = table[i].doc.name;
        }
    }
    return found;
}

/* ---- defaults --------------------------------------------------------------- */

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

/* ---- to and from bytes ------------------------------------------------------ */

static void encode_text(const char *s, wsgi_buf *out)
{
    wsgi_buf_u8(out, s != NULL);
    if (s != NULL)
        wsgi_buf_str(out, s, strlen(s));
}

void wsgi_options_encode(const wsgi_options *o, wsgi_buf *out)
{
    size_t i;

    encode_text(o->name, out);
    for (i = 0; i < TABLE_SIZE; i++) {
        if (holds_int(&table[i]))
            wsgi_buf_u32(out, (uint32_t)*int_of(o, &table[i]));
        else if (table[i].kind != KIND_ABSENT)
            encode_text(*text_of(o, &table[i]), out);
    }
}

static int decode_text(wsgi_cur *in, char **out)
{
    uint8_t present = wsgi_cur_u8(in);
    wsgi_str s;

    if (in->bad || present > 1)
        return -1;
    if (!present)
        return 0;
    s = wsgi_cur_str(in);
    if (in->bad || memchr(s.data, '\0', s.len) != NULL)
        return -1;
    *out = strndup(s.data, s.len);
    return *out != NULL ? 0 : -1;
}

int wsgi_options_decode(wsgi_cur *in, wsgi_options *out)
{
    size_t i;

    wsgi_options_init(out);
    if (decode_text(in, &out->name) < 0)
        goto failed;
    for (i = 0; i < TABLE_SIZE; i++) {
        const option_def *d = &table[i];

        if (holds_int(d)) {
            int value = (int)wsgi_cur_u32(in);

            if (in->bad || (value != -1 && (value < d->min || value > d->max)))
                goto failed;
            *int_of(out, d) = value;
        } else if (d->kind != KIND_ABSENT && decode_text(in, text_of(out, d)) < 0) {
            goto failed;
        }
    }
    return 0;
failed:
    wsgi_options_free(out);
    return -1;
}

/* ---- documents -------------------------------------------------------------- */

const wsgi_option_doc *wsgi_options_doc(size_t i)
{
    size_t k;

    for (k = 0; k < TABLE_SIZE; k++)
        if (table[k].kind != KIND_ABSENT && i-- == 0)
            return &table[k].doc;
    return NULL;
}
