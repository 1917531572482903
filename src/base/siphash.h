/* SPDX-License-Identifier: Apache-2.0
 * SipHash-2-4 (Aumasson, Bernstein): a keyed hash for short input that holds against whoever chooses the input but does
 * not know the key. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY = 16 };

uint64_t siphash(const uint8_t key[SIPHASH_KEY], const void *data, size_t size);
