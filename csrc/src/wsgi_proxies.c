/* wsgi_proxies.c - see wsgi_proxies.h. */
#include "wsgi_proxies.h"

#include "apr_lib.h"
#include "apr_strings.h"

static const char *add_proxy(cmd_parms *cmd, wsgi_dir_config *config, const char *word)
{
    wsgi_network network;

    if (wsgi_network_parse(word, &network) < 0)
        return apr_psprintf(cmd->pool, "%s: '%s' is not an IP address or network; give addresses "
                            "such as 10.0.0.1 or ::1 and networks such as 10.0.0.0/8 or fe80::/10, "
                            "no host names", cmd->cmd->name, word);
    if (config->trusted_proxies == NULL)
        config->trusted_proxies = apr_array_make(cmd->pool, 4, sizeof(wsgi_network));
    APR_ARRAY_PUSH(config->trusted_proxies, wsgi_network) = network;
    return NULL;
}

/* Letters, digits and hyphens reach applications, and underscores stand for
 * hyphens; with anything else in it, such as a comma, it is a slip. */
static int is_header_name(const char *word)
{
    if (*word == '\0')
        return 0;
    for (; *word != '\0'; word++)
        if (!apr_isalnum(*word) && *word != '-' && *word != '_')
            return 0;
    return 1;
}

static const char *add_header(cmd_parms *cmd, wsgi_dir_config *config, const char *word)
{
    int place = wsgi_forwarded_find_declared(word);

    if (!is_header_name(word))
        return apr_psprintf(cmd->pool, "%s: '%s' is not the name of a header; give names such as "
                            "X-Forwarded-For, with white space between them", cmd->cmd->name, word);
    if (config->trusted_headers == NULL)
        config->trusted_headers = apr_array_make(cmd->pool, 4, sizeof(uint8_t));
    if (place >= 0)
        APR_ARRAY_PUSH(config->trusted_headers, uint8_t) = (uint8_t)place;
    else if (ap_check_cmd_context(cmd, NOT_IN_HTACCESS) == NULL)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, cmd->server, WSGI_MSG(0100) "%s at %s:%d: the header "
                     "'%s' has no meaning here and is ignored; docs/directives.md lists those that have",
                     cmd->cmd->name, cmd->directive->filename, cmd->directive->line_num, word);
    return NULL;
}

/* Give every word of ARGS to ADD. AP_INIT_ITERATE would stop at an empty word and
 * drop those behind it without a sound. */
static const char *each_word(cmd_parms *cmd, void *config, const char *args,
                             const char *(*add)(cmd_parms *, wsgi_dir_config *, const char *))
{
    const char *error = NULL;

    if (*args == '\0')
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " requires at least one argument, ",
                           cmd->cmd->errmsg, NULL);
    while (error == NULL && *args != '\0')
        error = add(cmd, config, ap_getword_conf(cmd->pool, &args));
    return error;
}

const char *wsgi_proxies_set_proxies(cmd_parms *cmd, void *dir, const char *args)
{
    return each_word(cmd, dir, args, add_proxy);
}

const char *wsgi_proxies_set_headers(cmd_parms *cmd, void *dir, const char *args)
{
    return each_word(cmd, dir, args, add_header);
}

/* Apache joins a header that was sent twice; this joins what modules added. */
static const char *joined(apr_pool_t *p, const char *before, const char *value)
{
    return before == NULL ? value : apr_pstrcat(p, before, ", ", value, NULL);
}

/* Keep what lies within another text, as a text of its own. */
static void keep(apr_pool_t *p, wsgi_forwarded_text *text)
{
    if (text->data != NULL)
        text->data = apr_pstrmemdup(p, text->data, text->len);
}

int wsgi_proxies_judge(request_rec *r, wsgi_forwarded_changes *out)
{
    const wsgi_dir_config *dir = wsgi_config_dir(r);
    const apr_array_header_t *headers = apr_table_elts(r->headers_in);
    const apr_table_entry_t *e = (const apr_table_entry_t *)headers->elts;
    const char *values[WSGI_FORWARDED_HEADERS];
    wsgi_forwarded_rules rules = { NULL, 0, NULL, 0 };
    int i, place;

    if (dir->trusted_headers == NULL || dir->trusted_headers->nelts == 0)
        return 0;
    memset(values, 0, sizeof(values));
    rules.declared = (const uint8_t *)dir->trusted_headers->elts;
    rules.ndeclared = (size_t)dir->trusted_headers->nelts;
    if (dir->trusted_proxies != NULL) {
        rules.trusted = (const wsgi_network *)dir->trusted_proxies->elts;
        rules.ntrusted = (size_t)dir->trusted_proxies->nelts;
    }
    for (i = 0; i < headers->nelts; i++)
        if (e[i].key != NULL && e[i].val != NULL && (place = wsgi_forwarded_find(e[i].key)) >= 0)
            values[place] = joined(r->pool, values[place], e[i].val);
    wsgi_forwarded_judge(&rules, r->useragent_ip, values, out);
    keep(r->pool, &out->value[WSGI_FORWARDED_CLIENT]);
    if (out->chain != NULL) {
        char *text = apr_palloc(r->pool, 2 * strlen(out->chain) + 1);

        wsgi_forwarded_join(out->chain, text);
        out->chain = text;
    }
    return 1;
}

int wsgi_proxies_hides(const wsgi_forwarded_changes *changes, const char *name)
{
    int place = wsgi_forwarded_find(name);

    return place >= 0 && (changes->hidden & 1u << place) != 0;
}
