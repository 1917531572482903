/* SPDX-License-Identifier: Apache-2.0
 * One fresh HTTP or HTTPS GET for a probe. */
#include "edge/probe_fetch.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ssl.h>

#include "base/assert.h"

static const char PROBE_FETCH_CA_FILE[] = "/etc/ssl/certs/ca-certificates.crt";

/* Stops the transfer once the limit is reached: what decides a check stands at the beginning. */
static size_t probe_fetch_write(char *data, size_t unit, size_t count, void *context)
{
    struct probe_fetch *fetch = context;
    const size_t size = unit * count;
    const size_t room = fetch->body_limit - fetch->body_size;
    const size_t take = size < room ? size : room;
    if (fetch->body_size + take + 1 > fetch->body_capacity) {
        size_t capacity = fetch->body_capacity == 0 ? 1024 : fetch->body_capacity;
        while (capacity < fetch->body_size + take + 1) {
            capacity *= 2;
        }
        char *body = realloc(fetch->body, capacity);
        if (body == NULL) {
            return CURL_WRITEFUNC_ERROR;
        }
        fetch->body = body;
        fetch->body_capacity = capacity;
    }
    memcpy(fetch->body + fetch->body_size, data, take);
    fetch->body_size += take;
    fetch->body[fetch->body_size] = 0;
    fetch->cut = take < size;
    return fetch->cut ? CURL_WRITEFUNC_ERROR : size;
}

static int64_t probe_fetch_left_s(const X509 *certificate)
{
    int days;
    int seconds;
    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1) {
        return 0;
    }
    return (int64_t)days * 86400 + seconds;
}

/* Called by curl between the handshake and the request. */
static int probe_fetch_connected(void *context, char *peer, char *own, int peer_port, int own_port)
{
    (void)peer;
    (void)own;
    (void)peer_port;
    (void)own_port;
    struct probe_fetch *fetch = context;
    probe_loop_release(fetch->slot);
    if (fetch->certificate_min_valid_s == 0) {
        return CURL_PREREQFUNC_OK;
    }
    const struct curl_tlssessioninfo *session = NULL;
    curl_easy_getinfo(fetch->transfer.easy, CURLINFO_TLS_SSL_PTR, &session);
    if (session != NULL && session->backend == CURLSSLBACKEND_OPENSSL && session->internals != NULL) {
        X509 *certificate = SSL_get1_peer_certificate(session->internals);
        fetch->certificate_left_s = certificate != NULL ? probe_fetch_left_s(certificate) : INT64_MAX;
        X509_free(certificate);
    }
    return CURL_PREREQFUNC_OK;
}

static int64_t probe_fetch_time(const struct probe_fetch *fetch, CURLINFO info)
{
    curl_off_t us = 0;
    curl_easy_getinfo(fetch->transfer.easy, info, &us);
    return us;
}

static int64_t probe_fetch_between(int64_t from_us, int64_t to_us)
{
    return to_us > from_us ? to_us - from_us : 0;
}

static void probe_fetch_phases(const struct probe_fetch *fetch)
{
    struct probe_phases *phases = &fetch->slot->result.phases;
    const int64_t name_us = probe_fetch_time(fetch, CURLINFO_NAMELOOKUP_TIME_T);
    const int64_t connect_us = probe_fetch_time(fetch, CURLINFO_CONNECT_TIME_T);
    const int64_t tls_us = probe_fetch_time(fetch, CURLINFO_APPCONNECT_TIME_T);
    const int64_t ready_us = probe_fetch_time(fetch, CURLINFO_PRETRANSFER_TIME_T);
    const int64_t first_us = probe_fetch_time(fetch, CURLINFO_STARTTRANSFER_TIME_T);
    phases->connect_us = probe_fetch_between(name_us, connect_us);
    phases->tls_us = probe_fetch_between(connect_us, tls_us);
    phases->first_byte_us = ready_us > 0 ? probe_fetch_between(ready_us, first_us) : 0;
}

static void probe_fetch_done(struct probe_curl_transfer *transfer, CURLcode code)
{
    struct probe_fetch *fetch = (struct probe_fetch *)(void *)transfer;
    ASSERT(fetch->running);
    fetch->running = false;
    fetch->code = code == CURLE_WRITE_ERROR && fetch->cut ? CURLE_OK : code;
    fetch->status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &fetch->status);
    probe_fetch_phases(fetch);
    fetch->done(fetch->slot, fetch);
}

static bool probe_fetch_literal(const char *url)
{
    char host[64];
    CURLU *parts = curl_url();
    char *text = NULL;
    bool literal = false;
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &text, 0) == CURLUE_OK && strlen(text) < sizeof host) {
        snprintf(host, sizeof host, "%s", text[0] == '[' ? text + 1 : text);
        host[strcspn(host, "]")] = 0;
        struct in6_addr address;
        literal = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
    }
    curl_free(text);
    curl_url_cleanup(parts);
    return literal;
}

