/* SPDX-License-Identifier: Apache-2.0
 * The REPORT of doc/protocol.md: what a node says about itself, to the controllers and in every answer. */
#pragma once

#include <stdint.h>

#include "agent/node.h"

struct json_t;

/* A new object, owned by the caller; NULL without memory. Takes the node's lock. */
struct json_t *report_json(struct node *node);

/* A thread's life: sends the report to every controller, by a thread each so that none delays another, each 250 ms and
 * at once on change; takes in the answers. `context` is the node. */
void *report_main(void *context);

/* A thread's life: looks at the server. Apart from the sender, because a stopped server answers nothing for a second.
 */
void *report_look_main(void *context);
