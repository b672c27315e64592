/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What is said in the demo: signed webhooks and agents' answers, given to
 * the core as a worker would.
 */

#include "cmd_demo.h"

#include <stdio.h>

#include "cmd_op.h"

#define TALK_SECRET_LEN 32
#define TALK_BODY_MAX 16384
#define TALK_ARRIVES_US 1200000 /* after it was said */
#define TALK_SENT_US 900000
#define TALK_DELIVERED_US 2100000
#define TALK_READ_US 40000000

typedef enum {
    TALK_IN = 0,
    TALK_PLACE,
    TALK_SENT, /* what became of an answer */
    TALK_DELIVERED,
    TALK_READ
} talk_kind_t;

typedef struct {
    const char *name;
    const char *wa_id; /* 1 ... 555-01xx is set aside for fiction */
} talk_contact_t;

typedef struct {
    int         minutes_ago;
    int         contact;
    talk_kind_t kind;
    const char *text;
} talk_line_t;

typedef struct {
    cmd_t               *cmd;
    db_t                *db;  /* sees everything */
    db_t                 app; /* as a worker */
    pytake_t            *pt;
    uint8_t              secret[TALK_SECRET_LEN];
    const demo_cast_t   *cast;
    const demo_tenant_t *tenant;
    int                  which;
    int64_t              now_us;
    pt_str_t             bearer;
    unsigned             said; /* for wamids */
} talk_t;

static int  talk_is_there(talk_t *t, bool *there);
static int  talk_begin(talk_t *t);
static int  talk_tenant(talk_t *t);
static int  talk_login(talk_t *t, int64_t now_us);
static int  talk_logout(talk_t *t, int64_t now_us);
static int  talk_in(talk_t *t, const talk_line_t *l, int64_t at_us);
static int  talk_out(talk_t *t, const talk_line_t *l, int64_t at_us);
static int  talk_conversation(talk_t *t, const char *wa_id,
                              char id[PT_UUID_LEN + 1]);
static int  talk_status(talk_t *t, const char *status, const char *wa_id,
                        pt_str_t wamid, pt_str_t message_id, int64_t at_us);
static void talk_body_begin(talk_t *t, pt_buf_t *b, pt_jw_t *w);
static int  talk_webhook(talk_t *t, pt_buf_t *b, pt_jw_t *w, int64_t now_us);
static int  talk_post(talk_t *t, const char *path, pt_str_t body,
                      pt_str_t bearer, int status, int64_t now_us,
                      pt_json_t **out);
static int  talk_run(talk_t *t, const pytake_request_t *req, int status,
                     int64_t now_us, pt_json_t **out);
static pt_err_t talk_wamid(talk_t *t, pt_str_t *out);
static void     talk_str(pt_jw_t *w, const char *key, const char *value);

static const talk_contact_t talk_contacts[DEMO_TENANTS][6] = {
    {
        { "Marina Costa", "12025550111" },
        { "João Batista", "12025550112" },
        { "Helena Dias", "12025550113" },
        { "Tiago Melo", "12025550114" },
        { "Bruna Freitas", "12025550115" },
        { "Otávio Luz", "12025550116" },
    },
    {
        { "Renato Alves", "12025550121" },
        { "Carla Teles", "12025550122" },
        { "Paulo Sá", "12025550123" },
        { "Nina Rocha", "12025550124" },
        { "Hugo Maia", "12025550125" },
        { "Vera Lopes", "12025550126" },
    },
};

