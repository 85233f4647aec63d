/* Apache's scoreboard as a daemon process reads it from memory that others write:
 * whatever is there, no count and no length leads outside of it. */
#include "fuzz.h"

#include "../src/wsgi_scoreboard.h"

static void look(wsgi_str s)
{
    volatile char last = s.len > 0 ? s.data[s.len - 1] : '\0';

    (void)last;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wsgi_cur in = wsgi_cur_of(data, size);
    wsgi_score_process p;
    wsgi_score_worker w;
    wsgi_score s;
    uint32_t i, k;

    if (wsgi_score_get(&in, &s) < 0)
        return 0;
    for (i = 0; i < s.nprocesses; i++) {
        if (wsgi_score_get_process(&in, &p) < 0)
            return 0;
        for (k = 0; k < p.nworkers; k++) {
            if (wsgi_score_get_worker(&in, &w) < 0)
                return 0;
            MUST(w.status < 0x80);
            look(w.client);
            look(w.request);
            look(w.vhost);
        }
    }
    MUST(in.left <= size);
    fuzz_accepted++;
    return 0;
}
