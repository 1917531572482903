/* SPDX-License-Identifier: Apache-2.0
 * Why a client gets the answer it gets: `holdfast dns explain`. Walks the very functions that answer. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "core/view.h"
#include "dns/dns_policy.h"

/* Why does this client get what it gets for this name? */
struct dns_explain_question {
    const struct view *view; /* NULL: none was published */
    const struct dns_zone_dynamic *names;
    uint32_t names_count;
    uint32_t index; /* of the name */
    struct view_address client;
    const struct dns_steer *steer;    /* NULL: no policies */
    const struct dns_steer *labelled; /* the same, made for this client alone, with labels (dns/dns_steer_load.h) */
};

/* Text for the operator. */
void dns_explain(const struct dns_explain_question *question, struct buf *buf);

/* "10.1.2.3" or "2001:db8::1". ERR_INVALID otherwise. */
enum err dns_explain_address(const char *text, struct view_address *ret_address) ERR_CHECK;
