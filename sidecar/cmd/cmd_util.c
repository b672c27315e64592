/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <argon2.h>

#include "core/base/pt_buf.h"

#define CMD_SQL_MAX (1024 * 1024)
#define CMD_ARGON2_PASSES 2
#define CMD_ARGON2_KIB 19456
#define CMD_ARGON2_LANES 1
#define CMD_ARGON2_SALT 16
#define CMD_ARGON2_HASH 32


static int                 cmd_database_file(cmd_t *c);
static int                 cmd_option(cmd_t *c, int argc, char **argv, int i,
                                      const cmd_option_t *options, size_t n);
static const cmd_option_t *cmd_option_find(const cmd_option_t *options,
                                           size_t n, const char *name,
                                           size_t len);
static bool                cmd_word_is(char c);


int
cmd_db_error(const db_t *db, const char *doing)
{
    if (strcmp(db->sqlstate, "42P01") == 0
        || strcmp(db->sqlstate, "42883") == 0) {
        return cmd_error("%s: %s - run \"pytake migrate\"", doing, db->error);
    }

    if (db->sqlstate[0] != '\0') {
        return cmd_error("%s: %s (%s)", doing, db->error, db->sqlstate);
    }

    return cmd_error("%s: %s - %s", doing, db->error,
                     db->shut ? CMD_LET_IN
                              : "is the server up and DATABASE_URL right?");
}


int
cmd_no_memory(void)
{
    return cmd_error("out of memory");
}


int
cmd_options(cmd_t *c, int argc, char **argv, const cmd_option_t *options,
            size_t n, const char **words, size_t max)
{
    int    i, used;
    size_t nwords = 0;

    for (i = 0; i < argc; /* void */) {
        if (strncmp(argv[i], "--", 2) == 0) {
            used = cmd_option(c, argc, argv, i, options, n);
            if (used == 0) {
                return CMD_USAGE;
            }
            i += used;
            continue;
        }

        if (nwords == max) {
            cmd_error("\"%s\" is not expected here, see \"pytake help\"",
                      argv[i]);
            return CMD_USAGE;
        }
        words[nwords++] = argv[i++];
    }

    return 0;
}


int
cmd_need(const char *value, const char *option)
{
    if (value == NULL || *value == '\0') {
        cmd_error("--%s is missing, see \"pytake help\"", option);
        return CMD_USAGE;
    }

    return 0;
}


int
cmd_conf(cmd_t *c, unsigned needs)
{
    int      rc;
    char     error[CONF_ERROR_MAX];
    pt_err_t err;

    rc = cmd_database_file(c);
    if (rc != 0) {
        return rc;
    }

    err = conf_load(&c->conf, c->arena, needs, c->database_url, error);
    if (err == PT_EVALIDATION) {
        cmd_error("%s", error);
        return CMD_CONFIG;
    }

    return err == PT_OK ? 0 : cmd_no_memory();
}


int
cmd_connect(cmd_t *c, db_t *db, unsigned needs, cmd_as_e as)
{
    int         rc;
    const char *role;

    memset(db, 0, sizeof(*db));

    rc = cmd_conf(c, needs | CONF_NEED_DATABASE);
    if (rc != 0) {
        return rc;
    }

    role = as == CMD_AS_SERVICE ? c->conf.role_service : NULL;
    if (db_open(db, c->conf.database_url, role, DB_QUERY_TIMEOUT_MS) != PT_OK) {
        if (strcmp(db->sqlstate, "22023") == 0) { /* no such role */
            cmd_error("%s - run \"pytake migrate\"", db->error);
        } else {
            cmd_db_error(db, "cannot use the database");
        }
        db_close(db);
        return CMD_FAILED;
    }

    return 0;
}


