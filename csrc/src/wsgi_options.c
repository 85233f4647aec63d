/* wsgi_options.c - the options of a daemon group: their table.
 *
 * One table says everything about an option: its name, the member that holds
 * it, what it accepts and what is told about it. Parsing (wsgi_options_set.c), the
 * bytes between processes, the reference documents and the guess at a misspelt
 * name all read that table. What an unset option means: wsgi_options_values.c.
 */
#include "wsgi_options_table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) WSGI_OPTION_AT(member)
#define SECONDS_MAX 1000000000
#define BYTES_MAX   INT32_MAX

static const wsgi_option_def table[] = {
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
    { { "memory-soft-limit", "bytes or 1% to 100%, 0 = off", "0",
        "A process that has grown beyond is replaced, its memory (PSS) counted; a percentage is of the control group's limit and for all processes together." },
      KIND_AMOUNT, AT(memory_soft_limit), 0, INT64_MAX },
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
    { { "server-metrics", "On or Off", "Off",
        "The applications of the group may see Apache's scoreboard: mod_wsgi.server_metrics()." },
      KIND_FLAG, AT(server_metrics), 0, 1 },
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

const wsgi_option_def *wsgi_options_row(size_t i)
{
    return i < TABLE_SIZE ? &table[i] : NULL;
}

int wsgi_option_in_range(const wsgi_option_def *d, int64_t n)
{
    if (d->kind == KIND_AMOUNT && n <= WSGI_OPTION_SHARE(1) && n >= WSGI_OPTION_SHARE(100))
        return 1;
    return (n >= d->min || (d->kind == KIND_SIZE && n == 0)) && n <= d->max;
}

void wsgi_options_init(wsgi_options *o)
{
    size_t i;

    memset(o, 0, sizeof(*o));
    for (i = 0; i < TABLE_SIZE; i++) {
        if (wsgi_option_holds_int(&table[i]))
            *wsgi_option_int_of(o, &table[i]) = wsgi_option_unset_int(&table[i]);
        else if (wsgi_option_holds_long(&table[i]))
            *wsgi_option_long_of(o, &table[i]) = -1;
    }
}

void wsgi_options_free(wsgi_options *o)
{
    size_t i;

    free(o->name);
    free(o->start_folder);
    for (i = 0; i < TABLE_SIZE; i++)
        if (wsgi_option_holds_text(&table[i]))
            free(*wsgi_option_text_of(o, &table[i]));
    wsgi_options_init(o);
}

/* ---- to and from bytes ------------------------------------------------------ */

void wsgi_options_encode(const wsgi_options *o, wsgi_buf *out)
{
    size_t i;

    wsgi_buf_text(out, o->name);
    wsgi_buf_text(out, o->start_folder);
    for (i = 0; i < TABLE_SIZE; i++) {
        if (wsgi_option_holds_int(&table[i]))
            wsgi_buf_u32(out, (uint32_t)*wsgi_option_int_of(o, &table[i]));
        else if (wsgi_option_holds_long(&table[i]))
            wsgi_buf_u64(out, (uint64_t)*wsgi_option_long_of(o, &table[i]));
        else if (wsgi_option_holds_text(&table[i]))
            wsgi_buf_text(out, *wsgi_option_text_of(o, &table[i]));
    }
}

int wsgi_options_decode(wsgi_cur *in, wsgi_options *out)
{
    size_t i;

    wsgi_options_init(out);
    if (wsgi_cur_text(in, &out->name) < 0 || wsgi_cur_text(in, &out->start_folder) < 0)
        goto failed;
    for (i = 0; i < TABLE_SIZE; i++) {
        const wsgi_option_def *d = &table[i];

        if (wsgi_option_holds_int(d)) {
            int value = (int)wsgi_cur_u32(in);

            if (in->bad || (value != wsgi_option_unset_int(d) && !wsgi_option_in_range(d, value)))
                goto failed;
            *wsgi_option_int_of(out, d) = value;
        } else if (wsgi_option_holds_long(d)) {
            int64_t value = (int64_t)wsgi_cur_u64(in);

            if (in->bad || (value != -1 && !wsgi_option_in_range(d, value)))
                goto failed;
            *wsgi_option_long_of(out, d) = value;
        } else if (wsgi_option_holds_text(d) && wsgi_cur_text(in, wsgi_option_text_of(out, d)) < 0) {
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
    return i < TABLE_SIZE ? &table[i].doc : NULL;
}
