/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "pt_conninfo.h"
#include "pt_pg_int.h"
#include "pt_resolve.h"

#define PT_CONNINFO_HOST_MAX PT_RESOLVE_HOST_MAX
#define PT_CONNINFO_ADDR_MAX PT_RESOLVE_ADDR_MAX
#define PT_CONNINFO_PORT_MAX 16
#define PT_CONNINFO_LIST_MAX (PT_CONNINFO_ADDRS_MAX * PT_CONNINFO_HOST_MAX)


/* One place to connect to.  addr is "" of a unix socket, and of a name that
 * still has to be resolved, for which named is true. */
typedef struct {
    char host[PT_CONNINFO_HOST_MAX];
    char addr[PT_CONNINFO_ADDR_MAX];
    char port[PT_CONNINFO_PORT_MAX];
    bool named;
} pt_conninfo_addr_t;

typedef struct {
    uint32_t           n;
    pt_conninfo_addr_t a[PT_CONNINFO_ADDRS_MAX];
} pt_conninfo_list_t;

/* A refresh in a thread.  It owns copies of what it reads, since ci may be
 * deleted meanwhile; ci is NULL then. */
typedef struct {
    pt_conninfo_t     *ci;
    pt_mem_t           mem;
    pt_conninfo_list_t names;
    pt_conninfo_list_t found;
} pt_conninfo_job_t;

struct pt_conninfo_s {
    pt_loop_t         *loop;
    pt_mem_t           mem;
    PQconninfoOption  *parsed;
    char              *options;
    bool               fixed; /* hosts stay as libpq finds them */
    bool               has_names;
    uint32_t           first; /* address to begin with, modulo addrs.n */
    char               app_name[64];
    int64_t            refreshed_ms;
    pt_conninfo_job_t *job;
    pt_conninfo_list_t names; /* as written */
    pt_conninfo_list_t addrs; /* as resolved */
    const char        *keywords[PT_CONNINFO_KEYS_MAX];
    const char        *values[PT_CONNINFO_KEYS_MAX];
    char               hosts[PT_CONNINFO_LIST_MAX];
    char               hostaddrs[PT_CONNINFO_LIST_MAX];
    char               ports[PT_CONNINFO_LIST_MAX];
};

typedef struct {
    const char *keyword;
    const char *value;
} pt_conninfo_pair_t;


static pt_err_t    pt_conninfo_parse(pt_conninfo_t *ci, const char *conninfo,
                                     const char **why);
static const char *pt_conninfo_find(const pt_conninfo_t *ci,
                                    const char          *keyword);
static const char *pt_conninfo_environment(const PQconninfoOption *defs,
                                           const char             *keyword);
static pt_err_t    pt_conninfo_split(pt_conninfo_t *ci, const char *hosts,
                                     const char *ports);
static bool        pt_conninfo_item(const char *list, uint32_t n, char *out,
                                    size_t size);
static void        pt_conninfo_resolve(const pt_conninfo_list_t *names,
                                       pt_conninfo_list_t       *out);
static void        pt_conninfo_lookup(const pt_conninfo_addr_t *name,
                                      pt_conninfo_list_t       *out);
static void        pt_conninfo_work(void *data);
static void        pt_conninfo_done(void *data);
static pt_err_t    pt_conninfo_options(pt_conninfo_t        *ci,
                                       const pt_pool_conf_t *conf);
static size_t      pt_conninfo_set(char *out, size_t size, size_t len,
                                   const char *name, const char *value);
static void        pt_conninfo_lists(pt_conninfo_t *ci);
static void        pt_conninfo_append(char *list, const char *item, bool first);


/* Of a keyword that comes twice libpq takes the last one.  The strong pairs
 * come after those of the connection string and so win; of the weak ones a
 * connection string may set its own. */

static const pt_conninfo_pair_t pt_conninfo_strong[] = {
    { "client_encoding", "UTF8" },
    { "tcp_user_timeout", "5000" },
    { "keepalives", "1" }
};

static const pt_conninfo_pair_t pt_conninfo_weak[] = {
    { "keepalives_idle", "30" },
    { "keepalives_interval", "5" },
    { "keepalives_count", "3" },
    { "gssencmode", "disable" } /* Kerberos does IO that blocks */
};


