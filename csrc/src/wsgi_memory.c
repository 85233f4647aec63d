/* wsgi_memory.c - see wsgi_memory.h. */
#include "wsgi_memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 4096

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

uint64_t wsgi_memory_kills(const char *root)
{
    char line[1024], path[1200];
    uint64_t n = 0;
    int found = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
    f = fopen(path, "re");
    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
        const char *group;

        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::", 3) == 0) {
            snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.events", line + 3);
            found = read_number(root, path, "oom_kill ", &n);
        } else if ((group = strstr(line, ":memory:")) != NULL) {
            snprintf(path, sizeof(path), "/sys/fs/cgroup/memory%s/memory.oom_control",
                     group + strlen(":memory:"));
            found = read_number(root, path, "oom_kill ", &n);
        }
    }
    if (f != NULL)
        fclose(f);
    if (!found)
        read_number(root, "/proc/vmstat", "oom_kill ", &n);
    return n;
}

int64_t wsgi_memory_own(const char *root)
{
    uint64_t kib;

    if (read_number(root, "/proc/self/smaps_rollup", "Pss:", &kib) ||
        read_number(root, "/proc/self/status", "VmRSS:", &kib))
        return (int64_t)(kib * 1024);
    return -1;
}
