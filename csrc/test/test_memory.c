/* What is read of the kernel's files, from a folder of our own. */
#include "test.h"

#include <errno.h>
#include <sys/stat.h>

#include "../src/wsgi_memory.h"

static char root[] = "/tmp/test_memory.XXXXXX";

/* Write TEXT to PATH below the root, with the folders before it. */
static void put(const char *path, const char *text)
{
    char name[512];
    char *slash;
    FILE *f;

    snprintf(name, sizeof(name), "%s%s", root, path);
    for (slash = strchr(name + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        CHECK(mkdir(name, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    f = fopen(name, "w");
    CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void kills(void)
{
    CHECK_INT(wsgi_memory_kills(root), 0);          /* nothing to be read at all */
    put("/proc/vmstat", "nr_free_pages 5\noom_kill 3\n");
    CHECK_INT(wsgi_memory_kills(root), 3);
    put("/proc/self/cgroup", "12:cpu:/x\n5:memory:/one\n");
    CHECK_INT(wsgi_memory_kills(root), 3);          /* a group that cannot be read */
    put("/sys/fs/cgroup/memory/one/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
    CHECK_INT(wsgi_memory_kills(root), 7);
    put("/proc/self/cgroup", "0::/a.slice/b\n");
    put("/sys/fs/cgroup/a.slice/b/memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 4\n");
    CHECK_INT(wsgi_memory_kills(root), 2);
    put("/sys/fs/cgroup/a.slice/b/memory.events", "oom_kill many\n");
    CHECK_INT(wsgi_memory_kills(root), 3);
}

/* Whose deaths are put down to it. */
static void blame(void)
{
    wsgi_memory_watch w = { 0, 0, 0, 0 };

    put("/proc/self/cgroup", "0::/w\n");
    put("/sys/fs/cgroup/w/memory.events", "oom_kill 5\n");
    wsgi_memory_look(&w, root, 1000);
    CHECK_INT(wsgi_memory_blame(&w, root, 2000), 0);        /* before our time */
    put("/sys/fs/cgroup/w/memory.events", "oom_kill 7\n");
    CHECK_INT(wsgi_memory_blame(&w, root, 3000), 1);
    CHECK_INT(wsgi_memory_blame(&w, root, 3100), 1);        /* two at a time */
    CHECK_INT(wsgi_memory_blame(&w, root, 3200), 0);
    put("/sys/fs/cgroup/w/memory.events", "oom_kill 8\n");
    wsgi_memory_look(&w, root, 4000);                       /* of somebody else in the group */
    CHECK_INT(wsgi_memory_blame(&w, root, 9001), 0);
    put("/proc/self/cgroup", "0::/v\n");
    put("/sys/fs/cgroup/v/memory.events", "oom_kill 0\n");
    CHECK_INT(wsgi_memory_blame(&w, root, 9100), 0);        /* moved to another group */
    put("/sys/fs/cgroup/v/memory.events", "oom_kill 1\n");
    CHECK_INT(wsgi_memory_blame(&w, root, 9200), 1);
    CHECK_INT(wsgi_memory_blame(&w, root, 9300), 0);
}

static void limit(void)
{
    put("/proc/self/cgroup", "12:cpu:/x\n");
    CHECK_INT(wsgi_memory_limit(root), -1);
    put("/proc/meminfo", "MemTotal:        4096 kB\nMemFree: 1 kB\n");
    CHECK_INT(wsgi_memory_limit(root), 4096 * 1024);
    put("/proc/self/cgroup", "5:memory:/one\n0::/\n");
    put("/sys/fs/cgroup/memory/one/memory.limit_in_bytes", "9223372036854771712\n");    /* none */
    CHECK_INT(wsgi_memory_limit(root), 4096 * 1024);
    put("/sys/fs/cgroup/memory/one/memory.limit_in_bytes", "2097152\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1048576\n");
    CHECK_INT(wsgi_memory_limit(root), 1048576);    /* those above hold too */
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "3145728\n");
    CHECK_INT(wsgi_memory_limit(root), 2097152);
    put("/proc/self/cgroup", "0::/a.slice/b\n");
    put("/sys/fs/cgroup/a.slice/b/memory.events", "oom_kill 2\n");
    put("/sys/fs/cgroup/a.slice/b/memory.max", "max\n");
    put("/sys/fs/cgroup/a.slice/memory.max", "1000000\n");
    CHECK_INT(wsgi_memory_limit(root), 1000000);
    put("/sys/fs/cgroup/memory.events", "oom_kill 11\n");
    put("/proc/self/cgroup", "0::/../outside\n");   /* of a container that sees its own as the first */
    CHECK_INT(wsgi_memory_kills(root), 11);
}

static void part(void)
{
    int64_t n, least = 1000000, most = 0;
    uint32_t seed, next;

    for (seed = 2; seed < 2000; seed++) {
        n = wsgi_memory_part(1000000, seed);
        least = n < least ? n : least;
        most = n > most ? n : most;
        CHECK(n <= 1000000 && n > 900000);
        for (next = seed + 1; next < seed + 8; next++)   /* a group's pids are close to each other */
            CHECK(llabs(n - wsgi_memory_part(1000000, next)) > 5000);
    }
    CHECK(least < 905000 && most > 995000);
}

static void own(void)
{
    CHECK_INT(wsgi_memory_own(root), -1);
    put("/proc/self/status", "Name:\tx\nVmRSS:\t    2048 kB\n");
    CHECK_INT(wsgi_memory_own(root), 2048 * 1024);
    put("/proc/self/smaps_rollup", "5555-7777 ---p 0 00:00 0 [rollup]\nRss: 900 kB\nPss:  400 kB\nPss_Anon: 1 kB\n");
    CHECK_INT(wsgi_memory_own(root), 400 * 1024);
    CHECK(wsgi_memory_own("") > 0);
}

int main(void)
{
    char command[64];

    if (mkdtemp(root) == NULL) {
        printf("# skip: no temporary folder\n");
        return 0;
    }
    RUN(kills);
    RUN(blame);
    RUN(limit);
    RUN(part);
    RUN(own);
    snprintf(command, sizeof(command), "rm -r %s", root);
    CHECK_INT(system(command), 0);
    return TEST_DONE();
}