pt_err_t
pt_conninfo_new(pt_loop_t *loop, const pt_pool_conf_t *conf,
                const pt_conninfo_t *like, pt_conninfo_t **out)
{
    pt_err_t       err;
    const char    *why = "";
    pt_conninfo_t *ci;

    assert(conf->conninfo != NULL);
    ci = conf->mem.alloc(conf->mem.user, sizeof(pt_conninfo_t));
    if (ci == NULL) {
        return PT_ENOMEM;
    }
    memset(ci, 0, sizeof(*ci));
    ci->loop = loop;
    ci->mem = conf->mem;
    (void) snprintf(ci->app_name, sizeof(ci->app_name), "%s",
                    (conf->app_name == NULL) ? "pytake" : conf->app_name);

    err = pt_conninfo_parse(ci, conf->conninfo, &why);
    if (err != PT_OK) {
        loop->ops->log(loop, PT_LOG_ERR,
                       "pytake: the database connection string %s", why);
    } else {
        err = pt_conninfo_options(ci, conf);
    }
    if (err != PT_OK) {
        pt_conninfo_del(ci);
        return err;
    }
    if (like != NULL) {
        ci->addrs = like->addrs;

    } else if (!ci->fixed) {
        pt_conninfo_resolve(&ci->names, &ci->addrs);
        if (ci->addrs.n == 0) {
            loop->ops->log(
                loop, PT_LOG_WARN,
                "pytake: no address found for the database host \"%s\", "
                "trying again",
                ci->names.a[0].host);
        }
    }
    ci->refreshed_ms = loop->ops->now_ms(loop);
    *out = ci;
    return PT_OK;
}


pt_err_t
pt_conninfo_check(const pt_mem_t *mem, const char *conninfo, const char **why,
                  bool *password)
{
    pt_err_t       err;
    pt_conninfo_t *ci;

    *why = "could not be read: out of memory";
    ci = mem->alloc(mem->user, sizeof(pt_conninfo_t));
    if (ci == NULL) {
        return PT_ENOMEM;
    }
    memset(ci, 0, sizeof(*ci));
    ci->mem = *mem;
    err = pt_conninfo_parse(ci, conninfo, why);
    if (err == PT_OK) {
        *password = pt_conninfo_find(ci, "password") != NULL;
    }
    pt_conninfo_del(ci);
    return err;
}


void
pt_conninfo_del(pt_conninfo_t *ci)
{
    if (ci->job != NULL) {
        ci->job->ci = NULL;
    }
    if (ci->parsed != NULL) {
        PQconninfoFree(ci->parsed);
    }
    if (ci->options != NULL) {
        ci->mem.free(ci->mem.user, ci->options);
    }
    ci->mem.free(ci->mem.user, ci);
}


pt_err_t
pt_conninfo_role(const char *conninfo, pt_dbrole_e kind,
                 char out[PT_DBROLE_MAX + 1])
{
    char              prefix[PT_DBROLE_PREFIX_MAX + 1];
    pt_err_t          err;
    const char       *name;
    PQconninfoOption *parsed, *defs;

    parsed = PQconninfoParse(conninfo, NULL);
    if (parsed == NULL) {
        return PT_EVALIDATION;
    }
    defs = PQconndefaults();
    if (defs == NULL) {
        PQconninfoFree(parsed);
        return PT_ENOMEM;
    }

    if ((name = pt_conninfo_environment(parsed, "dbname")) == NULL
        && (name = pt_conninfo_environment(defs, "dbname")) == NULL
        && (name = pt_conninfo_environment(parsed, "user")) == NULL
        && (name = pt_conninfo_environment(defs, "user")) == NULL)
    {
        name = "";
    }
    err = pt_dbrole_prefix((pt_str_t){ name, strlen(name) }, prefix);
    if (err == PT_OK) {
        pt_dbrole_build(prefix, kind, out);
    }
    PQconninfoFree(parsed);
    PQconninfoFree(defs);
    return err;
}


