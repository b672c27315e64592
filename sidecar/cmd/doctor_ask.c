/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * How "pytake doctor" asks NGINX and the hub: once, for a bounded time, for a
 * bounded answer, of this very address.
 */

#include "doctor.h"

#include <curl/curl.h>

#define DOCTOR_GET_TIMEOUT_MS 2000L

static size_t doctor_take(char *data, size_t size, size_t n, void *user);


const char *
doctor_get(const char *url, const char *path, doctor_answer_t *out)
{
    CURL    *h;
    CURLcode rc;

    out->status = 0;
    out->len = 0;

    h = curl_easy_init();
    if (h == NULL) {
        return curl_easy_strerror(CURLE_FAILED_INIT);
    }

    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, path);
    curl_easy_setopt(h, CURLOPT_PROXY, ""); /* http_proxy is for strangers */
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, DOCTOR_GET_TIMEOUT_MS);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, doctor_take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, out);
    rc = curl_easy_perform(h);
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &out->status);
    curl_easy_cleanup(h);

    return rc == CURLE_OK            ? NULL
           : rc == CURLE_WRITE_ERROR ? "it says too much"
                                     : curl_easy_strerror(rc);
}


pt_str_t
doctor_print(const pt_json_t *obj, pt_fingerprint_e which)
{
    pt_str_t s;

    return pt_json_find_str(obj, pt_fingerprint_names[which], &s) ? s
                                                                  : PT_STR("");
}


bool
doctor_print_is(const doctor_t *d, const pt_json_t *obj, pt_fingerprint_e which)
{
    return pt_str_is(doctor_print(obj, which), d->prints.of[which]);
}


static size_t
doctor_take(char *data, size_t size, size_t n, void *user)
{
    size_t           len = size * n;
    doctor_answer_t *out = user;

    if (len > sizeof(out->text) - out->len) {
        return 0; /* curl gives up */
    }

    memcpy(out->text + out->len, data, len);
    out->len += len;

    return len;
}
