/* wsgi_host_tables.h - the tables that a program was loaded with. */
#ifndef WSGI_HOST_TABLES_H
#define WSGI_HOST_TABLES_H

#include <stddef.h>

/* Give back the pages of relocation tables. The loader has read them from end to
 * end, libpython's alone are a megabyte, and nobody does again. They belong to the
 * files: should somebody look after all, they are there. Returns how many bytes. */
size_t wsgi_host_tables_release(void);

#endif
