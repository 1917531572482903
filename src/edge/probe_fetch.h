/* SPDX-License-Identifier: Apache-2.0
 * One fresh HTTP or HTTPS GET for a probe, with its phases, the beginning of the body, and errors in words.
 *
 * A fetch is kept by its probe and used again and again; each use makes a new connection and a full handshake. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/err.h"
#include "edge/probe_curl.h"
#include "edge/probe_loop.h"

struct probe_fetch_options {
    const char *url;
    const char *address; /* literal ADDRESS:PORT to connect to whatever the url's host is; NULL: the url's, which must
                            be literal */
    const char *ca_file; /* NULL: the system's */
    int64_t certificate_min_valid_s;
    size_t body_limit; /* the rest of a longer body is not read */
};

struct probe_fetch {
    struct probe_curl_transfer transfer;
    struct probe_slot *slot;
    void (*done)(struct probe_slot *slot, struct probe_fetch *fetch);
    struct curl_slist *connect_to;
    int64_t certificate_min_valid_s;
    int64_t certificate_left_s; /* INT64_MAX: no certificate seen */
    size_t body_limit;
    char *body; /* terminated; NULL when there was none */
    size_t body_size;
    size_t body_capacity;
    bool cut; /* the body is longer than the limit */
    bool running;
    CURLcode code;
    long status;
    char error[CURL_ERROR_SIZE];
};

/* On the heap. ERR_INVALID: the url's host is a name and there is no address. */
enum err probe_fetch_new(struct probe_slot *slot, const struct probe_fetch_options *options,
                         struct probe_fetch **ret_fetch) ERR_CHECK;

/* Begins; `done` is called once, later. */
void probe_fetch_start(struct probe_fetch *fetch, void (*done)(struct probe_slot *, struct probe_fetch *));

/* Gives up: no `done`. Fills the slot's phases and `doing`. */
void probe_fetch_cancel(struct probe_fetch *fetch);

/* In `done`: whether an answer came over a good connection; else the slot has been finished with the reason. */
bool probe_fetch_arrived(struct probe_fetch *fetch, const char *where);
void probe_fetch_free(struct probe_fetch *fetch);
