/* SPDX-License-Identifier: Apache-2.0
 * The oldest entries of the journal in etcd cease: blocks with the keys of the indices that lead to them, a portion in
 * one transaction. May be done twice. */
#pragma once

#include "edge/store_etcd_line.h"

/* STORE_TRIM. A block goes when all of its entries do; the newest stays. */
ERR_CHECK enum err store_etcd_trim(struct store_etcd_line *line, uint64_t upto, struct mono deadline,
                                   struct store_answer *answer);
