/* wsgi_scoreboard_take.h - Apache's scoreboard as bytes of wsgi_scoreboard.h. */
#ifndef WSGI_SCOREBOARD_TAKE_H
#define WSGI_SCOREBOARD_TAKE_H

#include "wsgi_module.h"
#include "wsgi_scoreboard.h"

/* Room that a board needs for it. */
uint32_t wsgi_score_room(void);
/* Append it. 0, or ENODATA where there is none, as before the children are. Any
 * thread; CTX is not used. */
int  wsgi_score_take(void *ctx, wsgi_buf *out);
/* Put it on B, which has room, unless that was done a moment before NOW_US of the
 * steady clock. */
void wsgi_score_renew(wsgi_board *b, uint64_t now_us);

#endif
