/* wsgi_runtime.c - see wsgi_runtime.h.
 *
 * Which Python a folder holds is told by pyvenv.cfg (venv writes "version",
 * virtualenv and uv "version_info") and by lib/pythonX.Y[t]; the t, a build
 * without GIL, is in the second alone. A debug build cannot be told from
 * outside: it is taken only where no other half has its version.
 */
#include "wsgi_runtime.h"

#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_file_info.h"
#include "apr_strings.h"

#include "wsgi_module.h"
#include "wsgi_wire.h"

#define SMALL_FILE (64 * 1024)
#define BUILD_COMMAND "mod_wsgi-express build --python "

/* ---- small files ------------------------------------------------------------- */

/* The text of a regular file, NULL if it cannot be read. Nobody who owns the
 * folder can make the parent wait: a FIFO is not opened for reading. */
static char *read_small(apr_pool_t *pool, const char *path)
{
    struct stat st;
    char *text = NULL;
    size_t have = 0;
    ssize_t n;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        text = apr_palloc(pool, SMALL_FILE + 1);
        while (have < SMALL_FILE && (n = read(fd, text + have, SMALL_FILE - have)) > 0)
            have += (size_t)n;
        text[have] = '\0';
    }
    close(fd);
    return text;
}

/* Where the value of "KEY": starts in the flat JSON object of build.json. */
static const char *json_value(const char *text, const char *key)
{
    size_t n = strlen(key);
    const char *p = text;

    while ((p = strchr(p, '"')) != NULL) {
        p++;
        if (strncmp(p, key, n) == 0 && p[n] == '"') {
            p += n + 1;
            p += strspn(p, " \t\r\n");
            if (*p == ':')
                return p + 1 + strspn(p + 1, " \t\r\n");
        }
    }
    return NULL;
}

/* The string of KEY, or ABSENT. */
static const char *json_text(apr_pool_t *pool, const char *text, const char *key, const char *absent)
{
    const char *value = json_value(text, key), *end;

    if (value == NULL || *value != '"' || (end = strchr(value + 1, '"')) == NULL)
        return absent;
    return apr_pstrmemdup(pool, value + 1, end - value - 1);
}

static void read_build_json(apr_pool_t *pool, wsgi_half *half)
{
    const char *text = read_small(pool, half->build_json), *value;

    half->interface_version = 0;
    half->python = half->tag;
    half->program = NULL;
    if (text == NULL)
        return;
    value = json_value(text, "interface");
    if (value != NULL && isdigit((unsigned char)*value) && strspn(value, "0123456789") < 6)
        half->interface_version = atoi(value);
    half->python = json_text(pool, text, "python", half->tag);
    half->program = json_text(pool, text, "executable", NULL);
}

/* ---- the runtime folder ------------------------------------------------------ */

/* "3.13t" of "cpython-313t-x86_64-linux-gnu"; NULL if it is no ABI folder. */
static const char *tag_of(apr_pool_t *pool, const char *abi)
{
    size_t digits, flags;
    const char *p;

    if (strncmp(abi, "cpython-", 8) != 0)
        return NULL;
    p = abi + 8;
    digits = strspn(p, "0123456789");
    flags = strspn(p + digits, "td");
    if (digits < 2 || digits > 4 || (p[digits + flags] != '-' && p[digits + flags] != '\0'))
        return NULL;
    return apr_psprintf(pool, "%c.%.*s", p[0], (int)(digits - 1 + flags), p + 1);
}

static int by_abi(const void *a, const void *b)
{
    return strcmp(((const wsgi_half *)a)->abi, ((const wsgi_half *)b)->abi);
}

static void add_half(apr_pool_t *pool, wsgi_runtime *runtime, const char *abi, const char *tag)
{
    wsgi_half *half = apr_array_push(runtime->halves);
    const char *folder = apr_pstrcat(pool, runtime->folder, "/", abi, NULL);

    half->abi = apr_pstrdup(pool, abi);
    half->tag = tag;
    half->host = apr_pstrcat(pool, folder, "/wsgi-host", NULL);
    half->embed = apr_pstrcat(pool, folder, "/wsgi-embed.so", NULL);
    half->build_json = apr_pstrcat(pool, folder, "/build.json", NULL);
    read_build_json(pool, half);
}

