/* SPDX-License-Identifier: Apache-2.0
 * Why a policy led a client where it did, and what would change that. Part of dns_explain.h. */
#pragma once

#include "dns/dns_explain.h"

/* One line for each policy on the way and each of its children, then what a change of each region would do. */
void dns_explain_policy(const struct dns_explain_question *question, const struct dns_policy *policy,
                        const struct dns_policy_choice *choice, struct buf *buf);