void
pt_conninfo_refresh(pt_conninfo_t *ci)
{
    int64_t            now = ci->loop->ops->now_ms(ci->loop);
    int64_t            every;
    pt_conninfo_job_t *job;

    every = (ci->addrs.n == 0) ? PT_PG_RECONNECT_MS : PT_PG_REFRESH_MS;
    if (!ci->has_names || ci->job != NULL || now - ci->refreshed_ms < every) {
        return;
    }
    job = ci->mem.alloc(ci->mem.user, sizeof(pt_conninfo_job_t));
    if (job == NULL) {
        return; /* the old addresses stay in use */
    }
    job->ci = ci;
    job->mem = ci->mem;
    job->names = ci->names;
    job->found.n = 0;
    if (ci->loop->ops->work(ci->loop, pt_conninfo_work, pt_conninfo_done, job)
        != PT_OK)
    {
        ci->mem.free(ci->mem.user, job);
        return;
    }
    ci->refreshed_ms = now;
    ci->job = job;
}


bool
pt_conninfo_is_ready(const pt_conninfo_t *ci)
{
    return ci->fixed || ci->addrs.n > 0;
}


void
pt_conninfo_rotate(pt_conninfo_t *ci)
{
    ci->first++;
}


pt_err_t
pt_conninfo_get(pt_conninfo_t *ci, const char *const **keywords,
                const char *const **values)
{
    size_t                  i, n;
    const char             *v;
    const PQconninfoOption *o;

    assert(pt_conninfo_is_ready(ci));
    n = 0;
    for (o = ci->parsed; o->keyword != NULL; o++) {
        if (o->val == NULL || strcmp(o->keyword, "options") == 0
            || (!ci->fixed
                && (strcmp(o->keyword, "host") == 0
                    || strcmp(o->keyword, "port") == 0)))
        {
            continue;
        }
        if (n + 16 > PT_CONNINFO_KEYS_MAX) {
            return PT_ENOMEM;
        }
        ci->keywords[n] = o->keyword;
        ci->values[n++] = o->val;
    }
    for (i = 0; i < PT_COUNT(pt_conninfo_weak); i++) {
        v = pt_conninfo_find(ci, pt_conninfo_weak[i].keyword);
        if (v == NULL) {
            ci->keywords[n] = pt_conninfo_weak[i].keyword;
            ci->values[n++] = pt_conninfo_weak[i].value;
        }
    }
    for (i = 0; i < PT_COUNT(pt_conninfo_strong); i++) {
        ci->keywords[n] = pt_conninfo_strong[i].keyword;
        ci->values[n++] = pt_conninfo_strong[i].value;
    }
    ci->keywords[n] = "fallback_application_name";
    ci->values[n++] = ci->app_name;
    if (!ci->fixed) {
        pt_conninfo_lists(ci);
        ci->keywords[n] = "host";
        ci->values[n++] = ci->hosts;
        ci->keywords[n] = "hostaddr";
        ci->values[n++] = ci->hostaddrs;
        ci->keywords[n] = "port";
        ci->values[n++] = ci->ports;
    }
    ci->keywords[n] = "options";
    ci->values[n++] = ci->options;
    ci->keywords[n] = NULL;
    ci->values[n] = NULL;
    *keywords = ci->keywords;
    *values = ci->values;
    return PT_OK;
}


/* Reads PGHOST and PGPORT of the environment, too, and makes them explicit, so
 * that libpq finds no name there later. */

