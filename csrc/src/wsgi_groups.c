/* wsgi_groups.c - see wsgi_groups.h. */
#include "wsgi_groups.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "mpm_common.h"
#include "apr_strings.h"
#include "unixd.h"

#include "wsgi_control.h"
#include "wsgi_import.h"
#include "wsgi_keeper.h"
#include "wsgi_numbers.h"
#include "wsgi_scoreboard_take.h"
#include "wsgi_report.h"

#define TEXT_LENGTH 1024
#define CELLS_MOST  (1024 * 1024)         /* 64 MB, of which only what is used is memory */

/* ---- declared ------------------------------------------------------------------------ */

static apr_status_t free_options(void *data)
{
    wsgi_options_free(data);
    return APR_SUCCESS;
}

wsgi_group *wsgi_group_new(apr_pool_t *pool, const char *name, server_rec *server)
{
    wsgi_group *group = apr_pcalloc(pool, sizeof(*group));

    group->name = name;
    group->server = server;
    group->rendezvous = -1;
    group->preloads = apr_array_make(pool, 2, sizeof(wsgi_preload));
    wsgi_options_init(&group->options);
    group->options.name = strdup(name);
    apr_pool_cleanup_register(pool, &group->options, free_options, apr_pool_cleanup_null);
    return group;
}

int wsgi_group_visible(const wsgi_group *group, const server_rec *server)
{
    if (!group->server->is_virtual || group->server == server)
        return 1;
    return group->server->server_hostname != NULL && server->server_hostname != NULL &&
           strcasecmp(group->server->server_hostname, server->server_hostname) == 0;
}

/* ---- can it work ------------------------------------------------------------------------ */

/* Say what is wrong with GROUP, with the place where it was declared. */
#define COMPLAIN(group, number, format, ...) \
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, (group)->server, \
                 WSGI_MSG(number) "WSGIDaemonProcess %s (%s:%u): " format, \
                 (group)->name, (group)->file, (group)->line, __VA_ARGS__)

/* Fill in what httpd's own configuration decides, and find who the processes
 * will be. 0 or -1; *ID is the caller's to free after 0. */
static int settle_identity(wsgi_group *group, wsgi_identity *id)
{
    wsgi_options *o = &group->options;
    char text[TEXT_LENGTH], own_user[32], own_group[32];
    const char *user, *primary;

    if (geteuid() == 0) {
        if (o->user == NULL)
            o->user = ap_unixd_config.user_name ? strdup(ap_unixd_config.user_name) : NULL;
        if (o->group == NULL) {
            apr_snprintf(own_group, sizeof(own_group), "#%lu", (unsigned long)ap_unixd_config.group_id);
            o->group = strdup(own_group);
        }
    }
    apr_snprintf(own_user, sizeof(own_user), "#%lu", (unsigned long)geteuid());
    apr_snprintf(own_group, sizeof(own_group), "#%lu", (unsigned long)getegid());
    if (geteuid() != 0 && (o->chroot != NULL || o->supplementary_groups != NULL)) {
        COMPLAIN(group, 0321, "%s needs Apache to be started by root; it is started by user #%lu",
                 o->chroot != NULL ? "chroot" : "supplementary-groups", (unsigned long)geteuid());
        return -1;
    }
    user = o->user ? o->user : own_user;
    primary = o->group ? o->group : o->user ? NULL : own_group;
    if (wsgi_identity_find(user, primary, id, text, sizeof(text)) < 0) {
        COMPLAIN(group, 0302, "%s", text);
        return -1;
    }
    if (geteuid() != 0 && id->uid != geteuid()) {
        COMPLAIN(group, 0303, "user=%s needs Apache to be started by root; it is started by user #%lu",
                 user, (unsigned long)geteuid());
        wsgi_identity_free(id);
        return -1;
    }
    return 0;
}

/* The groups and the folder to start in that the options leave open, and whose
 * the scripts must be. 0 or -1. */