/* Oldest first; the event log is written in this order. */
static const talk_line_t talk_lines[DEMO_TENANTS][32] = {
    {
        { 1140, 0, TALK_IN, "Bom dia! Vocês fazem bolo por encomenda?" },
        { 1137, 0, TALK_READ,
          "Bom dia, Marina! Fazemos sim. Para quantas "
          "pessoas e para que dia?" },
        { 1135, 0, TALK_IN,
          "Para 30 pessoas, no sábado. De chocolate com "
          "morango 🍓" },
        { 1131, 0, TALK_READ,
          "Anotado: chocolate com morango, 30 pessoas, "
          "sábado às 10h. Fica R$ 180,00." },
        { 1129, 0, TALK_IN, "Perfeito, pode confirmar!" },
        { 905, 1, TALK_IN, "Oi, a que horas sai o pão francês da tarde?" },
        { 899, 1, TALK_DELIVERED, "Olá, João! Sai às 15h30 e às 17h30." },
        { 640, 2, TALK_IN, "Entregam no centro?" },
        { 639, 2, TALK_PLACE, "Praça Central" },
        { 633, 2, TALK_READ, "Entregamos aí sim, Helena. A taxa é R$ 6,00." },
        { 631, 2, TALK_IN, "Ótimo! Quero 20 pães de queijo e um café" },
        { 626, 2, TALK_READ, "Saindo em 25 minutos 🙂" },
        { 598, 2, TALK_IN, "Chegou quentinho, obrigada!" },
        { 245, 3, TALK_IN, "Boa tarde, vocês têm opção sem glúten?" },
        { 118, 4, TALK_IN, "Quanto custa a cesta de café da manhã?" },
        { 112, 4, TALK_SENT, "Temos três tamanhos, a partir de R$ 75,00." },
        { 64, 3, TALK_IN, "E sem lactose?" },
        { 22, 5, TALK_IN,
          "Esqueci meu guarda-chuva aí hoje cedo, alguém "
          "viu?" },
        { 9, 0, TALK_IN,
          "Dá para escrever \"Feliz aniversário, Pedro\" no "
          "bolo?" },
    },
    {
        { 1080, 0, TALK_IN,
          "Bom dia, meu carro está fazendo um barulho na "
          "frente quando freio" },
        { 1072, 0, TALK_READ,
          "Bom dia, Renato. Pode ser pastilha gasta. "
          "Consegue trazer hoje às 14h?" },
        { 1070, 0, TALK_IN, "Consigo, até já" },
        { 760, 0, TALK_READ,
          "Renato, trocamos as pastilhas. Ficou em "
          "R$ 320,00 e já pode buscar." },
        { 552, 1, TALK_IN, "Vocês fazem revisão dos 40 mil km?" },
        { 547, 1, TALK_DELIVERED,
          "Fazemos, Carla. Leva uma manhã. Que dia é "
          "melhor para você?" },
        { 541, 1, TALK_IN, "Quinta-feira" },
        { 301, 2, TALK_IN, "Estou parado, o carro não liga" },
        { 300, 2, TALK_PLACE, "Posto da Avenida" },
        { 296, 2, TALK_READ,
          "O guincho está a caminho, Paulo. Chega em uns "
          "20 minutos." },
        { 131, 3, TALK_IN, "O orçamento inclui alinhamento?" },
        { 47, 4, TALK_IN, "Qual o horário de vocês no sábado?" },
        { 12, 5, TALK_IN, "Obrigada pelo atendimento de ontem!" },
    },
};


int
demo_talk(cmd_t *c, db_t *db, const demo_tenant_t tenants[DEMO_TENANTS])
{
    int    i, rc;
    bool   there = false;
    talk_t t;

    memset(&t, 0, sizeof(t));
    t.cmd = c;
    t.db = db;
    t.now_us = cmd_now_us();

    rc = talk_begin(&t);

    for (i = 0; rc == 0 && i < DEMO_TENANTS; i++) {
        t.which = i;
        t.cast = &demo_cast[i];
        t.tenant = &tenants[i];
        rc = talk_is_there(&t, &there);
        if (rc == 0 && !there) {
            rc = talk_tenant(&t);
        }
    }

    pytake_del(t.pt);
    db_close(&t.app);

    return rc;
}


void
demo_talk_contacts(pt_jw_t *w, int which)
{
    size_t i;

    pt_jw_key(w, "contacts");
    pt_jw_array(w);
    for (i = 0; i < PT_COUNT(talk_contacts[which]); i++) {
        pt_jw_object(w);
        talk_str(w, "wa_id", talk_contacts[which][i].wa_id);
        talk_str(w, "name", talk_contacts[which][i].name);
        pt_jw_object_end(w);
    }
    pt_jw_array_end(w);
}


static int
talk_is_there(talk_t *t, bool *there)
{
    PGresult   *res;
    const char *params[] = { t->tenant->id };

    if (db_exec(t->db,
                "SELECT EXISTS (SELECT 1 FROM conversations"
                " WHERE tenant_id = $1)",
                1, params, &res)
        != PT_OK)
    {
        return cmd_db_error(t->db, "cannot look at the demo");
    }
    *there = db_cell(res, 0, 0)[0] == 't';
    PQclear(res);

    return 0;
}