/* What "default" names: a link to an ABI folder, or else the only one. */
static int find_default(apr_pool_t *pool, const wsgi_runtime *runtime)
{
    char target[PATH_MAX], *name;
    ssize_t n;
    int i;

    n = readlink(apr_pstrcat(pool, runtime->folder, "/default", NULL), target, sizeof(target) - 1);
    if (n > 0) {
        target[n] = '\0';
        while (n > 1 && target[n - 1] == '/')
            target[--n] = '\0';
        name = strrchr(target, '/');
        name = name != NULL ? name + 1 : target;
        for (i = 0; i < runtime->halves->nelts; i++)
            if (strcmp(APR_ARRAY_IDX(runtime->halves, i, wsgi_half).abi, name) == 0)
                return i;
    }
    return runtime->halves->nelts == 1 ? 0 : -1;
}

static int is_runtime(apr_pool_t *pool, const char *folder)
{
    return access(apr_pstrcat(pool, folder, "/wsgi-supervisor", NULL), F_OK) == 0;
}

/* "mod_wsgi" beside mod_wsgi.so: as Apache was given its path, then where
 * links lead. NULL with *TRIED, the first. */
static const char *beside_module(apr_pool_t *pool, const char **tried)
{
    char real[PATH_MAX];
    const char *folder;
    Dl_info info;

    *tried = "mod_wsgi";
    if (dladdr((void *)&wsgi_module, &info) == 0 || info.dli_fname == NULL ||
        strchr(info.dli_fname, '/') == NULL)
        return NULL;
    folder = apr_pstrcat(pool, ap_make_dirstr_parent(pool, info.dli_fname), "mod_wsgi", NULL);
    *tried = folder;
    if (is_runtime(pool, folder))
        return folder;
    if (realpath(info.dli_fname, real) == NULL)
        return NULL;
    folder = apr_pstrcat(pool, ap_make_dirstr_parent(pool, real), "mod_wsgi", NULL);
    return is_runtime(pool, folder) ? folder : NULL;
}

const wsgi_runtime *wsgi_runtime_open(apr_pool_t *pool, const char *configured, const char **error)
{
    wsgi_runtime *runtime = apr_pcalloc(pool, sizeof(*runtime));
    const char *tried, *tag;
    apr_finfo_t entry;
    apr_dir_t *dir;

    if (configured != NULL) {
        runtime->folder = configured;
        if (!is_runtime(pool, configured)) {
            *error = apr_psprintf(pool, "WSGIRuntimeDirectory %s holds no wsgi-supervisor", configured);
            return NULL;
        }
    }
    else if ((runtime->folder = beside_module(pool, &tried)) == NULL) {
        *error = apr_psprintf(pool, "the programs of mod_wsgi are not where they belong: there is no "
                              "%s/wsgi-supervisor; install mod_wsgi.so with the folder mod_wsgi beside "
                              "it (mod_wsgi-express install-module), or name that folder with "
                              "WSGIRuntimeDirectory", tried);
        return NULL;
    }
    runtime->supervisor = apr_pstrcat(pool, runtime->folder, "/wsgi-supervisor", NULL);
    runtime->package = apr_pstrcat(pool, runtime->folder, "/python", NULL);
    runtime->halves = apr_array_make(pool, 4, sizeof(wsgi_half));
    if (apr_dir_open(&dir, runtime->folder, pool) == APR_SUCCESS) {
        while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS)
            if ((tag = tag_of(pool, entry.name)) != NULL)
                add_half(pool, runtime, entry.name, tag);
        apr_dir_close(dir);
    }
    qsort(runtime->halves->elts, (size_t)runtime->halves->nelts, sizeof(wsgi_half), by_abi);
    runtime->fallback = find_default(pool, runtime);
    return runtime;
}

/* ---- what is at a home ------------------------------------------------------- */

/* The value behind "KEY =" in the text of a pyvenv.cfg, up to the end of its
 * line; NULL: there is no such key. */
static const char *cfg_value(const char *text, const char *key)
{
    const char *line = text;
    size_t n = strlen(key);

    while (line != NULL && *line != '\0') {
        const char *p = line + strspn(line, " \t");

        if (strncmp(p, key, n) == 0) {
            p += n;
            p += strspn(p, " \t");
            if (*p == '=')
                return p + 1 + strspn(p + 1, " \t");
        }
        line = strchr(line, '\n');
        if (line != NULL)
            line++;
    }
    return NULL;
}

