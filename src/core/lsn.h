/* SPDX-License-Identifier: Apache-2.0
 * A position in PostgreSQL's write-ahead log. 0 is "unknown". Text form: "0/3000148" (two hexadecimal halves). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lsn {
    uint64_t position;
};

enum {
    LSN_TEXT = 18, /* "FFFFFFFF/FFFFFFFF" and the terminator */
};

bool lsn_parse(const char *text, struct lsn *ret_lsn);
void lsn_print(struct lsn lsn, char text[LSN_TEXT]);