static bool probe_fetch_set_up(struct probe_fetch *fetch, const struct probe_fetch_options *options)
{
    CURL *easy = fetch->transfer.easy;
    const char *ca_file = options->ca_file != NULL ? options->ca_file : PROBE_FETCH_CA_FILE;
    bool good = curl_easy_setopt(easy, CURLOPT_URL, options->url) == CURLE_OK;
    if (options->address != NULL) {
        char pin[PROBE_TEXT + 8];
        snprintf(pin, sizeof pin, "::%s", options->address);
        fetch->connect_to = curl_slist_append(NULL, pin);
        good = good && fetch->connect_to != NULL;
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, fetch->connect_to);
    }
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &fetch->transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    /* A CApath (Debian has one by default) makes curl read the bundle anew for every handshake: 21 ms, not 0.85 ms. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    good = good && curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK;
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "holdfast");
    /* One small request: nothing to gain from NODELAY, nor from a buffer that malloc gives back to the system each
     * time. */
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 0L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, probe_fetch_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, probe_fetch_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, fetch);
    return good;
}

enum err probe_fetch_new(struct probe_slot *slot, const struct probe_fetch_options *options,
                         struct probe_fetch **ret_fetch)
{
    if (options->address == NULL && !probe_fetch_literal(options->url)) {
        return ERR_INVALID;
    }
    struct probe_fetch *fetch = calloc(1, sizeof *fetch);
    if (fetch == NULL) {
        return ERR_NO_MEMORY;
    }
    fetch->slot = slot;
    fetch->certificate_min_valid_s = options->certificate_min_valid_s;
    fetch->body_limit = options->body_limit;
    fetch->transfer.done = probe_fetch_done;
    fetch->transfer.easy = curl_easy_init();
    if (fetch->transfer.easy == NULL || !probe_fetch_set_up(fetch, options)) {
        probe_fetch_free(fetch);
        return ERR_NO_MEMORY;
    }
    *ret_fetch = fetch;
    return ERR_OK;
}

void probe_fetch_start(struct probe_fetch *fetch, void (*done)(struct probe_slot *, struct probe_fetch *))
{
    ASSERT(!fetch->running);
    fetch->running = true;
    fetch->done = done;
    fetch->body_size = 0;
    if (fetch->body != NULL) {
        fetch->body[0] = 0;
    }
    fetch->cut = false;
    fetch->certificate_left_s = INT64_MAX;
    fetch->error[0] = 0;
    fetch->slot->doing = "connecting to";
    probe_curl_add(probe_loop_curl(fetch->slot->loop), &fetch->transfer);
}

void probe_fetch_cancel(struct probe_fetch *fetch)
{
    if (!fetch->running) {
        return;
    }
    fetch->running = false;
    probe_fetch_phases(fetch);
    const struct probe_phases *phases = &fetch->slot->result.phases;
    const bool tls = strncmp(fetch->slot->spec.url, "https:", 6) == 0 || fetch->slot->spec.kind == PROBE_HTTPS;
    fetch->slot->doing = phases->connect_us == 0      ? "connecting to"
                         : tls && phases->tls_us == 0 ? "in the TLS handshake with"
                         : phases->first_byte_us == 0 ? "waiting for the answer of"
                                                      : "reading the answer of";
    probe_curl_remove(probe_loop_curl(fetch->slot->loop), &fetch->transfer);
}

static enum err probe_fetch_error(const struct probe_fetch *fetch)
{
    long number = 0;
    switch ((int)fetch->code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        curl_easy_getinfo(fetch->transfer.easy, CURLINFO_OS_ERRNO, &number);
        if (number == 0) {
            return fetch->code == CURLE_COULDNT_CONNECT ? ERR_UNREACHABLE : ERR_RESET;
        }
        return err_from_errno((int)number);
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return ERR_CLOSED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return ERR_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
        return ERR_TLS;
    case CURLE_COULDNT_RESOLVE_HOST:
        return ERR_NAME;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return ERR_NO_MEMORY;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return ERR_PROTOCOL;
    default:
        return ERR_PROTOCOL;
    }
}

static bool probe_fetch_certificate(struct probe_fetch *fetch, const char *where)
{
    if (fetch->certificate_left_s >= fetch->certificate_min_valid_s) {
        return true;
    }
    if (fetch->certificate_left_s < 2 * 86400) {
        probe_loop_finish(fetch->slot, ERR_CERTIFICATE, "certificate of %s expires in %lld hours", where,
                          (long long)fetch->certificate_left_s / 3600);
    } else {
        probe_loop_finish(fetch->slot, ERR_CERTIFICATE, "certificate of %s expires in %lld days", where,
                          (long long)fetch->certificate_left_s / 86400);
    }
    return false;
}

bool probe_fetch_arrived(struct probe_fetch *fetch, const char *where)
{
    if (fetch->code == CURLE_OK) {
        return probe_fetch_certificate(fetch, where);
    }
    const enum err err = probe_fetch_error(fetch);
    if (err == ERR_REFUSED || err == ERR_RESET || err == ERR_CLOSED || err == ERR_UNREACHABLE) {
        probe_loop_finish_connection(fetch->slot, err, where);
    } else {
        probe_loop_finish(fetch->slot, err, "%s: %s", where,
                          fetch->error[0] != 0 ? fetch->error : curl_easy_strerror(fetch->code));
    }
    return false;
}

void probe_fetch_free(struct probe_fetch *fetch)
{
    if (fetch == NULL) {
        return;
    }
    ASSERT(!fetch->running);
    curl_easy_cleanup(fetch->transfer.easy);
    curl_slist_free_all(fetch->connect_to);
    free(fetch->body);
    free(fetch);
}
