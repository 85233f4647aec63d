/* wsgi_json.h - one log line as a JSON object, for WSGILogFormat json.
 *
 * Plain tier.
 */
#ifndef WSGI_JSON_H
#define WSGI_JSON_H

#include "wsgi_wire.h"

/* "{" and the members "time" (UTC, RFC 3339) and "level" (0..8 as APLOG_*). */
void wsgi_json_begin(wsgi_buf *b, uint64_t now_us, int level);
/* ,"NAME":"TEXT". Bytes that are no UTF-8 become U+FFFD. NAME is ours. */
void wsgi_json_text(wsgi_buf *b, const char *name, const char *text, size_t n);
/* ,"NAME":VALUE */
void wsgi_json_number(wsgi_buf *b, const char *name, int64_t value);
/* "}" and a newline. */
void wsgi_json_end(wsgi_buf *b);

#endif
