/* SPDX-License-Identifier: Apache-2.0
 * New keys of a zone: made here, or brought from elsewhere. */
#pragma once

#include "bin/cli_dns_key_call.h"

int cli_dns_key_make_generate(struct cli_dns_key_call *key);
int cli_dns_key_make_import(struct cli_dns_key_call *key);

/* Makes one key more, in the directory and the rows; the caller saves these. */
int cli_dns_key_make_one(struct cli_dns_key_call *key, enum dns_key_algorithm algorithm, enum dns_keyfile_role role,
                         enum dns_keyfile_state state);

/* What --algorithm says; without it ECDSA P-256. False: no algorithm of ours. */
bool cli_dns_key_make_algorithm(const struct cli_dns_key_call *key, enum dns_key_algorithm *ret_algorithm);
