/* SPDX-License-Identifier: Apache-2.0
 * The http and https probes: status and body of one fresh request. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "edge/probe_driver.h"
#include "edge/probe_fetch.h"

static bool probe_http_heavy(const struct probe_slot *slot)
{
    return slot->spec.kind == PROBE_HTTPS;
}

static bool probe_http_status_good(const struct probe_spec *spec, long status)
{
    return spec->expect_status != 0 ? status == (long)spec->expect_status : status >= 200 && status < 300;
}

static void probe_http_done(struct probe_slot *slot, struct probe_fetch *fetch)
{
    const struct probe_spec *spec = &slot->spec;
    if (!probe_fetch_arrived(fetch, spec->address)) {
        return;
    }
    const char *body = fetch->body != NULL ? fetch->body : "";
    if (!probe_http_status_good(spec, fetch->status)) {
        char expected[16] = "2xx";
        if (spec->expect_status != 0) {
            snprintf(expected, sizeof expected, "%u", spec->expect_status);
        }
        probe_loop_finish(slot, ERR_STATUS, "status %ld, expected %s: %.80s", fetch->status, expected, body);
        return;
    }
    if (spec->expect_body[0] != 0 &&
        (fetch->body == NULL || memmem(body, fetch->body_size, spec->expect_body, strlen(spec->expect_body)) == NULL)) {
        probe_loop_finish(slot, ERR_CONTENT, "body lacks %.40s: %.70s", spec->expect_body, body);
        return;
    }
    probe_loop_finish(slot, ERR_OK, "status %ld", fetch->status);
}

static void probe_http_url(const struct probe_spec *spec, char *url, size_t size)
{
    const char *host = spec->host[0] != 0 ? spec->host : spec->address;
    const char *slash = spec->path[0] == '/' ? "" : "/";
    snprintf(url, size, "%s://%s%s%s", probe_kind_name(spec->kind), host, slash, spec->path);
}

static void probe_http_start(struct probe_slot *slot)
{
    if (slot->state == NULL) {
        char url[2 * PROBE_TEXT + 16];
        probe_http_url(&slot->spec, url, sizeof url);
        const struct probe_fetch_options options = {
            .url = url,
            .address = slot->spec.address,
            .ca_file = slot->spec.ca_file[0] != 0 ? slot->spec.ca_file : NULL,
            .certificate_min_valid_s = slot->spec.certificate_min_valid_s,
            .body_limit = slot->spec.body_limit_bytes != 0 ? slot->spec.body_limit_bytes : PROBE_BODY_BYTES};
        struct probe_fetch *fetch;
        const enum err err = probe_fetch_new(slot, &options, &fetch);
        if (err != ERR_OK) {
            probe_loop_finish(slot, err, "cannot fetch %s: %s", url, err_text(err));
            return;
        }
        slot->state = fetch;
    }
    probe_fetch_start(slot->state, probe_http_done);
}

static void probe_http_cancel(struct probe_slot *slot)
{
    probe_fetch_cancel(slot->state);
}

static void probe_http_close(struct probe_slot *slot)
{
    probe_fetch_free(slot->state);
    slot->state = NULL;
}

const struct probe_driver probe_http_driver = {
    .heavy = probe_http_heavy, .start = probe_http_start, .cancel = probe_http_cancel, .close = probe_http_close};
