/* SPDX-License-Identifier: Apache-2.0
 * Keeps the writer's right alive: renewal at the store each lease / 3; when the store does not answer, promises of
 * every other agent; when it says no, the end of the server. */
#pragma once

#include "agent/node.h"
#include "base/err.h"

/* A thread's life; returns when the node quits. `context` is the node. */
void *renew_main(void *context);

/* The store says that we hold the lease of `epoch` (after a restart, or when the answer to an acquisition was lost):
 * renews it and takes the right. ERR_CONFLICT: it is not ours any more. */
ERR_CHECK enum err renew_resume(struct node *node, uint64_t epoch, uint64_t revision);

/* Acquires the lease for `epoch`. ERR_CONFLICT: certainly not granted now. Others: unknown, may be tried again. */
ERR_CHECK enum err renew_acquire(struct node *node, uint64_t epoch);
