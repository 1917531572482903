/* SPDX-License-Identifier: Apache-2.0
 * A 64-bit hash for checksums, sticky choices and tables (FNV-1a with a final mix). Not against attackers who choose
 * the input. */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *data, size_t size);

/* Continues a hash: hash_more(hash_bytes(a), b) is a hash of a followed by b. */
uint64_t hash_more(uint64_t hash, const void *data, size_t size);
uint64_t hash_text(const char *text);
