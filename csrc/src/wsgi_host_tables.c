/* wsgi_host_tables.c - see wsgi_host_tables.h.
 *
 * Code is left alone, though much of it runs at the start only: whoever traces a
 * process has written into pages of it, and those would be lost.
 */
#include "wsgi_host_tables.h"

#ifdef __linux__

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Is [AT, END) within one part of the object that nobody can have written to? */
static int read_only(const struct dl_phdr_info *object, uintptr_t at, uintptr_t end)
{
    int i;

    for (i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &object->dlpi_phdr[i];
        uintptr_t from = object->dlpi_addr + p->p_vaddr;

        if (p->p_type == PT_LOAD && at >= from && end <= from + p->p_filesz)
            return (p->p_flags & PF_W) == 0;
    }
    return 0;
}

static const ElfW(Dyn) *dynamic(const struct dl_phdr_info *object)
{
    int i;

    for (i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_DYNAMIC)
            return (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
    return NULL;
}

static int release(struct dl_phdr_info *object, size_t size, void *sum)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = 0, len = 0, end;
    const ElfW(Dyn) *d = dynamic(object);

    (void)size;
    for (; d != NULL && d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_RELA || d->d_tag == DT_REL)
            at = d->d_un.d_ptr;
        else if (d->d_tag == DT_RELASZ || d->d_tag == DT_RELSZ)
            len = d->d_un.d_val;
        else if (d->d_tag == DT_TEXTREL)
            return 0;
    }
    if (at == 0 || len < page)
        return 0;
    if (at < object->dlpi_addr)   /* glibc has added where the object is, others have not */
        at += object->dlpi_addr;
    end = (at + len) & ~(page - 1);
    at = (at + page - 1) & ~(page - 1);
    if (at < end && read_only(object, at, end) && madvise((void *)at, end - at, MADV_DONTNEED) == 0)
        *(size_t *)sum += end - at;
    return 0;
}

size_t wsgi_host_tables_release(void)
{
    size_t sum = 0;

    dl_iterate_phdr(release, &sum);
    return sum;
}

#else

size_t wsgi_host_tables_release(void)
{
    return 0;
}

#endif
