/* wsgi_module.h - what every file of mod_wsgi.so shares: the module record, by
 * which Apache finds our configuration and our log level, and the numbers that
 * log lines from warning up carry.
 *
 * Each number stands for one text and is explained in docs/messages.md. Ours:
 *   0100-0199 configuration    0200-0299 request and relay
 *   0300-0349 groups           0350-0399 embedded mode
 */
#ifndef WSGI_MODULE_H
#define WSGI_MODULE_H

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"

extern module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) wsgi_module;
APLOG_USE_MODULE(wsgi);

#define WSGI_MSG(number) "WSGIM" #number ": "

#endif
