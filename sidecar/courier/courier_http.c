/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "courier_http.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

typedef struct courier_call_s courier_call_t;
typedef struct courier_sock_s courier_sock_t;

/* One call, on the heap. */
struct courier_call_s {
    courier_http_t         *http;
    courier_call_t         *next;
    courier_call_t         *prev;
    CURL                   *easy;
    struct curl_slist      *headers;
    char                   *auth; /* the header "Authorization: Bearer ..." */
    size_t                  auth_len;
    char                   *body;
    size_t                  body_len;
    size_t                  body_sent; /* bytes given to libcurl */
    uint32_t                attempts;  /* of libcurl to send the request */
    char                   *answer;    /* body of the answer, or NULL */
    size_t                  answer_len;
    bool                    overflow; /* the answer was too long */
    courier_http_handler_pt handler;
    void                   *data;
};

/* One of libcurl's sockets, registered with the loop; libcurl keeps it. */
struct courier_sock_s {
    courier_http_t *http;
    curl_socket_t   fd; /* libcurl's */
    pt_io_t        *io;
};

struct courier_http_s {
    pt_loop_t      *loop;
    const pt_mem_t *mem;
    CURLM          *multi;
    pt_timer_t     *timer; /* when libcurl wants to be called */
    courier_call_t *calls; /* under way; owned */
    uint32_t        ncalls;
    uint32_t        total_ms; /* of a call */
};

static int      courier_http_socket(CURL *easy, curl_socket_t fd, int what,
                                    void *user, void *sockp);
static int      courier_http_timer(CURLM *multi, long ms, void *user);
static void     courier_http_io(void *data, int events);
static void     courier_http_timeout(void *data);
static void     courier_http_reap(courier_http_t *h);
static void     courier_call_done(courier_call_t *c, CURLcode code);
static void     courier_call_del(courier_call_t *c);
static pt_err_t courier_call_init(courier_call_t *c, const char *url,
                                  pt_str_t token, pt_str_t body);
static pt_err_t courier_call_opts(courier_call_t *c, const char *url);
static int    courier_call_begin(void *user, char *to, char *from, int to_port,
                                 int from_port);
static size_t courier_call_read(char *out, size_t size, size_t n, void *user);
static size_t courier_call_write(char *data, size_t size, size_t n, void *user);


pt_err_t
courier_http_new(pt_loop_t *loop, const pt_mem_t *mem, uint32_t total_ms,
                 courier_http_t **out)
{
    courier_http_t *h;

    assert(total_ms > 0);

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return PT_EINTERNAL;
    }

    h = mem->alloc(mem->user, sizeof(*h));

    if (h == NULL) {
        return PT_ENOMEM;
    }

    memset(h, 0, sizeof(*h));
    h->loop = loop;
    h->mem = mem;
    h->total_ms = total_ms;
    h->multi = curl_multi_init();
    h->timer =
        loop->ops->timer_new(loop, PT_TIMER_HOLD, courier_http_timeout, h);

    if (h->multi == NULL || h->timer == NULL) {
        courier_http_del(h);
        return PT_ENOMEM;
    }

    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, courier_http_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, courier_http_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      COURIER_HTTP_CONNS_MAX);

    *out = h;

    return PT_OK;
}


void
courier_http_del(courier_http_t *h)
{
    if (h == NULL) {
        return;
    }

    while (h->calls != NULL) {
        courier_call_del(h->calls);
    }

    if (h->multi != NULL) {
        curl_multi_cleanup(h->multi);
    }

    if (h->timer != NULL) {
        h->loop->ops->timer_del(h->timer);
    }

    h->mem->free(h->mem->user, h);
}


pt_err_t
courier_http_post(courier_http_t *h, const char *url, pt_str_t token,
                  pt_str_t body, courier_http_handler_pt handler, void *data)
{
    pt_err_t        err;
    courier_call_t *c;

    assert(url != NULL && token.data != NULL && handler != NULL);

    if (h->ncalls >= COURIER_HTTP_CALLS_MAX) {
        return PT_EBUSY;
    }

    c = h->mem->alloc(h->mem->user, sizeof(*c));

    if (c == NULL) {
        return PT_ENOMEM;
    }

    memset(c, 0, sizeof(*c));
    c->http = h;
    c->handler = handler;
    c->data = data;
    c->next = h->calls;

    if (h->calls != NULL) {
        h->calls->prev = c;
    }

    h->calls = c;
    h->ncalls++;

    err = courier_call_init(c, url, token, body);

    if (err == PT_OK && curl_multi_add_handle(h->multi, c->easy) != CURLM_OK) {
        err = PT_ENOMEM;
    }

    if (err != PT_OK) {
        courier_call_del(c);
    }

    return err;
}