/* Secrets of this run alone: nobody else's tokens or signatures are used. */
static int
talk_begin(talk_t *t)
{
    uint8_t       jwt[TALK_SECRET_LEN];
    pytake_conf_t conf;

    if (db_open(&t->app, t->cmd->conf.database_url, t->cmd->conf.role_app,
                DB_QUERY_TIMEOUT_MS)
        != PT_OK)
    {
        return cmd_db_error(&t->app, "cannot use the database");
    }

    cmd_random(jwt, sizeof(jwt));
    cmd_random(t->secret, sizeof(t->secret));

    memset(&conf, 0, sizeof(conf));
    conf.mem = cmd_mem;
    conf.jwt_secret = (pt_str_t){ (const char *) jwt, sizeof(jwt) };
    conf.webhook_secret =
        (pt_str_t){ (const char *) t->secret, sizeof(t->secret) };
    conf.access_lifetime_s = 86400;
    conf.refresh_lifetime_s = 2 * 86400;

    return pytake_new(&conf, &t->pt) == PT_OK ? 0 : cmd_no_memory();
}


static int
talk_tenant(talk_t *t)
{
    int                rc;
    size_t             i;
    int64_t            at_us;
    const talk_line_t *l = talk_lines[t->which];

    rc = talk_login(t, t->now_us - (int64_t) l[0].minutes_ago * 60000000);

    for (i = 0; rc == 0 && i < PT_COUNT(talk_lines[0]) && l[i].text != NULL;
         i++) {
        at_us = t->now_us - (int64_t) l[i].minutes_ago * 60000000;
        rc = l[i].kind <= TALK_PLACE ? talk_in(t, &l[i], at_us)
                                     : talk_out(t, &l[i], at_us);
    }

    return rc != 0 ? rc : talk_logout(t, t->now_us);
}


