/* SPDX-License-Identifier: Apache-2.0
 * What the etcd store answers to GET, LIST, CHANGES and READ: linearizable ranges, in portions that stay in their
 * limits. */
#pragma once

#include "edge/store.h"
#include "edge/store_etcd_line.h"

/* One read, into `answer`. Each exchange with etcd has three times the configured time-out; ERR_UNAVAILABLE: nobody
 * answered. ERR_CONTENT: something in the journal is not ours. Others: store.h. */
ERR_CHECK enum err store_etcd_read_request(struct store_etcd_line *line, const struct store_request *request,
                                           struct mono deadline, struct store_answer *answer);

/* The newest revision among records and deletions after `after`; 0: nothing changed. */
ERR_CHECK enum err store_etcd_read_newest(struct store_etcd_line *line, uint64_t after, struct mono deadline,
                                          uint64_t *ret_revision);
