/* SPDX-License-Identifier: Apache-2.0
 * The agent's HTTP: the commands of doc/protocol.md, each safe to repeat, each refusing an epoch that is too old. */
#pragma once

#include "agent/node.h"
#include "base/err.h"

struct http_server;

/* Listens on options->listen. The node must outlive the server. */
ERR_CHECK enum err command_start(struct node *node, struct http_server **ret_server);
