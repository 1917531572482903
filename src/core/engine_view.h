/* SPDX-License-Identifier: Apache-2.0
 * Drawing the view from the engine's state. */
#pragma once

#include "core/engine.h"

/* Draws the view anew; when its content differs from the present one it gets the next version, is sealed and marked for
 * publication (and the version is persisted first, so that a later life starts above it). */
void engine_view_build(struct engine *engine, struct output *output);
