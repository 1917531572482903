/* SPDX-License-Identifier: Apache-2.0
 * Which class a client's address belongs to: all networks of all lists, merged ahead into ranges.
 *
 * The whole address space of a family is cut into ranges of one class each; neighbours never have the same one. A
 * lookup also tells how many bits of the address decided: the prefix of that length, and none shorter, lies inside the
 * range (RFC 7871, 7.2). Made by one thread (dns/dns_networks_merge.h), never changed, read by all. Neither lock nor
 * allocation nor any state in a lookup. */
#pragma once

#include <stdint.h>

#include "core/view.h"
#include "dns/dns_networks_four.h"
#include "dns/dns_networks_six.h"

struct dns_networks {
    struct dns_networks_four four;
    struct dns_networks_six six;
};

struct dns_networks_found dns_networks_find(const struct dns_networks *networks, const struct view_address *client);

struct dns_networks_key dns_networks_key(const uint8_t bytes[16], uint32_t family);

void dns_networks_free(struct dns_networks *networks);
