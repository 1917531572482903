/* SPDX-License-Identifier: Apache-2.0
 * Whether the answers of DNS servers (bin/cli_dns_answer.h) are what they should be: like each other's, as the view and
 * the zone files say, as the operator expects. */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "bin/verb.h"

enum { CLI_DNS_JUDGE_EXPECTS = 16 };

struct cli_dns_judge {
    uint16_t type;                              /* that was asked for */
    const char *expects[CLI_DNS_JUDGE_EXPECTS]; /* record data, or one response code, or NODATA; all of it, no more */
    uint32_t expects_count;
};

/* ERR_INVALID: an `expects` that is neither data of the type nor a response code. */
ERR_CHECK enum err cli_dns_judge_check(const struct cli_dns_judge *judge, const char **ret_wrong);

/* Gives each answer that is not as it should be a member "wrong" that says why, and returns the exit code. Its member
 * "view", where it has one, is what the view and the zone files make of the question; it is kept in answers that
 * contradict it only. Others are compared with the first answer for the same "client". The code: VERB_OK; VERB_FAILED:
 * one is wrong; VERB_UNREACHABLE: nobody answered; VERB_DEGRADED: not all did. */
enum verb_exit cli_dns_judge(const struct cli_dns_judge *judge, json_t *answers);
