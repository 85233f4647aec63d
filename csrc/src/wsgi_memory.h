/* wsgi_memory.h - what the kernel says of memory. Plain tier.
 *
 * ROOT goes in front of every path: "", or the folder of a test's own /proc and
 * /sys.
 */
#ifndef WSGI_MEMORY_H
#define WSGI_MEMORY_H

#include <stdint.h>

/* How often the kernel has killed for want of memory: in our control group, of
 * version 2 or 1, where that can be read, else on the whole machine. */
uint64_t wsgi_memory_kills(const char *root);

/* Kills that no dead process has been put down to yet. All zero: not begun. */
typedef struct {
    uint64_t place, count;        /* which group, and how many kills when last looked at */
    uint32_t open;
    int64_t since;                /* when the last of them was found, milliseconds */
} wsgi_memory_watch;

/* To be called now and then, so that old kills of others are not put down to who
 * dies later: NOW by any clock that nobody sets. */
void wsgi_memory_look(wsgi_memory_watch *w, const char *root, int64_t now);
/* A process of ours was found dead by SIGKILL: was it the kernel, for want of memory? */
int  wsgi_memory_blame(wsgi_memory_watch *w, const char *root, int64_t now);

/* How much memory there is for our control group: the lowest limit of it and of
 * those above, or that of the machine. -1: not to be had. */
int64_t wsgi_memory_limit(const char *root);

/* BYTES or up to a tenth less, by SEED (a pid): so that processes that grow alike
 * do not come to their limit together. Pids that follow each other closely get
 * parts that are far from each other. */
int64_t wsgi_memory_part(int64_t bytes, uint32_t seed);

/* The memory of the calling process in bytes, what it shares counted by its
 * share (PSS); with older kernels, all that is resident. -1: not to be had. */
int64_t wsgi_memory_own(const char *root);
/* All that is resident, in bytes. -1: not to be had. */
int64_t wsgi_memory_resident(const char *root);

#endif
