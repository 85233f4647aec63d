/* wsgi_supervisor_spawn.h - starting the program of a daemon process, and the
 * descriptors that it does not get.
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

/* Close all from FIRST on: what httpd or its other modules left open is none of ours. */
void wsgi_close_from(int first);
/* As many descriptors as may be, since a group takes three and each process one:
 * do not let the usual 1024 be what bounds the configuration. FOUND is the limit
 * as it was (rlim_max 0: not known). */
void wsgi_raise_nofile(struct rlimit *found);

/* Is there a process PID, whoever's? 0: no; 2: and it is a daemon process. */
int wsgi_process_kind(pid_t pid);
/* Start the process for SLOT of G, with its configuration in the queue of its
 * control socket; NOFILE is the limit it gets back (rlim_max 0: not known). Its
 * pid, and our end of the control pair in *CONTROL; or -1 with errno, also
 * where the program could not be executed. */
pid_t wsgi_spawn_host(const wsgi_sv_group *g, uint32_t slot, uint16_t incarnation,
                      const struct rlimit *nofile, int *control);

#endif
