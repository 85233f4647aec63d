/* wsgi_tally_py.h - mod_wsgi.start_recording_metrics, request_metrics and
 * process_metrics. */
#ifndef WSGI_TALLY_PY_H
#define WSGI_TALLY_PY_H

#include "wsgi_python.h"

extern PyMethodDef wsgi_tally_methods[];

#endif
