/* Relocation tables are given back, and are still there for who looks. */
#include "test.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "../src/wsgi_host_tables.h"

typedef struct {
    uint64_t sum;       /* over what the tables hold */
    long resident;      /* pages of them in memory */
    int pagemap;
    int read;           /* make the sum, which brings them all into memory */
} survey;

/* Does the kernel have this page in our memory? */
static int present(int pagemap, uintptr_t at)
{
    uint64_t word = 0;

    if (pread(pagemap, &word, sizeof(word), (off_t)(at / (uintptr_t)getpagesize() * sizeof(word))) != (ssize_t)sizeof(word))
        return 0;
    return (int)(word >> 63);
}

static int look(struct dl_phdr_info *object, size_t size, void *arg)
{
    survey *s = arg;
    uintptr_t at = 0, p;
    size_t n = 0, k;
    int i;

    (void)size;
    for (i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Dyn) *d = (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);

        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        for (; d->d_tag != DT_NULL; d++) {
            if (d->d_tag == DT_RELA)
                at = d->d_un.d_ptr;
            if (d->d_tag == DT_RELASZ)
                n = d->d_un.d_val;
        }
    }
    if (at != 0 && at < object->dlpi_addr)
        at += object->dlpi_addr;
    for (k = 0; s->read && at != 0 && k + sizeof(uint64_t) <= n; k += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, (const void *)(at + k), sizeof(word));
        s->sum = s->sum * 31 + word;
    }
    for (p = at; at != 0 && p < at + n; p += (uintptr_t)getpagesize())
        s->resident += present(s->pagemap, p);
    return 0;
}

static survey look_at_all(int pagemap, int read)
{
    survey s = { 0, 0, pagemap, read };

    dl_iterate_phdr(look, &s);
    return s;
}

int main(void)
{
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    survey before, after;
    size_t bytes;

    CHECK(pagemap >= 0);
    before = look_at_all(pagemap, 1);
    bytes = wsgi_host_tables_release();
    after = look_at_all(pagemap, 0);
    CHECK(bytes > 0);                   /* the sanitizers' libraries have long ones */
    CHECK_INT(before.resident - after.resident >= (long)bytes / getpagesize() / 2, 1);
    CHECK(look_at_all(pagemap, 1).sum == before.sum);
    CHECK(dlsym(RTLD_DEFAULT, "printf") != NULL);
    CHECK(wsgi_host_tables_release() == bytes);
    close(pagemap);
    return TEST_DONE();
}
