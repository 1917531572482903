/* SPDX-License-Identifier: Apache-2.0
 * Where an engine starts from: nothing, or what a former life left in the store. */
#pragma once

#include "core/engine.h"

/* First boot: everybody carries their own clients, no writer is known. */
void engine_adopt_first(struct engine *engine);

/* A former life, possibly under a configuration with other tables: entries are matched by name; what is new starts as
 * at first boot, what is gone is dropped, and a run over something that is gone waits for a person. */
void engine_adopt_durable(struct engine *engine, const struct durable *durable);
