/* SPDX-License-Identifier: Apache-2.0
 * What an answer of etcd, or its absence, says about the request: done, certainly not, unknown.
 *
 * Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum store_etcd_outcome {
    STORE_ETCD_ANSWERED,
    STORE_ETCD_REFUSED, /* certainly not done, now or later */
    STORE_ETCD_UNKNOWN, /* perhaps done, perhaps later */
};

struct store_etcd_meaning {
    enum store_etcd_outcome outcome;
    enum err err;   /* why not ANSWERED */
    bool again;     /* the same request may succeed in a moment */
    bool elsewhere; /* this member cannot be asked at present */
    bool token;     /* a new token is needed */
};

/* Of an error that etcd answers: gRPC's code and its message. */
struct store_etcd_meaning store_etcd_meaning_of(int64_t code, const char *message);

/* What an operator should do about such a failure, one sentence; never NULL. */
const char *store_etcd_meaning_advice(enum err err);
