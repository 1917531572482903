/* SPDX-License-Identifier: Apache-2.0
 * The question of a dns probe, and whether an answer is the one that was expected. Pure, any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/dns_name.h"

struct probe_dns_question {
    uint16_t id;
    uint16_t type;
    struct dns_name name;
    bool expects;
    size_t expect_size;
    uint8_t expect[512]; /* record data in uncompressed wire form */
};

/* From text; `expect` may be empty. ERR_INVALID, ERR_TOO_LARGE, ERR_NOT_FOUND (no such type). */
enum err probe_dns_message_question(const char *name, const char *type, const char *expect,
                                    struct probe_dns_question *ret_question) ERR_CHECK;

/* Appends the query. */
void probe_dns_message_write(const struct probe_dns_question *question, struct buf *buf);

/* `words` gets what was seen, good or bad. ERR_STALE: not an answer to this question at all (wait for another);
 * ERR_PROTOCOL: cannot be read; ERR_STATUS: a response code other than NOERROR; ERR_CONTENT: no record of the type, or
 * none with the expected data. */
enum err probe_dns_message_check(const struct probe_dns_question *question, struct span answer,
                                 struct buf *words) ERR_CHECK;
