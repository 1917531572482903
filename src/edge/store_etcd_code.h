/* SPDX-License-Identifier: Apache-2.0
 * Base64 (RFC 4648 section 4), the form of keys and values in etcd's JSON.
 *
 * Pure functions, any thread. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

void store_etcd_code_put(struct buf *buf, struct span bytes);

/* The bytes on `arena`, NUL-terminated behind their size. ERR_PROTOCOL: not base64 with its padding; ERR_NO_MEMORY. */
ERR_CHECK enum err store_etcd_code_get(struct span text, struct arena *arena, struct span *ret_bytes);