static int settle_details(wsgi_group *group, wsgi_identity *id)
{
    wsgi_options *o = &group->options;
    char text[TEXT_LENGTH];
    const char *option = "supplementary-groups", *remark;
    uid_t nobody;
    size_t i;
    int rv = 0;

    if (o->supplementary_groups != NULL)
        rv = wsgi_identity_groups(o->supplementary_groups, id, text, sizeof(text));
    if (rv == 0 && o->script_user != NULL) {
        option = "script-user";
        group->owner.by_user = 1;
        rv = wsgi_access_user(o->script_user, &group->owner.uid, text, sizeof(text));
    }
    if (rv == 0 && o->script_group != NULL) {
        option = "script-group";
        group->owner.by_group = 1;
        rv = wsgi_access_group(o->script_group, &group->owner.gid, text, sizeof(text));
    }
    if (rv == 0 && o->socket_user != NULL) {
        option = "socket-user";
        rv = wsgi_access_user(o->socket_user, &nobody, text, sizeof(text));
    }
    if (rv < 0)
        COMPLAIN(group, 0322, "%s: %s", option, text);
    if (o->home == NULL && o->chroot == NULL && id->home != NULL && geteuid() == 0 &&
        id->uid != ap_unixd_config.user_id && o->start_folder == NULL)
        o->start_folder = strdup(id->home);
    for (i = 0; (remark = wsgi_options_remark(o, i)) != NULL; i++)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, group->server, WSGI_MSG(0320) "WSGIDaemonProcess %s (%s:%u): "
                     "%s", group->name, group->file, group->line, remark);
    return rv;
}

/* OPTION=PATH must be within reach of ID. 0 or -1. */
static int check_path(const wsgi_group *group, const wsgi_identity *id, const char *option,
                      const char *path, int want)
{
    char text[TEXT_LENGTH];
    struct stat st;

    if (path == NULL)
        return 0;
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        COMPLAIN(group, 0304, "%s %s: it is not a folder", option, path);
        return -1;
    }
    if (wsgi_access_check(id, path, want, text, sizeof(text)) == 0)
        return 0;
    COMPLAIN(group, 0304, "%s %s: %s", option, path, text);
    return -1;
}

/* A virtual environment lives from the Python it was made with, which may lie
 * in a folder that is closed although its own is open. 0 or -1. */
static int check_python_home(apr_pool_t *pool, const wsgi_group *group, const wsgi_identity *id)
{
    const char *home = group->options.python_home;

    if (home == NULL)
        return 0;
    home = apr_pstrmemdup(pool, home, strcspn(home, ":"));
    if (check_path(group, id, "python-home", home, R_OK | X_OK) < 0)
        return -1;
    return check_path(group, id, apr_psprintf(pool, "python-home %s was made with the Python in", home),
                      wsgi_runtime_base(pool, home), X_OK);
}

/* A script that cannot be read today may be deployed tomorrow: a warning. */
static void check_preloads(const wsgi_group *group, const wsgi_identity *id)
{
    char text[TEXT_LENGTH];
    struct stat st;
    int i;

    for (i = 0; i < group->preloads->nelts; i++) {
        const char *script = APR_ARRAY_IDX(group->preloads, i, wsgi_preload).script;

        if (stat(script, &st) == 0 && wsgi_access_check(id, script, R_OK, text, sizeof(text)) < 0)
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, group->server, WSGI_MSG(0305) "the daemon process "
                         "group '%s' cannot load '%s': %s", group->name, script, text);
    }
}

static int check_group(apr_pool_t *pool, const wsgi_global *global, wsgi_group *group)
{
    wsgi_options *o = &group->options;
    const char *error;
    wsgi_identity id;
    int rv = 0;

    if (o->python_home == NULL && global->python_home != NULL)
        o->python_home = strdup(global->python_home);
    group->half = wsgi_runtime_pick(pool, global->runtime, o->python_home, &error);
    if (group->half == NULL) {
        COMPLAIN(group, 0306, "%s", error);
        rv = -1;
    }
    else if (access(group->half->host, X_OK) < 0) {
        COMPLAIN(group, 0307, "%s cannot be executed: %s", group->half->host, strerror(errno));
        rv = -1;
    }
    if (settle_identity(group, &id) < 0)
        return -1;
    if (settle_details(group, &id) < 0)
        rv = -1;
    if (o->chroot != NULL)            /* the paths mean other files in there */
        rv = check_path(group, &id, "chroot", o->chroot, X_OK) < 0 ? -1 : rv;
    else if (check_path(group, &id, "home", o->home, X_OK) < 0 ||
        check_path(group, &id, "home= is not given, and the home folder of the user,", o->start_folder, X_OK) < 0 ||
        check_python_home(pool, group, &id) < 0 ||
        check_path(group, &id, "the runtime folder", global->runtime->package, R_OK | X_OK) < 0)
        rv = -1;
    else if (group->half != NULL && o->python_home != NULL &&
             (error = wsgi_runtime_remark(pool, group->half, o->python_home)) != NULL)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, group->server, WSGI_MSG(0323) "WSGIDaemonProcess %s (%s:%u): "
                     "python-home %s", group->name, group->file, group->line, error);
    check_preloads(group, &id);
    wsgi_identity_free(&id);
    return rv;
}

