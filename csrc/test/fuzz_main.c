/* For compilers without libFuzzer: runs the target on every file named, or in
 * every folder named, and on some hundred bent copies of each, the same ones
 * every time. With -DWSGI_LIBFUZZER the library brings main(). */
#include "fuzz.h"

unsigned long fuzz_accepted;

#ifndef WSGI_LIBFUZZER

#include <dirent.h>
#include <sys/stat.h>

#define VARIANTS  200
#define INPUT_MAX (1 << 20)

static uint64_t state = 88172645463325252u;
static unsigned inputs;
static unsigned long seeds_accepted;

static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* The target gets memory of exactly the right size, so that ASan sees one byte too far. */
static void run(const unsigned char *data, size_t size)
{
    unsigned char *exact = malloc(size ? size : 1);

    if (exact == NULL)
        abort();
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    inputs++;
}

static void run_bent(const unsigned char *seed, size_t size)
{
    static const unsigned char edges[] = { 0, 1, 0x7f, 0x80, 0xff, '\n', ':', '/' };
    unsigned char *copy = malloc(2 * size + 16);
    int i, k;

    if (copy == NULL)
        abort();
    for (i = 0; i < VARIANTS && size > 0; i++) {
        size_t n = size, at, from, len;

        memcpy(copy, seed, size);
        for (k = (int)(any() % 4); k >= 0; k--) {
            at = any() % n;
            switch (any() % 5) {
            case 0: copy[at] ^= (unsigned char)(1u << any() % 8); break;
            case 1: copy[at] = edges[any() % sizeof(edges)]; break;
            case 2: n = at + 1; break;
            case 3:                     /* a piece again, somewhere else */
                from = any() % n;
                len = n - (at > from ? at : from);
                memmove(copy + at, copy + from, any() % len + 1);
                break;
            default: copy[n] = (unsigned char)any(); n += n < 2 * size; break;
            }
        }
        run(copy, n);
    }
    free(copy);
}

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    unsigned char *data = malloc(INPUT_MAX);
    unsigned long before = fuzz_accepted;
    size_t n;

    if (f == NULL || data == NULL) {
        perror(path);
        return -1;
    }
    n = fread(data, 1, INPUT_MAX, f);
    fclose(f);
    run(data, n);
    seeds_accepted += fuzz_accepted - before;
    run_bent(data, n);
    free(data);
    return 0;
}

static int run_path(const char *path)
{
    char child[4096];
    struct dirent *e;
    struct stat st;
    DIR *d;
    int rv = 0;

    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return run_file(path);
    d = opendir(path);
    if (d == NULL) {
        perror(path);
        return -1;
    }
    while (rv == 0 && (e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
        rv = run_file(child);
    }
    closedir(d);
    return rv;
}

int main(int argc, char **argv)
{
    int i, rv = 0;

    for (i = 1; i < argc; i++)
        rv |= run_path(argv[i]);
    run((const unsigned char *)"", 0);
    printf("# %u inputs, %lu seeds accepted, %lu in all\n", inputs, seeds_accepted, fuzz_accepted);
    if (seeds_accepted == 0)
        printf("the target accepts nothing of its corpus: the format has changed, or it was not found\n");
    return rv != 0 || seeds_accepted == 0;
}

#endif
