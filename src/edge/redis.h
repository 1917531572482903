/* SPDX-License-Identifier: Apache-2.0
 * A Redis server as the controller speaks with it: one connection, one command at a time, each with a time-out.
 *
 * Blocking; for workers, never for a loop. One thread at a time. The password is sent, never kept or logged. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/view.h"
#include "wire/redis_info.h"

struct redis;

/* Connects and, unless `password` is empty, logs in. ERR_AUTH: the password is refused. Others: those of a connection.
 */
ERR_CHECK enum err redis_open(const struct view_address *address, const char *password, int64_t timeout_ms,
                              struct redis **ret_redis);

/* NULL is fine. */
void redis_close(struct redis *redis);

/* One command that answers OK. ERR_AUTH, ERR_PERMISSION, ERR_ROLE, ERR_UNAVAILABLE by what the server says; what it
 * said is in redis_said. After any other error the connection is of no use. */
ERR_CHECK enum err redis_tell(struct redis *redis, uint32_t count, const char *const *words);

/* What the server says about itself. */
ERR_CHECK enum err redis_look(struct redis *redis, struct redis_info *ret_info);

/* The words of the last error; "" when there were none. */
const char *redis_said(const struct redis *redis);
