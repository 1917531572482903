/* SPDX-License-Identifier: Apache-2.0
 * Why a name of a zone file is answered as it is: zone, node, wildcard, delegation, alias, with file and line. Walks
 * the very functions that answer. */
#pragma once

#include "base/buf.h"
#include "core/view.h"
#include "dns/dns_catalog.h"

/* Text for the operator. `client` NULL: anybody who may ask. An alias is followed, up to a dynamic name. */
void dns_explain_static(const struct dns_catalog *catalog, const struct dns_name *name, uint16_t type,
                        const struct view_address *client, struct buf *buf);
