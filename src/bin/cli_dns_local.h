/* SPDX-License-Identifier: Apache-2.0
 * What a DNS server with this host's view and zone files would answer, by the very functions that answer: to compare
 * what servers say with what they should. */
#pragma once

#include "dns/dns_catalog.h"
#include "edge/dns_client.h"
#include "wire/config.h"

struct cli_dns_local;

/* Reads the zone files and finds the view of `site` (CONFIG_NONE: of whichever site has one on this host). On an error
 * `problem` (DNS_ZONE_PROBLEM bytes) is a sentence. */
enum err cli_dns_local_open(const struct config *config, uint32_t site, char *problem,
                            struct cli_dns_local **ret_local) ERR_CHECK;
void cli_dns_local_close(struct cli_dns_local *local);

/* Whether it can say: signed zones have records that only their keys make, and names follow the view where there is
 * one. */
bool cli_dns_local_knows(const struct cli_dns_local *local, const struct dns_query *query);

/* Answers the query of a client at `answer->source` into `answer`, from the present view. ERR_UNAVAILABLE: it would say
 * nothing. */
enum err cli_dns_local_ask(struct cli_dns_local *local, const struct dns_query *query,
                           struct dns_client_answer *answer) ERR_CHECK;
