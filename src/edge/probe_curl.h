/* SPDX-License-Identifier: Apache-2.0
 * libcurl's multi interface on a libuv loop: transfers are added, and tell when they are done.
 *
 * One per loop, on its thread. The easy handle's CURLOPT_PRIVATE holds a struct probe_curl_transfer. */
#pragma once

#include <curl/curl.h>
#include <uv.h>

struct probe_curl;

struct probe_curl_transfer {
    CURL *easy;
    /* Called outside of curl; the transfer has been taken out already and may be added again at once. */
    void (*done)(struct probe_curl_transfer *transfer, CURLcode code);
};

/* NULL: out of memory. */
struct probe_curl *probe_curl_new(uv_loop_t *loop);
void probe_curl_add(struct probe_curl *curl, struct probe_curl_transfer *transfer);
void probe_curl_remove(struct probe_curl *curl, struct probe_curl_transfer *transfer);

/* No transfer may be left. The loop has to run on until its handles are closed; then everything is freed. */
void probe_curl_free(struct probe_curl *curl);
