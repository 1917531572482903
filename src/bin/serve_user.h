/* SPDX-License-Identifier: Apache-2.0
 * Giving privileges up: from root to an ordinary user who may still listen on ports below 1024. */
#pragma once

#include "base/err.h"

/* Becomes `user` for good (groups, gid, uid, no new privileges), keeping only CAP_NET_BIND_SERVICE, also over exec.
 * Does nothing when not root. ERR_NOT_FOUND: no such user. ERR_PERMISSION: the system refused; the process must not go
 * on. */
ERR_CHECK enum err serve_user_become(const char *user);
