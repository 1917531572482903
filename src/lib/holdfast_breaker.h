/* SPDX-License-Identifier: Apache-2.0
 * What the choice of a route asks a region's breaker beside holdfast.h. Private to libholdfast. */
#pragma once

#include <holdfast.h>

/* From inside `publish` only: OPEN lets a call pass strictly later than this; 0 in other states. */
int64_t holdfast_breaker_retry_us(const struct holdfast_breaker *breaker);
