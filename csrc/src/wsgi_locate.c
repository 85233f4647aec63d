/* wsgi_locate.c - see wsgi_locate.h. */
#include "wsgi_locate.h"

#include <errno.h>
#include <sys/stat.h>

#include "apr_strings.h"
#include "http_request.h"

#include "wsgi_config.h"

#define SEEN_FOR apr_time_from_sec(1)

/* Of one child, written by any of its threads: TURN is odd while one writes, and
 * who reads meanwhile, or finds that it has moved on, has not read anything. */
struct wsgi_sighting {
    uint32_t turn;
    apr_time_t when;
    apr_finfo_t info;
};

wsgi_sighting *wsgi_sighting_new(apr_pool_t *p)
{
    return apr_pcalloc(p, sizeof(wsgi_sighting));
}

/* What was seen less than a second ago. 1 if there is something. */
static int recall(const wsgi_sighting *s, apr_time_t now, apr_finfo_t *info)
{
    uint32_t turn = __atomic_load_n(&s->turn, __ATOMIC_ACQUIRE);
    apr_time_t when = s->when;

    *info = s->info;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return turn % 2 == 0 && __atomic_load_n(&s->turn, __ATOMIC_RELAXED) == turn &&
           now >= when && now - when < SEEN_FOR;
}

static void note(wsgi_sighting *s, apr_time_t now, const apr_finfo_t *info)
{
    uint32_t turn = __atomic_load_n(&s->turn, __ATOMIC_RELAXED);

    if (turn % 2 != 0 ||
        !__atomic_compare_exchange_n(&s->turn, &turn, turn + 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;                       /* another thread has just looked */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    s->info = *info;
    s->when = now;
    __atomic_store_n(&s->turn, turn + 2, __ATOMIC_RELEASE);
}

/* Apache resolves such segments, and it is its affair what then is left. */
static int has_odd_segments(const char *path)
{
    for (; (path = strchr(path, '/')) != NULL; path++) {
        size_t n = strspn(path + 1, ".");

        if (path[1] == '/' || (n > 0 && (path[1 + n] == '/' || path[1 + n] == '\0')))
            return 1;
    }
    return 0;
}

/* r->finfo is that of r->filename. 0 if it is no regular file. */
static int look(request_rec *r, wsgi_sighting *s)
{
    apr_finfo_t info;

    if (recall(s, r->request_time, &info)) {
        info.pool = r->pool;
        info.fname = r->filename;
    }
    else {
        memset(&info, 0, sizeof(info));
        if (ap_run_dirwalk_stat(&info, r, APR_FINFO_MIN) != APR_SUCCESS || info.filetype != APR_REG)
            return 0;
        note(s, r->request_time, &info);
    }
    r->finfo = info;
    return 1;
}

int wsgi_locate(request_rec *r)
{
    const wsgi_alias *alias = ap_get_module_config(r->request_config, &wsgi_module);
    const char *whole = r->filename, *rest;
    int status;

    if (alias == NULL || alias->sighting == NULL || whole == NULL || whole[0] != '/' ||
        r->finfo.filetype != APR_NOFILE)
        return DECLINED;
    rest = whole + strlen(alias->file);
    if (strncmp(whole, alias->file, rest - whole) != 0 || (*rest != '\0' && *rest != '/') ||
        has_odd_segments(whole))
        return DECLINED;
    r->filename = apr_pstrmemdup(r->pool, whole, rest - whole);
    if (!look(r, alias->sighting)) {
        r->filename = (char *)whole;
        return DECLINED;
    }
    if (*rest == '\0')
        return DECLINED;              /* Apache goes on from what is known */
    if ((status = ap_directory_walk(r)) != OK || (status = ap_file_walk(r)) != OK)
        return status;
    r->path_info = apr_pstrdup(r->pool, rest);
    return OK;
}

int wsgi_locate_not_found(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0201) "Target WSGI script not found or unable to "
                  "stat: '%s'", r->filename);
    return HTTP_NOT_FOUND;
}

int wsgi_locate_missing(request_rec *r)
{
    struct stat st;

    if (stat(r->filename, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
        return OK;
    return wsgi_locate_not_found(r);
}