uint32_t
courier_http_calls(const courier_http_t *h)
{
    return h->ncalls;
}


static pt_err_t
courier_call_init(courier_call_t *c, const char *url, pt_str_t token,
                  pt_str_t body)
{
    static const char  prefix[] = "Authorization: Bearer ";
    struct curl_slist *l;

    c->auth_len = sizeof(prefix) - 1 + token.len;
    c->auth = malloc(c->auth_len + 1);
    c->body = malloc(body.len + 1);
    c->easy = curl_easy_init();

    if (c->auth == NULL || c->body == NULL || c->easy == NULL) {
        return PT_ENOMEM;
    }

    memcpy(c->auth, prefix, sizeof(prefix) - 1);
    memcpy(c->auth + sizeof(prefix) - 1, token.data, token.len);
    c->auth[c->auth_len] = '\0';
    memcpy(c->body, body.data, body.len);
    c->body_len = body.len;

    c->headers = curl_slist_append(NULL, "Content-Type: application/json");
    l = (c->headers == NULL) ? NULL : curl_slist_append(c->headers, "Expect:");
    l = (l == NULL) ? NULL : curl_slist_append(l, c->auth);

    if (l == NULL) {
        return PT_ENOMEM;
    }

    return courier_call_opts(c, url);
}


static pt_err_t
courier_call_opts(courier_call_t *c, const char *url)
{
    CURL *e;

    e = c->easy;

    if (curl_easy_setopt(e, CURLOPT_URL, url) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_USERAGENT, "pytake") != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK)
    {
        return PT_ENOMEM;
    }

    /* HTTP/1.1 has one request on a connection at a time, so it is known how
     * much of it was written.  The body comes from a callback without a way
     * back, so that libcurl cannot send it again. */
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) c->body_len);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, courier_call_begin);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, c);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, courier_call_read);
    curl_easy_setopt(e, CURLOPT_READDATA, c);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, courier_call_write);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(e, CURLOPT_PRIVATE, c);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, COURIER_HTTP_CONNECT_MS);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) c->http->total_ms);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, COURIER_HTTP_IDLE_S);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    /* When a call ends during its look-up, libcurl must not wait for the
     * thread that looks the name up: the loop would hang as long. */
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);

    return PT_OK;
}


/* Called by libcurl before it sends the request on a connection. */

static int
courier_call_begin(void *user, char *to, char *from, int to_port, int from_port)
{
    courier_call_t *c;

    PT_UNUSED(to);
    PT_UNUSED(from);
    PT_UNUSED(to_port);
    PT_UNUSED(from_port);
    c = user;

    return c->attempts++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}


static size_t
courier_call_read(char *out, size_t size, size_t n, void *user)
{
    courier_call_t *c;

    c = user;
    assert(c->body_sent <= c->body_len);
    n *= size;
    n = (n < c->body_len - c->body_sent) ? n : c->body_len - c->body_sent;
    memcpy(out, c->body + c->body_sent, n);
    c->body_sent += n;

    return n;
}


static size_t
courier_call_write(char *data, size_t size, size_t n, void *user)
{
    char           *p;
    courier_call_t *c;

    c = user;
    assert(c->answer_len <= COURIER_HTTP_ANSWER_MAX);
    n *= size;

    if (c->answer_len + n > COURIER_HTTP_ANSWER_MAX) {
        c->overflow = true; /* the status alone is looked at then */
        return n;
    }

    p = realloc(c->answer, c->answer_len + n + 1);

    if (p == NULL) {
        return 0;
    }

    memcpy(p + c->answer_len, data, n);
    c->answer = p;
    c->answer_len += n;

    return n;
}