/* "3.11" of "version = 3.11.2" or "version_info = 3.11.2.final.0"; NULL: absent. */
static const char *cfg_version(apr_pool_t *pool, const char *text)
{
    static const char *const keys[] = { "version", "version_info" };
    size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *p = cfg_value(text, keys[i]);
        size_t major = p ? strspn(p, "0123456789") : 0, minor;

        minor = major > 0 && p[major] == '.' ? strspn(p + major + 1, "0123456789") : 0;
        if (major > 0 && major < 3 && minor > 0 && minor < 4)
            return apr_pstrmemdup(pool, p, major + 1 + minor);
    }
    return NULL;
}

const char *wsgi_runtime_base(apr_pool_t *pool, const char *home)
{
    const char *text = read_small(pool, apr_pstrcat(pool, home, "/pyvenv.cfg", NULL));
    const char *p = text ? cfg_value(text, "home") : NULL;
    size_t n = p ? strcspn(p, "\r\n") : 0;

    while (n > 1 && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '/'))
        n--;
    return n > 0 && p[0] == '/' ? apr_pstrmemdup(pool, p, n) : NULL;
}

/* Tags of the lib/pythonX.Y[t] folders below HOME. */
static apr_array_header_t *lib_tags(apr_pool_t *pool, const char *home)
{
    static const char *const places[] = { "/lib", "/lib64" };
    apr_array_header_t *tags = apr_array_make(pool, 2, sizeof(const char *));
    apr_finfo_t entry;
    apr_dir_t *dir;
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (apr_dir_open(&dir, apr_pstrcat(pool, home, places[i], NULL), pool) != APR_SUCCESS)
            continue;
        while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
            const char *name = entry.name;
            size_t n;

            if (strncmp(name, "python", 6) != 0 || !isdigit((unsigned char)name[6]))
                continue;
            n = strspn(name + 6, "0123456789.");
            if (strchr(name + 6, '.') == NULL || strcmp(name + 6 + n, name[6 + n] == 't' ? "t" : "") != 0)
                continue;
            APR_ARRAY_PUSH(tags, const char *) = apr_pstrdup(pool, name + 6);
        }
        apr_dir_close(dir);
    }
    return tags;
}

static int has_tag(const apr_array_header_t *tags, const char *tag)
{
    int i;

    for (i = 0; i < tags->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(tags, i, const char *), tag) == 0)
            return 1;
    return 0;
}

/* What could be at HOME, most likely first, and by which file it was told. */
static apr_array_header_t *home_tags(apr_pool_t *pool, const char *home, const char **told_by)
{
    const char *cfg = apr_pstrcat(pool, home, "/pyvenv.cfg", NULL);
    const char *text = read_small(pool, cfg), *version = text ? cfg_version(pool, text) : NULL;
    apr_array_header_t *found = lib_tags(pool, home), *tags;
    const char *threaded;

    if (version == NULL) {
        *told_by = apr_pstrcat(pool, home, "/lib", NULL);
        return found;
    }
    *told_by = cfg;
    tags = apr_array_make(pool, 1, sizeof(const char *));
    threaded = apr_pstrcat(pool, version, "t", NULL);
    APR_ARRAY_PUSH(tags, const char *) = has_tag(found, threaded) && !has_tag(found, version)
                                         ? threaded : version;
    return tags;
}

/* ---- choosing ---------------------------------------------------------------- */

static const wsgi_half *half_with_tag(const wsgi_runtime *runtime, const char *tag)
{
    const wsgi_half *half = NULL, *all = (const wsgi_half *)runtime->halves->elts;
    size_t n = strlen(tag);
    int i;

    if (runtime->fallback >= 0 && strcmp(all[runtime->fallback].tag, tag) == 0)
        return &all[runtime->fallback];
    for (i = 0; i < runtime->halves->nelts; i++) {
        if (strcmp(all[i].tag, tag) == 0)
            return &all[i];
        if (strncmp(all[i].tag, tag, n) == 0 && strcmp(all[i].tag + n, "d") == 0)
            half = &all[i];
    }
    return half;
}

static const char *list_of_halves(apr_pool_t *pool, const wsgi_runtime *runtime)
{
    const char *list = "";
    int i;

    for (i = 0; i < runtime->halves->nelts; i++) {
        const wsgi_half *half = &APR_ARRAY_IDX(runtime->halves, i, wsgi_half);

        list = apr_psprintf(pool, "%s%sPython %s in %s", list, i ? ", " : "", half->python, half->abi);
    }
    return *list ? list : "none";
}

