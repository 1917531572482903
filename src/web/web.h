/* SPDX-License-Identifier: Apache-2.0
 * The controller's HTTP API (doc/protocol.md), on the desk (edge/desk.h). Threads of its own. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "edge/desk.h"

struct web;

/* Borrowed until web_stop. */
struct web_options {
    const struct desk *desk;
    const char *token;
    const char *listen;
    const char *site; /* this controller's */
};

/* Errors of http_server_start; `message` says what to do. */
ERR_CHECK enum err web_start(const struct web_options *options, char *message, size_t size, struct web **ret_web);

/* NULL is fine. */
void web_stop(struct web *web);