static int
talk_login(talk_t *t, int64_t now_us)
{
    int                rc;
    pt_jw_t            w;
    pt_buf_t           b;
    pt_str_t           body, token;
    pt_json_t         *answer;
    const demo_user_t *u = &t->tenant->users[DEMO_AGENT];

    pt_buf_init(&b, t->cmd->arena, TALK_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    talk_str(&w, "email", u->email);
    talk_str(&w, "password", u->password);
    pt_jw_object_end(&w);

    if (pt_buf_get(&b, &body) != PT_OK) {
        return cmd_no_memory();
    }

    rc = talk_post(t, "/api/v1/auth/login", body, PT_STR_NULL, 200, now_us,
                   &answer);
    if (rc != 0) {
        return rc;
    }

    if (!pt_json_find_str(answer, "access_token", &token)
        || pt_fmt(t->cmd->arena, &t->bearer, "Bearer %.*s", (int) token.len,
                  token.data)
               != PT_OK)
    {
        return cmd_error("the demo's agent cannot log in");
    }

    return 0;
}


static int
talk_logout(talk_t *t, int64_t now_us)
{
    return talk_post(t, "/api/v1/auth/logout", PT_STR_NULL, t->bearer, 204,
                     now_us, NULL);
}


static int
talk_in(talk_t *t, const talk_line_t *l, int64_t at_us)
{
    char                  seconds[24];
    pt_jw_t               w;
    pt_buf_t              b;
    pt_str_t              wamid;
    const talk_contact_t *k = &talk_contacts[t->which][l->contact];

    if (talk_wamid(t, &wamid) != PT_OK) {
        return cmd_no_memory();
    }
    snprintf(seconds, sizeof(seconds), "%lld", (long long) (at_us / 1000000));

    talk_body_begin(t, &b, &w);

    pt_jw_key(&w, "contacts");
    pt_jw_array(&w);
    pt_jw_object(&w);
    pt_jw_key(&w, "profile");
    pt_jw_object(&w);
    talk_str(&w, "name", k->name);
    pt_jw_object_end(&w);
    talk_str(&w, "wa_id", k->wa_id);
    pt_jw_object_end(&w);
    pt_jw_array_end(&w);

    pt_jw_key(&w, "messages");
    pt_jw_array(&w);
    pt_jw_object(&w);
    talk_str(&w, "from", k->wa_id);
    pt_jw_key(&w, "id");
    pt_jw_str(&w, wamid);
    talk_str(&w, "timestamp", seconds);

    if (l->kind == TALK_PLACE) {
        talk_str(&w, "type", "location");
        pt_jw_key(&w, "location");
        pt_jw_object(&w);
        pt_jw_key(&w, "latitude");
        pt_jw_raw(&w, PT_STR("-23.5505"));
        pt_jw_key(&w, "longitude");
        pt_jw_raw(&w, PT_STR("-46.6333"));
        talk_str(&w, "name", l->text);
    } else {
        talk_str(&w, "type", "text");
        pt_jw_key(&w, "text");
        pt_jw_object(&w);
        talk_str(&w, "body", l->text);
    }
    pt_jw_object_end(&w);
    pt_jw_object_end(&w);
    pt_jw_array_end(&w);

    return talk_webhook(t, &b, &w, at_us + TALK_ARRIVES_US);
}


/* An answer, and what WhatsApp then says of it. */
static int
talk_out(talk_t *t, const talk_line_t *l, int64_t at_us)
{
    int         rc;
    char        conv[PT_UUID_LEN + 1], path[128];
    pt_jw_t     w;
    pt_buf_t    b;
    pt_str_t    body, id, wamid;
    pt_json_t  *answer;
    const char *wa_id = talk_contacts[t->which][l->contact].wa_id;

    rc = talk_conversation(t, wa_id, conv);
    if (rc != 0) {
        return rc;
    }
    snprintf(path, sizeof(path), "/api/v1/conversations/%s/messages", conv);

    pt_buf_init(&b, t->cmd->arena, TALK_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    talk_str(&w, "content", l->text);
    pt_jw_object_end(&w);

    if (pt_buf_get(&b, &body) != PT_OK || talk_wamid(t, &wamid) != PT_OK) {
        return cmd_no_memory();
    }

    rc = talk_post(t, path, body, t->bearer, 201, at_us, &answer);
    if (rc != 0) {
        return rc;
    }
    if (!pt_json_find_str(answer, "id", &id)) {
        return cmd_error("the demo's answer has no id");
    }

    rc = talk_status(t, "sent", wa_id, wamid, id, at_us + TALK_SENT_US);
    if (rc == 0 && l->kind >= TALK_DELIVERED) {
        rc = talk_status(t, "delivered", wa_id, wamid, id,
                         at_us + TALK_DELIVERED_US);
    }
    if (rc == 0 && l->kind >= TALK_READ) {
        rc = talk_status(t, "read", wa_id, wamid, id, at_us + TALK_READ_US);
    }

    return rc;
}


static int
talk_conversation(talk_t *t, const char *wa_id, char id[PT_UUID_LEN + 1])
{
    int         rc = 0;
    PGresult   *res;
    const char *params[] = { t->tenant->id, wa_id };

    if (db_exec(t->db,
                "SELECT c.id FROM conversations c JOIN contacts k"
                " ON k.tenant_id = c.tenant_id AND k.id = c.contact_id"
                " WHERE c.tenant_id = $1 AND k.wa_id = $2"
                " AND c.status <> 'closed'",
                2, params, &res)
        != PT_OK)
    {
        return cmd_db_error(t->db, "cannot find the demo's conversation");
    }

    if (PQntuples(res) == 1) {
        snprintf(id, PT_UUID_LEN + 1, "%s", db_cell(res, 0, 0));
    } else {
        rc = cmd_error("the demo's conversation is not there");
    }
    PQclear(res);

    return rc;
}


static int
talk_status(talk_t *t, const char *status, const char *wa_id, pt_str_t wamid,
            pt_str_t message_id, int64_t at_us)
{
    char     seconds[24];
    pt_jw_t  w;
    pt_buf_t b;

    snprintf(seconds, sizeof(seconds), "%lld", (long long) (at_us / 1000000));

    talk_body_begin(t, &b, &w);
    pt_jw_key(&w, "statuses");
    pt_jw_array(&w);
    pt_jw_object(&w);
    pt_jw_key(&w, "id");
    pt_jw_str(&w, wamid);
    talk_str(&w, "status", status);
    talk_str(&w, "timestamp", seconds);
    talk_str(&w, "recipient_id", wa_id);
    pt_jw_key(&w, "biz_opaque_callback_data");
    pt_jw_str(&w, message_id);
    pt_jw_object_end(&w);
    pt_jw_array_end(&w);

    return talk_webhook(t, &b, &w, at_us);
}


/* Down to within "value", behind its metadata. */
static void
talk_body_begin(talk_t *t, pt_buf_t *b, pt_jw_t *w)
{
    pt_buf_init(b, t->cmd->arena, TALK_BODY_MAX);
    pt_jw_init(w, b);
    pt_jw_object(w);
    talk_str(w, "object", "whatsapp_business_account");
    pt_jw_key(w, "entry");
    pt_jw_array(w);
    pt_jw_object(w);
    talk_str(w, "id", t->cast->waba_id);
    pt_jw_key(w, "changes");
    pt_jw_array(w);
    pt_jw_object(w);
    talk_str(w, "field", "messages");
    pt_jw_key(w, "value");
    pt_jw_object(w);
    talk_str(w, "messaging_product", "whatsapp");
    pt_jw_key(w, "metadata");
    pt_jw_object(w);
    talk_str(w, "display_phone_number", t->cast->display);
    talk_str(w, "phone_number_id", t->cast->phone_number_id);
    pt_jw_object_end(w);
}


/* Closes the body, signs it, delivers it. */
static int
talk_webhook(talk_t *t, pt_buf_t *b, pt_jw_t *w, int64_t now_us)
{
    char             signature[7 + 64];
    uint8_t          mac[32];
    pytake_request_t req;

    pt_jw_object_end(w);
    pt_jw_object_end(w);
    pt_jw_array_end(w);
    pt_jw_object_end(w);
    pt_jw_array_end(w);
    pt_jw_object_end(w);

    memset(&req, 0, sizeof(req));

    if (pt_buf_get(b, &req.body) != PT_OK
        || pt_hmac_sha256(
               (pt_str_t){ (const char *) t->secret, sizeof(t->secret) },
               req.body, mac)
               != PT_OK)
    {
        return cmd_no_memory();
    }
    memcpy(signature, "sha256=", 7);
    pt_hex_build(mac, sizeof(mac), signature + 7);

    req.method = PYTAKE_POST;
    req.path = PT_STR("/api/v1/webhooks/whatsapp");
    req.content_type = PT_STR("application/json");
    req.signature = (pt_str_t){ signature, sizeof(signature) };

    return talk_run(t, &req, 200, now_us, NULL);
}


static int
talk_post(talk_t *t, const char *path, pt_str_t body, pt_str_t bearer,
          int status, int64_t now_us, pt_json_t **out)
{
    pytake_request_t req;

    memset(&req, 0, sizeof(req));
    req.method = PYTAKE_POST;
    req.path = (pt_str_t){ path, strlen(path) };
    req.authorization = bearer;
    req.body = body;
    if (body.data != NULL) {
        req.content_type = PT_STR("application/json");
    }

    return talk_run(t, &req, status, now_us, out);
}


static int
talk_run(talk_t *t, const pytake_request_t *req, int status, int64_t now_us,
         pt_json_t **out)
{
    cmd_reply_t reply;

    if (cmd_op_run(t->cmd, t->pt, &t->app, req, now_us, &reply) != PT_OK) {
        return cmd_error("the demo's talk stopped at %.*s", (int) req->path.len,
                         req->path.data);
    }

    if (reply.status != status) {
        return cmd_error("the demo's talk stopped at %.*s: status %d%s%s",
                         (int) req->path.len, req->path.data, reply.status,
                         t->app.error[0] != '\0' ? ", " : "", t->app.error);
    }

    if (out != NULL
        && pt_json_parse(t->cmd->arena, reply.body, &pt_json_limits_api, out)
               != PT_OK)
    {
        return cmd_error("the demo's talk: an answer is not JSON");
    }

    return 0;
}


static pt_err_t
talk_wamid(talk_t *t, pt_str_t *out)
{
    return pt_fmt(t->cmd->arena, out, "wamid.demo.%s.%u",
                  t->cast->phone_number_id, ++t->said);
}


static void
talk_str(pt_jw_t *w, const char *key, const char *value)
{
    pt_jw_key(w, key);
    pt_jw_str(w, (pt_str_t){ value, strlen(value) });
}
