/* SPDX-License-Identifier: Apache-2.0
 * The policies of a configuration with their files, made into what answers queries (dns/dns_steer.h). One thread. */
#pragma once

#include "base/err.h"
#include "core/view.h"
#include "dns/dns_steer.h"
#include "wire/config.h"

enum { DNS_STEER_PROBLEM = 512, DNS_STEER_FILE_BYTES = 256 << 20 };

struct dns_steer_source {
    const struct config *config; /* verified */
    const char *measured;        /* the file of measured times (LATENCY_TABLE_NAME); NULL: none. It need not exist */
    const struct view_address *only; /* just the networks that hold this client, with labels that say why it is led
                                        where (explaining); NULL: all */
};

/* NULL in `ret_steer`: the configuration has no policies. On an error `problem` (DNS_STEER_PROBLEM bytes) is a
 * sentence, with "FILE:LINE:COLUMN: " where there is such a place; without an error it may be a warning, or empty. */
enum err dns_steer_load(const struct dns_steer_source *source, char *problem, struct dns_steer **ret_steer) ERR_CHECK;

/* The files of all policies: the one of this index; NULL: there are no more. */
const char *dns_steer_load_file(const struct config *config, uint32_t index);

/* A number that changes when one of the files is another one, by rename or otherwise; that of measured times as well,
 * when a policy asks for it. 0: there are none. */
uint64_t dns_steer_load_files(const struct config *config, const char *measured);