int wsgi_groups_restarting(void)
{
    return ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_NORMAL && ap_state_query(AP_SQ_CONFIG_GEN) > 1;
}

static int check_all(apr_pool_t *pconf, server_rec *s)
{
    wsgi_global *global = wsgi_config_global(s);
    const char *error;
    int i, rv;

    global->runtime = wsgi_runtime_open(pconf, global->runtime_directory, &error);
    if (global->runtime == NULL) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, WSGI_MSG(0300) "%s", error);
        return -1;
    }
    if (access(global->runtime->supervisor, X_OK) < 0) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, errno, s, WSGI_MSG(0301) "%s cannot be executed",
                     global->runtime->supervisor);
        return -1;
    }
    rv = wsgi_import_distribute(global);
    for (i = 0; i < global->groups->nelts; i++) {
        wsgi_group *group = APR_ARRAY_IDX(global->groups, i, wsgi_group *);

        group->broken = check_group(pconf, global, group) < 0;
        if (group->broken)
            rv = -1;
    }
    return rv;
}

int wsgi_groups_check(apr_pool_t *pconf, server_rec *s)
{
    const wsgi_global *global = wsgi_config_global(s);
    int i;

    for (i = 0; i < global->groups->nelts; i++)
        APR_ARRAY_IDX(global->groups, i, wsgi_group *)->broken = 1;
    if (global->groups->nelts == 0 || check_all(pconf, s) == 0 || wsgi_groups_restarting())
        return OK;
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* ---- channels ------------------------------------------------------------------------------ */

/* Kept over restarts, during which this module is unloaded: malloc, and nothing
 * in it points into the module or a pool. */
typedef struct channel {
    struct channel *next;
    char *name;
    uint64_t key;
    uint32_t processes, threads, cells, score;
    int near, far, board;             /* sending end, the supervisor's end, scoreboard */
    int past;                         /* that of the channel before, whose requests end there; -1 none */
    int wanted;                       /* by the configuration that is being started */
} channel;

typedef struct {
    channel *first;
    uint64_t last_key;
    pid_t parent;
} channels;

#define RETAINED_CHANNELS "mod_wsgi-channels-2"

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void channel_free(channel *c)
{
    close_fd(&c->near);
    close_fd(&c->far);
    close_fd(&c->board);
    close_fd(&c->past);
    free(c->name);
    free(c);
}

/* Threads that may relay at one time, of all children and of the children of
 * an earlier generation; HTTP/2 has threads beyond those of the MPM. Limits set
 * beyond all measure do not count in full. */
uint32_t wsgi_groups_cells(void)
{
    int daemons = 1, threads = 1;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &threads);
    if (daemons < 1)
        daemons = 1;
    if (threads < 1)
        threads = 1;
    if (threads > CELLS_MOST / 2 / daemons)
        return CELLS_MOST;
    return (uint32_t)daemons * (uint32_t)threads * 2 + 64;
}

/* Room in the queue, so that a burst waits in it; unprivileged, what the system
 * gives. */
static void deepen(int fd, int bytes)
{
#ifdef SO_SNDBUFFORCE
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) == 0)
        return;
#endif
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* For Apache's scoreboard on that of GROUP: bytes. */
static uint32_t room_for_score(const wsgi_group *group)
{
    return group->options.server_metrics == 1 ? wsgi_score_room() : 0;
}

