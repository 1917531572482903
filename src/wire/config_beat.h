/* SPDX-License-Identifier: Apache-2.0
 * What heartbeats follow from: the numbers and addresses that the configuration did not write out.
 *
 * Agents, observers and controllers derive them alike, so one file says the same to all. Pure. */
#pragma once

#include <stdint.h>

#include "wire/config.h"

/* Between two heartbeats of an agent of this database: a twentieth of the lease, 10 to 100 ms. */
uint32_t config_beat_period_ms(const struct config_database *database);

/* So long without one is silence: eight tenths of the lease, at least three periods and 100 ms. */
uint32_t config_beat_silence_ms(const struct config_database *database);

/* Where this site listens for heartbeats: its own key, else its API's address. NULL: nowhere, or it does not observe.
 */
const struct config_address *config_beat_address(const struct config_site *site);
