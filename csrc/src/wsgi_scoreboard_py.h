/* wsgi_scoreboard_py.h - mod_wsgi.server_metrics. */
#ifndef WSGI_SCOREBOARD_PY_H
#define WSGI_SCOREBOARD_PY_H

#include "wsgi_python.h"

extern PyMethodDef wsgi_scoreboard_methods[];

#endif