int
cmd_roles_put(cmd_t *c, const char *prefix, pt_str_t sql, const char **out)
{
    char        name[PT_DBROLE_MAX + 1], ours[PT_DBROLE_MAX + 1];
    size_t      i, len;
    pt_buf_t    b;
    pt_str_t    whole;
    pt_dbrole_e k;

    pt_buf_init(&b, c->arena, CMD_SQL_MAX);

    for (i = 0; i < sql.len; i += len) {
        for (len = 0; i + len < sql.len && cmd_word_is(sql.data[i + len]);
             len++) {
            /* void */
        }

        for (k = PT_DBROLE_APP; len > 0 && k <= PT_DBROLE_LOOKUP; k++) {
            pt_dbrole_build("pytake", k, name);
            if (strlen(name) == len && memcmp(name, sql.data + i, len) == 0) {
                pt_dbrole_build(prefix, k, ours);
                pt_buf_add(&b, ours, strlen(ours));
                break;
            }
        }

        if (len == 0 || k > PT_DBROLE_LOOKUP) {
            len += len == 0;
            pt_buf_add(&b, sql.data + i, len);
        }
    }
    pt_buf_char(&b, '\0');

    if (pt_buf_get(&b, &whole) != PT_OK) {
        return cmd_no_memory();
    }
    *out = whole.data;

    return 0;
}


int64_t
cmd_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


void
cmd_random(void *out, size_t len)
{
    ssize_t  n;
    uint8_t *p = out;

    while (len > 0) {
        n = getrandom(p, len, 0);
        if (n < 0 && errno != EINTR) {
            cmd_error("getrandom() failed: %s", strerror(errno));
            exit(CMD_FAILED);
        }
        if (n > 0) {
            p += n;
            len -= (size_t) n;
        }
    }
}


void
cmd_uuid(pt_uuid_t *out)
{
    uint8_t rnd[10];

    cmd_random(rnd, sizeof(rnd));
    pt_uuid_v7(cmd_now_us(), rnd, out);
}


void
cmd_uuid_text(const pt_uuid_t *id, char out[PT_UUID_LEN + 1])
{
    pt_uuid_build(id, out);
    out[PT_UUID_LEN] = '\0';
}


void
cmd_password_make(char out[CMD_PASSWORD_LEN + 1])
{
    size_t   i;
    uint16_t rnd[CMD_PASSWORD_LEN];

    /* none that is mistaken for another: 0 1 I O l o are out */
    static const char set[] =
        "23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ";

    cmd_random(rnd, sizeof(rnd));
    for (i = 0; i < CMD_PASSWORD_LEN; i++) {
        out[i] = set[rnd[i] % (sizeof(set) - 1)];
    }
    out[CMD_PASSWORD_LEN] = '\0';
}


pt_err_t
cmd_password_hash(pt_str_t password, char out[CMD_PHC_MAX])
{
    int     rc;
    uint8_t salt[CMD_ARGON2_SALT];

    cmd_random(salt, sizeof(salt));
    rc = argon2id_hash_encoded(
        CMD_ARGON2_PASSES, CMD_ARGON2_KIB, CMD_ARGON2_LANES, password.data,
        password.len, salt, sizeof(salt), CMD_ARGON2_HASH, out, CMD_PHC_MAX);

    return rc == ARGON2_OK ? PT_OK : PT_ENOMEM;
}


bool
cmd_password_is(pt_str_t password, const char *phc)
{
    return argon2id_verify(phc, password.data, password.len) == ARGON2_OK;
}


int
cmd_read_file(cmd_t *c, const char *path, size_t max, pt_str_t *out)
{
    int     fd;
    char   *buf;
    size_t  len = 0;
    ssize_t n = 0;

    buf = pt_arena_alloc(c->arena, max + 2);
    if (buf == NULL) {
        return cmd_no_memory();
    }

    fd = strcmp(path, "-") == 0 ? STDIN_FILENO
                                : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cmd_error("cannot open \"%s\": %s", path, strerror(errno));
    }

    while (len <= max && (n = read(fd, buf + len, max + 1 - len)) > 0) {
        len += (size_t) n;
    }
    if (fd != STDIN_FILENO) {
        close(fd);
    }

    if (n < 0) {
        return cmd_error("cannot read \"%s\": %s", path, strerror(errno));
    }
    if (len > max) {
        return cmd_error("\"%s\" is longer than %zu bytes", path, max);
    }

    if (len > 0 && buf[len - 1] == '\n') {
        len--;
        if (len > 0 && buf[len - 1] == '\r') {
            len--;
        }
    }
    buf[len] = '\0';
    *out = (pt_str_t){ buf, len };

    return 0;
}