static int
courier_http_socket(CURL *easy, curl_socket_t fd, int what, void *user,
                    void *sockp)
{
    int             events;
    courier_http_t *h;
    courier_sock_t *s;

    PT_UNUSED(easy);
    h = user;
    s = sockp;

    if (what == CURL_POLL_REMOVE) {
        if (s != NULL) {
            h->loop->ops->io_del(s->io);
            curl_multi_assign(h->multi, fd, NULL);
            free(s);
        }

        return 0;
    }

    if (s == NULL) {
        s = calloc(1, sizeof(*s));

        if (s == NULL) {
            return -1;
        }

        s->http = h;
        s->fd = fd;
        s->io = h->loop->ops->io_new(h->loop, (int) fd, courier_http_io, s);

        if (s->io == NULL) {
            free(s);
            return -1;
        }

        curl_multi_assign(h->multi, fd, s);
    }

    events = ((what & CURL_POLL_IN) ? PT_IO_READ : 0)
             | ((what & CURL_POLL_OUT) ? PT_IO_WRITE : 0);

    return h->loop->ops->io_want(s->io, events) == PT_OK ? 0 : -1;
}


static int
courier_http_timer(CURLM *multi, long ms, void *user)
{
    courier_http_t *h;

    PT_UNUSED(multi);
    h = user;

    if (ms < 0) {
        h->loop->ops->timer_stop(h->timer);

    } else {
        h->loop->ops->timer_set(h->timer, (uint32_t) ms);
    }

    return 0;
}


static void
courier_http_io(void *data, int events)
{
    int             running;
    curl_socket_t   fd;
    courier_sock_t *s;
    courier_http_t *h;

    s = data;
    h = s->http;
    fd = s->fd; /* curl_multi_socket_action() may free s */

    curl_multi_socket_action(
        h->multi, fd,
        ((events & PT_IO_READ) ? CURL_CSELECT_IN : 0)
            | ((events & PT_IO_WRITE) ? CURL_CSELECT_OUT : 0),
        &running);
    courier_http_reap(h);
}


static void
courier_http_timeout(void *data)
{
    int             running;
    courier_http_t *h;

    h = data;
    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    courier_http_reap(h);
}


static void
courier_http_reap(courier_http_t *h)
{
    int             left;
    CURL           *easy;
    CURLMsg        *msg;
    CURLcode        code;
    courier_call_t *c;

    while ((msg = curl_multi_info_read(h->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        easy = msg->easy_handle;
        code = msg->data.result; /* msg goes with its handle */
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &c);
        courier_call_done(c, code);
    }
}


static void
courier_call_done(courier_call_t *c, CURLcode code)
{
    long             status;
    courier_answer_t answer;

    assert(c->body_sent <= c->body_len);

    memset(&answer, 0, sizeof(answer));
    status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);

    answer.reached = c->attempts > 0;
    answer.written = c->attempts > 0 && c->body_sent == c->body_len;
    answer.answered = (code == CURLE_OK);
    answer.status = (uint32_t) status;
    answer.body.data = c->overflow ? "" : c->answer;
    answer.body.len = c->overflow ? 0 : c->answer_len;

    if (answer.body.data == NULL) {
        answer.body = PT_STR("");
    }

    c->handler(c->data, &answer);
    courier_call_del(c);
}


static void
courier_call_del(courier_call_t *c)
{
    courier_http_t    *h;
    struct curl_slist *l;

    h = c->http;

    if (c->easy != NULL) {
        curl_multi_remove_handle(h->multi, c->easy);
        curl_easy_cleanup(c->easy);
    }

    for (l = c->headers; l != NULL; l = l->next) {
        OPENSSL_cleanse(l->data, strlen(l->data)); /* it has the token */
    }

    curl_slist_free_all(c->headers);

    if (c->auth != NULL) {
        OPENSSL_cleanse(c->auth, c->auth_len);
    }

    free(c->auth);
    free(c->body);
    free(c->answer);

    if (c->prev != NULL) {
        c->prev->next = c->next;

    } else {
        h->calls = c->next;
    }

    if (c->next != NULL) {
        c->next->prev = c->prev;
    }

    assert(h->ncalls > 0);
    h->ncalls--;
    h->mem->free(h->mem->user, c);
}