/* A new channel for GROUP, or NULL with errno. */
static channel *channel_new(channels *all, const wsgi_group *group, uint32_t threads, uint32_t cells)
{
    channel *c = calloc(1, sizeof(*c));
    wsgi_board *board = NULL;
    int pair[2], error;

    if (c == NULL)
        return NULL;
    c->near = c->far = c->board = c->past = -1;
    c->processes = group->processes;
    c->threads = threads;
    c->cells = cells;
    c->key = ++all->last_key;
    c->name = strdup(group->name);
    if (c->name == NULL)
        goto failed;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        goto failed;
    c->near = pair[0];
    c->far = pair[1];
    c->score = room_for_score(group);
    error = wsgi_board_create_with(wsgi_group_slots(&group->options), threads, cells, c->score, &board, &c->board);
    if (error != 0) {
        errno = error;
        goto failed;
    }
    wsgi_board_unmap(board);
    return c;
failed:
    error = errno;
    channel_free(c);
    errno = error;
    return NULL;
}

/* What the channel before C counted is counted by C from now on. A generation
 * has passed, so that hardly anything still runs there. */
static void inherit(channel *c)
{
    wsgi_board *past = NULL, *board = NULL;
    wsgi_sums sums;

    if (c->past < 0)
        return;
    memset(&sums, 0, sizeof(sums));
    if (wsgi_board_map(c->past, &past) == 0 && wsgi_board_map(c->board, &board) == 0) {
        wsgi_numbers_add(past, &sums);
        wsgi_numbers_inherit(board, &sums);
    }
    wsgi_board_unmap(past);
    wsgi_board_unmap(board);
    close_fd(&c->past);
}

/* The channel of GROUP: the one it had, if nothing that shapes it changed. */
static channel *channel_for(channels *all, const wsgi_group *group)
{
    uint32_t threads = (uint32_t)wsgi_options_threads(&group->options), cells = wsgi_groups_cells();
    channel *c, *before = NULL;

    for (c = all->first; c != NULL; c = c->next) {
        if (strcmp(c->name, group->name) != 0)
            continue;
        if (c->processes == group->processes && c->threads == threads && c->cells >= cells &&
            c->score == room_for_score(group))
            return c;
        before = c;
    }
    c = channel_new(all, group, threads, cells);
    if (c != NULL) {
        if (before != NULL) {
            c->past = before->board;
            before->board = -1;
        }
        c->next = all->first;
        all->first = c;
    }
    return c;
}

static void forget_unwanted(channels *all)
{
    channel **link = &all->first;

    while (*link != NULL) {
        channel *c = *link;

        if (c->wanted) {
            link = &c->next;
            continue;
        }
        *link = c->next;
        channel_free(c);
    }
}

static channels *retained(void)
{
    channels *all = ap_retained_data_get(RETAINED_CHANNELS);

    if (all == NULL) {
        all = ap_retained_data_create(RETAINED_CHANNELS, sizeof(*all));
        all->last_key = (uint64_t)apr_time_now();
        all->parent = getpid();
    }
    return all;
}

static apr_status_t unmap_board(void *data)
{
    wsgi_board_unmap(data);
    return APR_SUCCESS;
}

/* ---- start ------------------------------------------------------------------------------------ */

static int log_fd(const server_rec *s)
{
    apr_os_file_t fd = STDERR_FILENO;

    if (s->error_log != NULL)
        apr_os_file_get(&fd, s->error_log);
    return fd;
}

static apr_interval_time_t seconds(int value)
{
    return apr_time_from_sec((apr_interval_time_t)value);
}

static void settle_limits(wsgi_group *group)
{
    const wsgi_options *o = &group->options;
    int socket_seconds = wsgi_options_seconds(o->socket_timeout);
    int response_seconds = wsgi_options_seconds(o->response_socket_timeout);
    int interrupt_seconds = wsgi_options_seconds(o->interrupt_timeout);

    /* As the processes reckon it. One that may be interrupted answers for itself,
     * and is looked at once a second. */
    group->deadline = apr_time_from_msec(wsgi_options_request_limit(o));
    if (group->deadline > 0 && interrupt_seconds > 0)
        group->deadline += seconds(interrupt_seconds + 2);
    group->request_deadline = seconds(wsgi_options_seconds(o->request_deadline));
    group->response_timeout = seconds(response_seconds > 0 ? response_seconds : socket_seconds);
    group->flush_delay = apr_time_from_msec(wsgi_options_response_flush_delay(o));
    group->connect_timeout = seconds(wsgi_options_connect_timeout(o));
    group->queue_timeout = seconds(wsgi_options_seconds(o->queue_timeout));
    group->socket_timeout = socket_seconds > 0 ? seconds(socket_seconds) : group->server->timeout;
}

