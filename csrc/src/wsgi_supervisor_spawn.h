/* wsgi_supervisor_spawn.h - starting the program of a daemon process.
 *
 * Descriptors 0 to 5 are where a host finds its own, so whatever a supervisor
 * keeps is lifted above them, close-on-exec; nothing has to be moved aside
 * between fork and exec.
 */
#ifndef WSGI_SUPERVISOR_SPAWN_H
#define WSGI_SUPERVISOR_SPAWN_H

#include <sys/resource.h>

#include "wsgi_supervisor.h"

/* Move FD out of the way of 0 to 5, close-on-exec. -1 with errno; FD is closed. */
int wsgi_lift(int fd);
/* wsgi_lift() for both ends of a pair. 0, or -1 with errno and both closed. */
int wsgi_lift_pair(int pair[2]);

/* Start the process for SLOT of G, with its configuration in the queue of its
 * control socket; NOFILE is the limit it gets back (rlim_max 0: not known). Its
 * pid, and our end of the control pair in *CONTROL; or -1 with errno, also
 * where the program could not be executed. */
pid_t wsgi_spawn_host(const wsgi_sv_group *g, uint32_t slot, uint16_t incarnation,
                      const struct rlimit *nofile, int *control);

#endif
