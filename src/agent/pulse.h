/* SPDX-License-Identifier: Apache-2.0
 * The agent's heartbeats: a thread that sends a datagram (wire/beat.h) to every site that listens, with a clock of its
 * own.
 *
 * It takes no lock of the node and asks nobody: SQL, HTTP and transitions never hold it up. What it says is what the
 * main loop last told (pulse_tell); when that loop has not turned for a lease, or the process stands still, there are
 * no heartbeats, and that is the news. A certain death is said at once and three times.
 *
 * Each life of an agent has a number that only grows (DATA.holdfast/beats: never below the wall clock at its start, nor
 * below the last one plus one), so that nobody can pass off an earlier life's datagrams as this one's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_options.h"
#include "base/err.h"

struct pulse;

/* `home`: DATA.holdfast, to keep the number in. No ears: fine, and nothing is sent. ERR_NO_MEMORY. */
ERR_CHECK enum err pulse_new(const struct agent_options *options, const char *home, uint64_t boot,
                             struct pulse **ret_pulse);

/* What to say from now on: bits of enum beat_state, and the epoch of the node's report. Each turn of the main loop;
 * never blocks. A death that was not said before goes out at once. */
void pulse_tell(struct pulse *pulse, uint8_t state, uint64_t epoch);

/* The agent was told to end: its silence is no news from now on. */
void pulse_leave(struct pulse *pulse);

/* Ends the thread. NULL is fine. */
void pulse_free(struct pulse *pulse);