static pt_err_t
pt_conninfo_parse(pt_conninfo_t *ci, const char *conninfo, const char **why)
{
    char             *reason = NULL;
    pt_err_t          err;
    const char       *host, *port;
    PQconninfoOption *defs;

    ci->parsed = PQconninfoParse(conninfo, &reason);
    if (ci->parsed == NULL) {
        /* libpq's reason may quote the string with its password, so it is not
         * shown */
        *why = "is not a connection string of PostgreSQL";
        err = (reason == NULL) ? PT_ENOMEM : PT_EVALIDATION;
        PQfreemem(reason);
        return err;
    }
    if (pt_conninfo_find(ci, "service") != NULL) {
        *why = "has a service, which is not supported";
        return PT_EVALIDATION;
    }
    if (pt_conninfo_find(ci, "hostaddr") != NULL) {
        ci->fixed = true;
        return PT_OK;
    }
    defs = PQconndefaults();
    if (defs == NULL) {
        *why = "could not be read: out of memory";
        return PT_ENOMEM;
    }
    host = pt_conninfo_find(ci, "host");
    port = pt_conninfo_find(ci, "port");
    if (host == NULL) {
        host = pt_conninfo_environment(defs, "host");
    }
    if (port == NULL) {
        port = pt_conninfo_environment(defs, "port");
    }
    if (host == NULL) {
        ci->fixed = true; /* PGHOSTADDR, or the usual unix socket */
        err = PT_OK;
    } else {
        *why = "has a host that is too long, or too many of them";
        err = pt_conninfo_split(ci, host, (port == NULL) ? "" : port);
    }
    PQconninfoFree(defs);
    return err;
}


static const char *
pt_conninfo_find(const pt_conninfo_t *ci, const char *keyword)
{
    return pt_conninfo_environment(ci->parsed, keyword);
}


static const char *
pt_conninfo_environment(const PQconninfoOption *defs, const char *keyword)
{
    for (; defs->keyword != NULL; defs++) {
        if (strcmp(defs->keyword, keyword) == 0) {
            return (defs->val != NULL && defs->val[0] != '\0') ? defs->val
                                                               : NULL;
        }
    }
    return NULL;
}


static pt_err_t
pt_conninfo_split(pt_conninfo_t *ci, const char *hosts, const char *ports)
{
    bool                one_port;
    uint32_t            n;
    pt_conninfo_addr_t *a;

    one_port = strchr(ports, ',') == NULL;
    while (ci->names.n < PT_CONNINFO_ADDRS_MAX) {
        a = &ci->names.a[ci->names.n];
        if (!pt_conninfo_item(hosts, ci->names.n, a->host, sizeof(a->host))) {
            break;
        }
        if (!pt_conninfo_item(ports, one_port ? 0 : ci->names.n, a->port,
                              sizeof(a->port)))
        {
            a->port[0] = '\0';
        }
        if (a->host[0] == '\0' || a->host[0] == '/' || a->host[0] == '@') {
            a->addr[0] = '\0'; /* a unix socket */

        } else if (pt_resolve_is_addr(a->host)) {
            memcpy(a->addr, a->host, sizeof(a->addr)); /* an address fits */

        } else {
            a->named = true;
            ci->has_names = true;
        }
        ci->names.n++;
    }
    for (n = 1; *hosts != '\0'; hosts++) {
        n += (*hosts == ',');
    }
    return ci->names.n == n ? PT_OK : PT_EVALIDATION;
}


/* Copies the n-th item of a comma-separated list to out.  false: the list is
 * shorter, or the item does not fit. */

static bool
pt_conninfo_item(const char *list, uint32_t n, char *out, size_t size)
{
    size_t      len;
    const char *comma;

    for (; n > 0; n--) {
        comma = strchr(list, ',');
        if (comma == NULL) {
            return false;
        }
        list = comma + 1;
    }
    comma = strchr(list, ',');
    len = (comma == NULL) ? strlen(list) : (size_t) (comma - list);
    if (len >= size) {
        return false;
    }
    memcpy(out, list, len);
    out[len] = '\0';
    return true;
}


static void
pt_conninfo_resolve(const pt_conninfo_list_t *names, pt_conninfo_list_t *out)
{
    uint32_t i;

    out->n = 0;
    for (i = 0; i < names->n; i++) {
        if (names->a[i].named) {
            pt_conninfo_lookup(&names->a[i], out);

        } else if (out->n < PT_CONNINFO_ADDRS_MAX) {
            out->a[out->n++] = names->a[i];
        }
    }
}


static void
pt_conninfo_lookup(const pt_conninfo_addr_t *name, pt_conninfo_list_t *out)
{
    uint32_t            i;
    pt_addrs_t          found;
    pt_conninfo_addr_t *a;

    pt_resolve_host(name->host, &found);
    for (i = 0; i < found.n && out->n < PT_CONNINFO_ADDRS_MAX; i++) {
        a = &out->a[out->n++];
        *a = *name;
        memcpy(a->addr, found.addr[i], sizeof(a->addr));
    }
}


