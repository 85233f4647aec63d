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
    KIND_GROUPS,        /* names or #ids, comma list */
    KIND_LEGACY,        /* taken, remarked on, without effect */
    KIND_INT,           /* plain decimal */
    KIND_SIZE,          /* 0 or at least min */
    KIND_OCTAL,
    KIND_NICE,          /* plain decimal with a sign; unset is 0 */
    KIND_LONG,          /* plain decimal, 64 bits */
    KIND_INTERVAL,      /* seconds with a fraction, kept in microseconds */
    KIND_ABSENT         /* not in this release */
};

typedef struct {
    wsgi_option_doc doc;
    enum option_kind kind;
    size_t offset;      /* of a char *, an int or an int64_t in wsgi_options */
    int64_t min, max;
} option_def;

#define AT(member) offsetof(wsgi_options, member)
#define SECONDS_MAX 1000000000
#define BYTES_MAX   INT32_MAX
#define ABSENT(word) { { word, NULL, NULL, NULL }, KIND_ABSENT, 0, 0, 0 }

static const option_def table[] = {
    { { "user", "name or #uid", "User of httpd",
        "The user the processes run as; httpd must be started by root. Not root itself." },
      KIND_OWNER, AT(user), 0, 0 },
    { { "group", "name or #gid", "Group of httpd",
        "The primary group of the processes." },
      KIND_OWNER, AT(group), 0, 0 },
    { { "supplementary-groups", "names or #gids separated by commas", "those of the user",
        "The supplementary groups of the processes, exactly, besides the primary one." },
      KIND_GROUPS, AT(supplementary_groups), 0, 0 },
    { { "script-user", "name or #uid", "none",
        "Script and folder must belong to this user and be writable by nobody else; else 403." },
      KIND_OWNER, AT(script_user), 0, 0 },
    { { "script-group", "name or #gid", "none",
        "Script and folder must belong to this group and not be writable by everybody; else 403." },
      KIND_OWNER, AT(script_group), 0, 0 },
    { { "processes", "1..4096", "1",
        "How many processes serve the group. Giving it at all, even 1, makes wsgi.multiprocess true." },
      KIND_INT, AT(processes), 1, 4096 },
    { { "threads", "0..65533", "15",
        "Request threads of each process. 0 is a service: its import scripts run, requests get 503." },
      KIND_INT, AT(threads), 0, 65533 },
    { { "umask", "octal 0..0777", "inherited",
        "The file creation mask of the processes." },
      KIND_OCTAL, AT(umask), 0, 0777 },
    { { "chroot", "absolute path", "none",
        "The root folder of the processes; httpd must be started by root. Other paths count inside it." },
      KIND_PATH, AT(chroot), 0, 0 },
    { { "home", "absolute path", "home of another user than httpd's, else where httpd was started",
        "The working directory of the processes; if given also put first in sys.path." },
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
    { { "python-eggs", "absolute path", "none",
        "Sets PYTHON_EGG_CACHE." },
      KIND_PATH, AT(python_eggs), 0, 0 },
    { { "switch-interval", "seconds with a fraction, more than 0", "that of Python",
        "How long a thread may keep Python's lock while others wait for it." },
      KIND_INTERVAL, AT(switch_interval_us), 1, 1000000000 },
    { { "stack-size", "bytes, more than 0", "that of the system",
        "Stack of each request thread." },
      KIND_LONG, AT(stack_size), 1, (int64_t)1 << 40 },
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
    { { "eviction-timeout", "seconds, 0 = graceful-timeout", "0",
        "As graceful-timeout, for a process that was told to go by SIGUSR1." },
      KIND_INT, AT(eviction_timeout), 0, SECONDS_MAX },
    { { "deadlock-timeout", "seconds, 0 = off", "300",
        "A process of which no thread gets Python's lock for so long is replaced." },
      KIND_INT, AT(deadlock_timeout), 0, SECONDS_MAX },
    { { "request-timeout", "seconds, 0 = off", "0",
        "A process with a request that takes longer, times 1 + ln threads, is replaced." },
      KIND_INT, AT(request_timeout), 0, SECONDS_MAX },
    { { "interrupt-timeout", "seconds, 0 = off", "0",
        "A request over its time first gets the exception mod_wsgi.RequestTimeout and so long to end." },
      KIND_INT, AT(interrupt_timeout), 0, SECONDS_MAX },
    { { "request-deadline", "seconds, 0 = off", "0",
        "A request not answered so long after its receipt gets 504, whatever its thread does." },
      KIND_INT, AT(request_deadline), 0, SECONDS_MAX },
    { { "queue-timeout", "seconds, 0 = off", "0",
        "Longest time from receipt of a request until a thread takes it; then 504, and it never runs." },
      KIND_INT, AT(queue_timeout), 0, SECONDS_MAX },
    { { "connect-timeout", "seconds", "15",
        "How long a request waits for room in a full queue; then 503." },
      KIND_INT, AT(connect_timeout), 0, SECONDS_MAX },
    { { "socket-timeout", "seconds, 0 = Timeout of httpd", "0",
        "Longest silence between httpd and the process in either direction." },
      KIND_INT, AT(socket_timeout), 0, SECONDS_MAX },
    { { "response-socket-timeout", "seconds, 0 = socket-timeout", "0",
        "Longest time that the client may not take anything of a response; then it is cut." },
      KIND_INT, AT(response_socket_timeout), 0, SECONDS_MAX },
    { { "inactivity-timeout", "seconds, 0 = off", "0",
        "A process in which nothing was read, answered or begun for so long is replaced." },
      KIND_INT, AT(inactivity_timeout), 0, SECONDS_MAX },
    { { "restart-interval", "seconds, 0 = off", "0",
        "A process is replaced after so long." },
      KIND_INT, AT(restart_interval), 0, SECONDS_MAX },
    { { "maximum-requests", "requests, 0 = off", "0",
        "A process is replaced after so many requests." },
      KIND_INT, AT(maximum_requests), 0, INT32_MAX },

    { { "cpu-time-limit", "seconds, 0 = off", "0",
        "A process that has used so much CPU time is replaced." },
      KIND_INT, AT(cpu_time_limit), 0, SECONDS_MAX },
    { { "cpu-priority", "-20..19, 0 = as it is", "0",
        "The nice value of the processes." },
      KIND_NICE, AT(cpu_priority), -20, 19 },
    { { "memory-limit", "bytes, 0 = off", "0",
        "Data segment of each process (RLIMIT_DATA)." },
      KIND_LONG, AT(memory_limit), 0, INT64_MAX },
    { { "memory-soft-limit", "bytes, 0 = off", "0",
        "A process that has grown beyond is replaced, its memory counted as PSS." },
      KIND_LONG, AT(memory_soft_limit), 0, INT64_MAX },
    { { "virtual-memory-limit", "bytes, 0 = off", "0",
        "Address space of each process (RLIMIT_AS)." },
      KIND_LONG, AT(virtual_memory_limit), 0, INT64_MAX },
    { { "listen-backlog", "requests", "some 3600",
        "Room in the queue, for requests of usual size; the next one waits for connect-timeout." },
      KIND_INT, AT(listen_backlog), 0, 1000000 },
    { { "send-buffer-size", "0 or at least 512 bytes", "0 = that of the system",
        "How much may be under way between httpd and a process, in each direction." },
      KIND_SIZE, AT(send_buffer_size), 512, BYTES_MAX },
    { { "receive-buffer-size", "0 or at least 512 bytes", "0 = that of the system",
        "The receive buffer of the same sockets; Linux counts at the sender and does not use it." },
      KIND_SIZE, AT(receive_buffer_size), 512, BYTES_MAX },
    { { "header-buffer-size", "0 or at least 8192 bytes", "0 = 32768",
        "Longest header of a response; a longer one is a 500." },
      KIND_SIZE, AT(header_buffer_size), 8192, BYTES_MAX },
    { { "response-buffer-size", "0 or at least 65536 bytes", "0 = 8388608",
        "How much of a response Apache's filters may hold back before they must pass it on." },
      KIND_SIZE, AT(response_buffer_size), 65536, BYTES_MAX },
    { { "response-flush-delay", "milliseconds, 0 = at once", "5",
        "How long a response that falls silent may wait for more before the client sees it." },
      KIND_INT, AT(response_flush_delay), 0, 3600000 },
    { { "socket-user", "name or #uid", "none",
        "Accepted with a warning and without effect: there is no socket on disk to belong to anybody." },
      KIND_OWNER, AT(socket_user), 0, 0 },
    { { "newrelic-config-file", "text", "none",
        "Accepted with a warning and without effect." },
      KIND_LEGACY, AT(newrelic_config_file), 0, 0 },
    { { "newrelic-environment", "text", "none",
        "Accepted with a warning and without effect." },
      KIND_LEGACY, AT(newrelic_environment), 0, 0 },

    ABSENT("server-metrics")
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

static int holds_int(const option_def *d)
{
    return d->kind == KIND_INT || d->kind == KIND_SIZE || d->kind == KIND_OCTAL ||
           d->kind == KIND_NICE;
}

static int holds_long(const option_def *d)
{
    return d->kind == KIND_LONG || d->kind == KIND_INTERVAL;
}

static int holds_text(const option_def *d)
{
    return d->kind != KIND_ABSENT && !holds_int(d) && !holds_long(d);
}

static char **text_of(const wsgi_options *o, const option_def *d)
{
    return (char **)((char *)o + d->offset);
}

static int *int_of(const wsgi_options *o, const option_def *d)
{
    return (int *)((char *)o + d->offset);
}

static int64_t *long_of(const wsgi_options *o, const option_def *d)
{
    return (int64_t *)((char *)o + d->offset);
}

static int unset_int(const option_def *d)
{
    return d->kind == KIND_NICE ? 0 : -1;
}

void wsgi_options_init(wsgi_options *o)
{
    size_t i;

    memset(o, 0, sizeof(*o));
    for (i = 0; i < TABLE_SIZE; i++) {
        if (holds_int(&table[i]))
            *int_of(o, &table[i]) = unset_int(&table[i]);
        else if (holds_long(&table[i]))
            *long_of(o, &table[i]) = -1;
    }
}

void wsgi_options_free(wsgi_options *o)
{
    size_t i;

    free(o->name);
    free(o->start_folder);
    for (i = 0; i < TABLE_SIZE; i++)
        if (holds_text(&table[i]))
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

static int in_range(const option_def *d, int64_t n)
{
    return (n >= d->min || (d->kind == KIND_SIZE && n == 0)) && n <= d->max;
}

/* Is this a number of D's kind, within its range? It is then in *OUT. */
static int read_number(const option_def *d, const char *value, int64_t *out,
                       char *err, size_t errlen)
{
    int octal = d->kind == KIND_OCTAL, negative = d->kind == KIND_NICE && value[0] == '-';
    const char *digits = value + negative;
    int64_t n;

    if (!all_in(digits, octal ? "01234567" : "0123456789") || strlen(digits) > 18)
        return refuse(err, errlen, "option '%s' has value '%.100s', which is not a plain %s "
                      "number: it accepts %s", d->doc.name, value,
                      octal ? "octal" : "decimal", d->doc.type);
    n = (int64_t)strtoll(value, NULL, octal ? 8 : 10);
    if (!in_range(d, n))
        return refuse(err, errlen, "option '%s' has value '%.100s', which is out of range: it "
                      "accepts %s (at least %lld, at most %lld)", d->doc.name, value,
                      d->doc.type, (long long)d->min, (long long)d->max);
    *out = n;
    return 0;
}

/* Seconds with up to six digits behind the point, in microseconds. */
static int read_interval(const option_def *d, const char *value, int64_t *out,
                         char *err, size_t errlen)
{
    const char *point = strchr(value, '.');
    size_t whole = point != NULL ? (size_t)(point - value) : strlen(value);
    const char *part = point != NULL ? point + 1 : "";
    int64_t n = 0, scale = 1000000;
    size_t i;

    if (strspn(value, "0123456789") != whole || whole > 9 || whole + strlen(part) == 0 ||
        part[strspn(part, "0123456789")] != '\0' || strlen(part) > 100)
        return refuse(err, errlen, "option '%s' has value '%.100s', which is not a plain decimal "
                      "number: it accepts %s", d->doc.name, value, d->doc.type);
    for (i = 0; i < whole; i++)
        n = n * 10 + (value[i] - '0');
    n *= 1000000;
    for (i = 0; part[i] != '\0' && scale > 1; i++) {
        scale /= 10;
        n += (part[i] - '0') * scale;
    }
    if (n < d->min || n > d->max)
        return refuse(err, errlen, "option '%s' has value '%.100s', which is out of range: it "
                      "accepts %s (at least 0.000001, at most 1000)", d->doc.name, value,
                      d->doc.type);
    *out = n;
    return 0;
}

static int set_number(wsgi_options *o, const option_def *d, const char *value,
                      char *err, size_t errlen)
{
    int64_t n = 0;
    int rv = d->kind == KIND_INTERVAL ? read_interval(d, value, &n, err, errlen)
                                      : read_number(d, value, &n, err, errlen);

    if (rv == 0 && holds_long(d))
        *long_of(o, d) = n;
    else if (rv == 0)
        *int_of(o, d) = (int)n;
    return rv;
}

/* A name, or # and digits, of N bytes. */
static int is_owner(const char *p, size_t n)
{
    size_t digits;

    if (n == 0 || p[0] != '#')
        return n > 0;
    digits = strspn(p + 1, "0123456789");
    return n > 1 && n <= 11 && digits >= n - 1;
}

static int check_groups(const char *value)
{
    const char *p = value;

    for (;;) {
        size_t n = strcspn(p, ",");

        if (!is_owner(p, n))
            return -1;
        if (p[n] == '\0')
            return 0;
        p += n + 1;
    }
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
        if (!is_owner(value, strlen(value)))
            return refuse(err, errlen, "option '%s' has value '%.100s': it accepts %s",
                          d->doc.name, value, d->doc.type);
        if (d->offset == AT(user) &&
            (strcmp(value, "root") == 0 ||
             (value[0] == '#' && strtoul(value + 1, NULL, 10) == 0)))
            return refuse(err, errlen, "option 'user' has value '%.100s': a daemon process "
                          "does not run as root", value);
        return 0;
    case KIND_GROUPS:
        if (check_groups(value) < 0)
            return refuse(err, errlen, "option '%s' has value '%.200s': it accepts %s, none of "
                          "them empty", d->doc.name, value, d->doc.type);
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
    if (holds_int(d) || holds_long(d))
        return set_number(o, d, value, err, errlen);
    if ((d->offset == AT(script_user) && o->script_group != NULL) ||
        (d->offset == AT(script_group) && o->script_user != NULL))
        return refuse(err, errlen, "options 'script-user' and 'script-group' exclude each other: "
                      "give one of them");
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
        { AT(socket_user), "option 'socket-user' has no effect: requests reach the processes by an "
                           "inherited socket that is not on disk; remove it" },
        { AT(newrelic_config_file), "option 'newrelic-config-file' has no effect: there is no agent "
                                    "in mod_wsgi; remove it and start the agent in the WSGI script" },
        { AT(newrelic_environment), "option 'newrelic-environment' has no effect: there is no agent "
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
    encode_text(o->start_folder, out);
    for (i = 0; i < TABLE_SIZE; i++) {
        if (holds_int(&table[i]))
            wsgi_buf_u32(out, (uint32_t)*int_of(o, &table[i]));
        else if (holds_long(&table[i]))
            wsgi_buf_u64(out, (uint64_t)*long_of(o, &table[i]));
        else if (holds_text(&table[i]))
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
    if (decode_text(in, &out->name) < 0 || decode_text(in, &out->start_folder) < 0)
        goto failed;
    for (i = 0; i < TABLE_SIZE; i++) {
        const option_def *d = &table[i];

        if (holds_int(d)) {
            int value = (int)wsgi_cur_u32(in);

            if (in->bad || (value != unset_int(d) && !in_range(d, value)))
                goto failed;
            *int_of(out, d) = value;
        } else if (holds_long(d)) {
            int64_t value = (int64_t)wsgi_cur_u64(in);

            if (in->bad || (value != -1 && !in_range(d, value)))
                goto failed;
            *long_of(out, d) = value;
        } else if (holds_text(d) && decode_text(in, text_of(out, d)) < 0) {
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
