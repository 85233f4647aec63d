/* wsgi_locate.h - where the script of an alias ends and the path info begins.
 *
 * Apache looks for the file of a URL by a stat of the whole path and, as long as
 * there is path info behind it, an lstat of every folder on the way to the file.
 * Of an alias the file is known, and it does not come and go: one look at it
 * serves all requests of a second. Whether its contents have changed is seen
 * elsewhere, at every request. Which <Directory>, <Files> and .htaccess apply,
 * and whether the way leads over symbolic links, is Apache's to find out.
 */
#ifndef WSGI_LOCATE_H
#define WSGI_LOCATE_H

#include "wsgi_module.h"

typedef struct wsgi_sighting wsgi_sighting;     /* when the file was seen, and how it looked */

/* For an alias; lives as long as P. */
wsgi_sighting *wsgi_sighting_new(apr_pool_t *p);

/* Hook map_to_storage: OK, a status, or DECLINED: Apache may look. */
int wsgi_locate(request_rec *r);

/* The file of R is not as it was when it was loaded: has it gone? Returns OK, or
 * HTTP_NOT_FOUND with a line in the log. */
int wsgi_locate_missing(request_rec *r);
/* There is no file for R: logged. Returns HTTP_NOT_FOUND. */
int wsgi_locate_not_found(request_rec *r);

#endif