static void
pt_conninfo_work(void *data)
{
    pt_conninfo_job_t *job = data;

    pt_conninfo_resolve(&job->names, &job->found);
}


static void
pt_conninfo_done(void *data)
{
    pt_conninfo_t     *ci;
    pt_conninfo_job_t *job = data;

    ci = job->ci;
    if (ci != NULL) {
        ci->job = NULL;
        if (job->found.n > 0) {
            ci->addrs = job->found;
        }
    }
    job->mem.free(job->mem.user, job);
}


/* Builds "options" with the settings of a session: those hold before the first
 * statement, and RESET does not undo them. */

static pt_err_t
pt_conninfo_options(pt_conninfo_t *ci, const pt_pool_conf_t *conf)
{
    char        num[16];
    size_t      size, len;
    const char *theirs = pt_conninfo_find(ci, "options");

    size = 1024 + (theirs == NULL ? 0 : strlen(theirs))
           + (conf->role == NULL ? 0 : 2 * strlen(conf->role));
    ci->options = ci->mem.alloc(ci->mem.user, size);
    if (ci->options == NULL) {
        return PT_ENOMEM;
    }
    ci->options[0] = '\0';
    len = 0;
    if (conf->role != NULL) {
        len = pt_conninfo_set(ci->options, size, len, "role", conf->role);
    }
    (void) snprintf(num, sizeof(num), "%u", conf->statement_timeout_ms);
    len = pt_conninfo_set(ci->options, size, len, "statement_timeout", num);
    (void) snprintf(num, sizeof(num), "%u", conf->lock_timeout_ms);
    len = pt_conninfo_set(ci->options, size, len, "lock_timeout", num);
    len = pt_conninfo_set(ci->options, size, len,
                          "idle_in_transaction_session_timeout", "5000");
    len = pt_conninfo_set(ci->options, size, len, "plan_cache_mode",
                          "force_generic_plan");
    len = pt_conninfo_set(ci->options, size, len, "TimeZone", "UTC");
    len = pt_conninfo_set(ci->options, size, len, "client_encoding", "UTF8");
    len = pt_conninfo_set(ci->options, size, len, "jit", "off");
    if (theirs == NULL || strstr(theirs, "search_path") == NULL) {
        len = pt_conninfo_set(ci->options, size, len, "search_path",
                              "pg_catalog,public,pg_temp");
    }
    if (theirs != NULL) {
        (void) snprintf(ci->options + len, size - len, " %s", theirs);
    }
    return PT_OK;
}


/* Appends "-c name=value" and returns the new length.  The server splits
 * options at blanks, so blanks and backslashes of the value are escaped
 * (PostgreSQL, libpq, "options"). */

static size_t
pt_conninfo_set(char *out, size_t size, size_t len, const char *name,
                const char *value)
{
    int n;

    n = snprintf(out + len, size - len, "%s-c %s=", len == 0 ? "" : " ", name);
    assert(n > 0 && (size_t) n < size - len);
    len += (size_t) n;
    for (; *value != '\0'; value++) {
        assert(len + 3 < size);
        if (*value == ' ' || *value == '\\') {
            out[len++] = '\\';
        }
        out[len++] = *value;
    }
    out[len] = '\0';
    return len;
}


static void
pt_conninfo_lists(pt_conninfo_t *ci)
{
    uint32_t                  i;
    const pt_conninfo_addr_t *a;

    for (i = 0; i < ci->addrs.n; i++) {
        a = &ci->addrs.a[(ci->first + i) % ci->addrs.n];
        pt_conninfo_append(ci->hosts, a->host, i == 0);
        pt_conninfo_append(ci->hostaddrs, a->addr, i == 0);
        pt_conninfo_append(ci->ports, a->port, i == 0);
    }
}


static void
pt_conninfo_append(char *list, const char *item, bool first)
{
    size_t len = first ? 0 : strlen(list);

    assert(len < PT_CONNINFO_LIST_MAX);
    (void) snprintf(list + len, PT_CONNINFO_LIST_MAX - len, "%s%s",
                    first ? "" : ",", item);
}
