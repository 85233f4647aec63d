/* wsgi_memory.c - see wsgi_memory.h. */
#include "wsgi_memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define BLAME_WITHIN_MS 5000     /* a process that is killed may take a while to give up its memory */

/* The number behind WORD at the beginning of a line of file PATH. 1 if there is
 * one. */
static int read_number(const char *root, const char *path, const char *word, uint64_t *out)
{
    char name[PATH_SIZE], line[256];
    unsigned long long n;
    int found = 0;
    FILE *f;

    if (snprintf(name, sizeof(name), "%s%s", root, path) >= (int)sizeof(name))
        return 0;
    f = fopen(name, "re");
    if (f == NULL)
        return 0;
    while (!found && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, word, strlen(word)) == 0 &&
            sscanf(line + strlen(word), "%llu", &n) == 1) {
            *out = n;
            found = 1;
        }
    fclose(f);
    return found;
}

/* Our place in one hierarchy of control groups. */
typedef struct {
    const char *mount;            /* where it is seen */
    int version;                  /* 2, 1, or 0: none that counts memory is known */
    char path[1024];              /* below the mount; shortened to go up */
} hierarchy;

/* The place that a LINE of /proc/self/cgroup tells, if it is one with memory. */
static int read_place(const char *line, hierarchy *h)
{
    const char *path = strncmp(line, "0::", 3) == 0 ? line + 3 : strstr(line, ":memory:");

    if (path == NULL)
        return 0;
    h->version = path == line + 3 ? 2 : 1;
    h->mount = h->version == 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    if (h->version == 1)
        path += strlen(":memory:");
    snprintf(h->path, sizeof(h->path), "%s", path);
    return 1;
}

static int number_of_group(const char *root, const hierarchy *h, const char *file, const char *word,
                           uint64_t *out)
{
    char path[1200];

    snprintf(path, sizeof(path), "%s%s/%s", h->mount, strcmp(h->path, "/") == 0 ? "" : h->path, file);
    return read_number(root, path, word, out);
}

/* To the group above. 0: there is none. */
static int go_up(hierarchy *h)
{
    char *slash = strrchr(h->path, '/');

    if (slash == NULL)
        return 0;
    *slash = '\0';
    return 1;
}

/* The memory hierarchy in which this process is limited: with both versions
 * mounted one of them has the files. */
static hierarchy own_place(const char *root)
{
    hierarchy found = { .version = 0 }, h = { .version = 0 };
    char line[1024], path[1200];
    uint64_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    f = fopen(path, "re");
    while (f != NULL && found.version == 0 && fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (!read_place(line, &h))
            continue;
        /* A container may see its own group where the mount begins. */
        do {
            if (number_of_group(root, &h, h.version == 2 ? "memory.events" : "memory.oom_control",
                                "oom_kill ", &n))
                found = h;
        } while (found.version == 0 && go_up(&h));
    }
    if (f != NULL)
        fclose(f);
    return found;
}

static uint64_t kills_in(const char *root, const hierarchy *h)
{
    uint64_t n = 0;

    if (h->version == 0 ||
        !number_of_group(root, h, h->version == 2 ? "memory.events" : "memory.oom_control", "oom_kill ", &n))
        read_number(root, "/proc/vmstat", "oom_kill ", &n);
    return n;
}

uint64_t wsgi_memory_kills(const char *root)
{
    hierarchy h = own_place(root);

    return kills_in(root, &h);
}

/* A number for the place; never 0. */
static uint64_t place_number(const hierarchy *h)
{
    uint64_t n = (uint64_t)h->version + 1;
    const char *p;

    for (p = h->path; *p != '\0'; p++)
        n = n * 31 + (unsigned char)*p;
    return n != 0 ? n : 1;
}

void wsgi_memory_look(wsgi_memory_watch *w, const char *root, int64_t now)
{
    hierarchy h = own_place(root);
    uint64_t n = kills_in(root, &h), place = place_number(&h);

    if (w->place != place)              /* a group that we were moved to begins with none of ours */
        w->count = w->place == 0 ? n : 0;
    w->place = place;
    if (n > w->count) {
        w->open += (uint32_t)(n - w->count);
        w->since = now;
    }
    else if (now - w->since > BLAME_WITHIN_MS)
        w->open = 0;
    w->count = n;
}

int wsgi_memory_blame(wsgi_memory_watch *w, const char *root, int64_t now)
{
    wsgi_memory_look(w, root, now);
    if (w->open == 0)
        return 0;
    w->open--;
    return 1;
}

int64_t wsgi_memory_limit(const char *root)
{
    hierarchy h = own_place(root);
    uint64_t n, least = UINT64_MAX;

    if (h.version != 0)
        do {
            if (number_of_group(root, &h, h.version == 2 ? "memory.max" : "memory.limit_in_bytes", "", &n) &&
                n < least)
                least = n;
        } while (go_up(&h));
    if (read_number(root, "/proc/meminfo", "MemTotal:", &n) && n < least / 1024)
        least = n * 1024;
    return least > INT64_MAX ? -1 : (int64_t)least;
}

int64_t wsgi_memory_part(int64_t bytes, uint32_t seed)
{
    /* 2^32 divided by the golden ratio: its multiples lie far apart on the circle
     * of 2^32, however few or many follow each other, and so do the high digits. */
    uint32_t at = seed * 2654435769u;

    return bytes - bytes / 10000 * (int64_t)((uint64_t)at * 1000 >> 32);
}

int64_t wsgi_memory_resident(const char *root)
{
    uint64_t kib;

    return read_number(root, "/proc/self/status", "VmRSS:", &kib) ? (int64_t)(kib * 1024) : -1;
}

int64_t wsgi_memory_own(const char *root)
{
    uint64_t kib;

    if (read_number(root, "/proc/self/smaps_rollup", "Pss:", &kib) ||
        read_number(root, "/proc/self/status", "VmRSS:", &kib))
        return (int64_t)(kib * 1024);
    return -1;
}
