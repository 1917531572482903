/* SPDX-License-Identifier: Apache-2.0
 * Why a client gets the answer it gets: `holdfast dns explain`. Walks the very functions that answer. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "core/view.h"
#include "dns/dns_zone.h"

/* Text for the operator about dynamic name `index` of `names`; `view` NULL: none was published. */
void dns_explain(const struct view *view, const struct dns_zone_dynamic *names, uint32_t names_count, uint32_t index,
                 const struct view_address *client, struct buf *buf);

/* "10.1.2.3" or "2001:db8::1". ERR_INVALID otherwise. */
enum err dns_explain_address(const char *text, struct view_address *ret_address) ERR_CHECK;