/* Can this half work with us? */
static const wsgi_half *usable(apr_pool_t *pool, const wsgi_half *half, const char **error)
{
    const char *python = half->python;

    if (half->interface_version == WSGI_INTERFACE_VERSION)
        return half;
    if (half->interface_version == 0)
        *error = apr_psprintf(pool, "%s cannot be read or names no interface; build the half for "
                              "Python %s again: " BUILD_COMMAND "python%s",
                              half->build_json, python, half->tag);
    else
        *error = apr_psprintf(pool, "mod_wsgi.so " MOD_WSGI_VERSION " speaks interface %d, the half for "
                              "Python %s speaks interface %d (%s); build both from one release: "
                              BUILD_COMMAND "python%s", WSGI_INTERFACE_VERSION, python,
                              half->interface_version, half->build_json, half->tag);
    return NULL;
}

static const wsgi_half *pick_default(apr_pool_t *pool, const wsgi_runtime *runtime,
                                     const char **error)
{
    if (runtime->fallback >= 0)
        return usable(pool, &APR_ARRAY_IDX(runtime->halves, runtime->fallback, wsgi_half), error);
    if (runtime->halves->nelts == 0)
        *error = apr_psprintf(pool, "%s has no half for any Python; build one: " BUILD_COMMAND "python3",
                              runtime->folder);
    else
        *error = apr_psprintf(pool, "%s has halves for several Pythons (%s) and no link named default; "
                              "set WSGIPythonHome or python-home=", runtime->folder,
                              list_of_halves(pool, runtime));
    return NULL;
}

const wsgi_half *wsgi_runtime_pick(apr_pool_t *pool, const wsgi_runtime *runtime,
                                   const char *home, const char **error)
{
    const wsgi_half *half;
    apr_array_header_t *tags;
    const char *told_by, *prefix;
    int i;

    if (home == NULL)
        return pick_default(pool, runtime, error);
    prefix = apr_pstrmemdup(pool, home, strcspn(home, ":"));      /* prefix:exec_prefix */
    tags = home_tags(pool, prefix, &told_by);
    if (tags->nelts == 0) {
        *error = apr_psprintf(pool, "%s is not the prefix of a Python: it has neither a pyvenv.cfg with a "
                              "version nor a folder lib/pythonX.Y (of a virtual environment give the "
                              "folder that holds bin/python)", prefix);
        return NULL;
    }
    if (runtime->fallback >= 0) {
        half = &APR_ARRAY_IDX(runtime->halves, runtime->fallback, wsgi_half);
        if (has_tag(tags, half->tag))
            return usable(pool, half, error);
    }
    for (i = 0; i < tags->nelts; i++)
        if ((half = half_with_tag(runtime, APR_ARRAY_IDX(tags, i, const char *))) != NULL)
            return usable(pool, half, error);
    *error = apr_psprintf(pool, "%s is Python %s (%s), and %s has no half for it (there are: %s); build it: "
                          BUILD_COMMAND "%s/bin/python3", prefix, APR_ARRAY_IDX(tags, 0, const char *),
                          told_by, runtime->folder, list_of_halves(pool, runtime), prefix);
    return NULL;
}

/* Whether two names are of one file: python3.13 and python3.13t of one installation
 * are links to each other, and so are the names of some distributions. */
static int same_file(const char *a, const char *b)
{
    struct stat one, other;

    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

const char *wsgi_runtime_remark(apr_pool_t *pool, const wsgi_half *half, const char *home)
{
    const char *prefix = apr_pstrmemdup(pool, home, strcspn(home, ":"));
    const char *base = wsgi_runtime_base(pool, prefix);
    char theirs[PATH_MAX], ours[PATH_MAX];

    if (base == NULL)
        base = apr_pstrcat(pool, prefix, "/bin", NULL);
    if (half->program == NULL || realpath(half->program, ours) == NULL ||
        realpath(apr_pstrcat(pool, base, "/python", half->tag, NULL), theirs) == NULL || same_file(ours, theirs))
        return NULL;
    return apr_psprintf(pool, "%s: it is of %s, and the half for Python %s was built with %s (Python %s), whose library runs "
                        "it: compiled modules may not load; make the environment with that one, or build the half "
                        "with the other: " BUILD_COMMAND "%s", home, theirs, half->tag, ours, half->python, theirs);
}
