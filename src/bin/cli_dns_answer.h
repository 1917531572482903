/* SPDX-License-Identifier: Apache-2.0
 * The answer of a DNS server as JSON, and that JSON as dig would show it.
 *
 * {server, transport, truncated, tries, time_us, size, trailing, client, rcode, flags [], edns {version, udp, flags [],
 * subnet, scope, nsid, cookie, errors [{code, text}]}, question {name, class, type}, answer [{name, ttl, class, type,
 * data}], authority [], additional []}; what is not there is left out; without an answer {server, problem}. */
#pragma once

#include <jansson.h>

#include "bin/cli_text.h"
#include "edge/dns_client.h"

/* `server` is the address that was asked. The caller owns the result. Running out of memory ends the program. */
json_t *cli_dns_answer_json(const char *server, const struct dns_client_answer *answer);

/* What a server that did not answer is shown as. */
json_t *cli_dns_answer_problem(const char *server, const char *problem);

/* The text of either. */
void cli_dns_answer_draw(const json_t *answer, struct cli_text *text);

/* What answers are compared by: response code, or the answer's records but for signatures, one a line, without the
 * time to live, in lower case and in order. Servers take turns with equal addresses and differ in how long they keep.
 */
void cli_dns_answer_rows(const json_t *answer, struct buf *buf);
