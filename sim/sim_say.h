/* SPDX-License-Identifier: Apache-2.0
 * The story as text. */
#pragma once

#include "sim/sim_world.h"

void sim_say(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_say_trace(struct sim *sim, const struct trace *trace);

/* A broken promise: told, kept as the seed's result, and the end of the run. */
void sim_say_violation(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