/* What the supervisor is told of GROUP. Borrows; nothing of it is freed. */
static void describe(wsgi_keeper_group *to, const wsgi_global *global, const wsgi_group *group,
                     const channel *c)
{
    wsgi_group_config *config = &to->config;
    ap_version_t version;

    memset(to, 0, sizeof(*to));
    config->key = c->key;
    config->host = (char *)group->half->host;
    config->runtime = (char *)global->runtime->package;
    config->server_name = group->server->is_virtual ? group->server->server_hostname : (char *)"";
    config->log_level = ap_get_server_module_loglevel(group->server, wsgi_module.module_index);
    config->default_socket_timeout = (int)apr_time_sec(group->server->timeout);
    ap_get_server_revision(&version);
    config->apache[0] = (uint16_t)version.major;
    config->apache[1] = (uint16_t)version.minor;
    config->apache[2] = (uint16_t)version.patch;
    config->caseless = (uint8_t)wsgi_config_caseless(global);
    config->core_folder = ap_coredumpdir_configured ? ap_coredump_dir : NULL;
    config->options = group->options;
    config->settings = global->settings;
    wsgi_report_describe(group->server, &config->server);
    config->server.parent = (uint64_t)getpid();
    config->preloads = (wsgi_preload *)group->preloads->elts;
    config->npreloads = (uint32_t)group->preloads->nelts;
    to->rendezvous = c->far;
    to->board = c->board;
    to->log = log_fd(group->server);
}

int wsgi_groups_start(apr_pool_t *pconf, server_rec *s)
{
    const wsgi_global *global = wsgi_config_global(s);
    apr_array_header_t *told = apr_array_make(pconf, global->groups->nelts, sizeof(wsgi_keeper_group));
    channels *all;
    channel *c;
    int i, error;

    if (global->groups->nelts == 0 && ap_retained_data_get(RETAINED_CHANNELS) == NULL)
        return OK;
    all = retained();
    for (c = all->first; c != NULL; c = c->next) {
        inherit(c);
        c->wanted = 0;
    }
    for (i = 0; i < global->groups->nelts; i++) {
        wsgi_group *group = APR_ARRAY_IDX(global->groups, i, wsgi_group *);

        if (group->broken)
            continue;
        group->processes = (uint32_t)wsgi_options_processes(&group->options);
        settle_limits(group);
        c = channel_for(all, group);
        error = c != NULL ? wsgi_board_map(c->board, &group->board) : errno;
        if (c == NULL || error != 0) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, error, s, WSGI_MSG(0309) "cannot make the rendezvous of "
                         "daemon process group '%s'", group->name);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        apr_pool_cleanup_register(pconf, group->board, unmap_board, apr_pool_cleanup_null);
        if (c->past >= 0 && wsgi_board_map(c->past, &group->past) == 0)
            apr_pool_cleanup_register(pconf, group->past, unmap_board, apr_pool_cleanup_null);
        deepen(c->near, wsgi_options_queue_bytes(&group->options));
        c->wanted = 1;
        group->rendezvous = c->near;
        describe(apr_array_push(told), global, group, c);
    }
    error = wsgi_keeper_start(pconf, s, global->runtime ? global->runtime->supervisor : NULL, told, log_fd(s));
    forget_unwanted(all);
    return wsgi_groups_restarting() ? OK : error;
}

void wsgi_groups_child_init(void)
{
    channels *all = ap_retained_data_get(RETAINED_CHANNELS);
    channel *c;

    if (all == NULL || all->parent == getpid())      /* httpd -X: parent and child in one */
        return;
    for (c = all->first; c != NULL; c = c->next) {
        close_fd(&c->far);
        close_fd(&c->board);
        close_fd(&c->past);
    }
    wsgi_keeper_child_init();
}