int
cmd_tenant_find(db_t *db, const char *name, pt_uuid_t *id)
{
    pytake_rows_t rows;

    PT_SQL(db_sql(db), cmd_tenant_find, .name = db_str(name));
    if (db_run(db, &rows) != PT_OK) {
        return cmd_db_error(db, "cannot look up the tenant");
    }

    if (rows.nrows == 0) {
        return cmd_error("there is no tenant \"%s\", see \"pytake tenant "
                         "list\"",
                         name);
    }
    if (rows.nrows > 1) {
        return cmd_error("several tenants are called \"%s\", name one by its "
                         "id",
                         name);
    }
    (void) pt_cell_uuid(&rows, 0, PT_COL_CMD_TENANT_FIND_ID, id);

    return 0;
}


pt_err_t
cmd_audit(db_t *db, const pt_uuid_t *tenant, const char *action,
          const pt_uuid_t *object)
{
    pt_uuid_t id;

    cmd_uuid(&id);
    PT_SQL(db_sql(db), cmd_audit_add, .tenant_id = tenant, .id = &id,
           .action = db_str(action), .object = object);

    return db_run(db, NULL);
}


pt_err_t
cmd_token_seal(cmd_t *c, const pt_uuid_t *tenant, const pt_uuid_t *config,
               pt_str_t token, pt_str_t *out)
{
    uint8_t         nonce[12];
    const pt_uuid_t ids[] = { *tenant, *config };

    cmd_random(nonce, sizeof(nonce));

    return pt_seal(c->arena, c->conf.key, nonce,
                   (pt_str_t){ (const char *) ids, sizeof(ids) }, token, out);
}


bool
cmd_token_opens(cmd_t *c, const pt_uuid_t *tenant, const pt_uuid_t *config,
                pt_str_t sealed)
{
    pt_str_t        token;
    const pt_uuid_t ids[] = { *tenant, *config };

    return pt_seal_open(c->arena, c->conf.key,
                        (pt_str_t){ (const char *) ids, sizeof(ids) }, sealed,
                        &token)
           == PT_OK;
}


/* --database-url-file takes the place of --database-url. */
static int
cmd_database_file(cmd_t *c)
{
    int      rc;
    pt_str_t url;

    if (c->database_url_file == NULL) {
        return 0;
    }

    if (c->database_url != NULL) {
        cmd_error("--database-url and --database-url-file are both given, "
                  "only one may be");
        return CMD_USAGE;
    }

    rc = cmd_read_file(c, c->database_url_file, CONF_SECRET_MAX, &url);
    if (rc != 0) {
        return CMD_CONFIG;
    }
    c->database_url = url.data;
    c->database_url_file = NULL;

    return 0;
}


/* How many arguments were used; 0 after a message. */
static int
cmd_option(cmd_t *c, int argc, char **argv, int i, const cmd_option_t *options,
           size_t n)
{
    size_t              len;
    const char         *name = argv[i] + 2, *value = strchr(name, '=');
    const cmd_option_t *o;

    const cmd_option_t common[] = {
        { "database-url", &c->database_url, NULL },
        { "database-url-file", &c->database_url_file, NULL },
    };

    len = value != NULL ? (size_t) (value++ - name) : strlen(name);

    o = cmd_option_find(common, PT_COUNT(common), name, len);
    if (o == NULL) {
        o = cmd_option_find(options, n, name, len);
    }
    if (o == NULL) {
        cmd_error("unknown option \"%s\", see \"pytake help\"", argv[i]);
        return 0;
    }

    if (o->flag != NULL) {
        if (value != NULL) {
            cmd_error("--%s takes no value", o->name);
            return 0;
        }
        *o->flag = true;
        return 1;
    }

    if (value == NULL && i + 1 == argc) {
        cmd_error("--%s needs a value", o->name);
        return 0;
    }
    *o->value = value != NULL ? value : argv[i + 1];

    return value != NULL ? 1 : 2;
}


static const cmd_option_t *
cmd_option_find(const cmd_option_t *options, size_t n, const char *name,
                size_t len)
{
    size_t k;

    for (k = 0; k < n; k++) {
        if (strlen(options[k].name) == len
            && memcmp(options[k].name, name, len) == 0) {
            return &options[k];
        }
    }

    return NULL;
}


static bool
cmd_word_is(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '$'
           || (unsigned char) c >= 0x80;
}
