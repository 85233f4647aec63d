/* wsgi_memory.h - what the kernel says of memory. Plain tier.
 *
 * ROOT goes in front of every path: "", or the folder of a test's own /proc and
 * /sys.
 */
#ifndef WSGI_MEMORY_H
#define WSGI_MEMORY_H

#include <stdint.h>

/* How often the kernel has killed for want of memory: in our control group
 * (version 2, then 1) where that can be read, else on the whole machine. */
uint64_t wsgi_memory_kills(const char *root);

/* The memory of the calling process in bytes, what it shares counted by its
 * share (PSS); with older kernels, all that is resident. -1: not to be had. */
int64_t wsgi_memory_own(const char *root);

#endif
