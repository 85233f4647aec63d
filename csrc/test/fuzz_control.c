/* The configuration of a group, as supervisor and host read it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../src/wsgi_control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_cur c = wsgi_cur_of(data, size);
    wsgi_group_config g;

    if (wsgi_group_config_decode(&c, &g) < 0)
        return 0;
    wsgi_group_config_encode(&g, &b);       /* what was understood means the same bytes */
    if (b.failed || b.len != size || memcmp(b.data, data, size) != 0)
        abort();
    free(wsgi_options_title(&g.options));
    wsgi_buf_free(&b);
    wsgi_group_config_free(&g);
    return 0;
}
