/* wsgi_supervisor_inner.h - what the files of the machine share: its groups
 * (wsgi_supervisor_group.c), the causes of ends (wsgi_supervisor_death.c) and
 * the states and moves of processes (wsgi_supervisor.c).
 */
#ifndef WSGI_SUPERVISOR_INNER_H
#define WSGI_SUPERVISOR_INNER_H

#include "wsgi_supervisor.h"

enum { LEVEL_ERR = 3, LEVEL_WARNING = 4, LEVEL_NOTICE = 5, LEVEL_INFO = 6 };

/* One line about G, through the table of effects. */
void wsgi_sv_say(wsgi_supervisor *sv, const wsgi_sv_group *g, int level,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
const char *wsgi_sv_name(const wsgi_sv_group *g);

/* ---- wsgi_supervisor_group.c ---- */

/* Forget what was staged for G. */
void wsgi_sv_unstage(wsgi_sv_group *g);
/* Make what was staged for G, if anything, what it is. */
void wsgi_sv_adopt_staged(wsgi_sv_group *g);
void wsgi_sv_free_group(wsgi_sv_group *g);

/* ---- wsgi_supervisor_scripts.c ---- */

void wsgi_sv_free_scripts(wsgi_sv_group *g);

/* ---- wsgi_supervisor_renew.c ---- */

/* One more try for PLACE came to nothing: when is the next? */
void wsgi_sv_note_failure(wsgi_sv_place *place, int64_t now);
/* The same if it was killed by others, which says nothing of the next. So often
 * may an admin do it; more is the work of a program, which is given a pause. */
#define WSGI_SV_KILLS_LIKELY 5
void wsgi_sv_note_kill(wsgi_sv_place *place, int64_t now);
/* Is the process in SLOT of an earlier generation? */
int wsgi_sv_outdated(const wsgi_sv_group *g, int slot);
/* Is a next process to be started for place number I, once it is time? */
int wsgi_sv_wants_next(const wsgi_sv_group *g, uint32_t i);
/* Place PL is done. Say so if it was the last of a rolling reload. */
void wsgi_sv_end_renewal(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_place *pl);
/* The next one for PL has failed, and waits for its next try. */
void wsgi_sv_hold_up(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_place *pl);

/* ---- wsgi_supervisor_death.c ---- */

/* What STATUS says of an end that we did, or did not, ask for. */
enum wsgi_death wsgi_sv_cause(const wsgi_sv_process *p, int status, int oom,
                              uint32_t *detail);
/* Is it the doing of somebody else, and no failure of the process? */
int wsgi_sv_killed_by_others(enum wsgi_death cause, uint32_t detail);
/* The line about it. */
void wsgi_sv_log_end(wsgi_supervisor *sv, const wsgi_sv_group *g, const wsgi_sv_process *p,
                     enum wsgi_death cause, int status);

#endif
