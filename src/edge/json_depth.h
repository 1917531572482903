/* SPDX-License-Identifier: Apache-2.0
 * How deep a JSON text is nested, before anybody parses it.
 *
 * The parser calls itself for each level, up to 2048 of them, and threads that serve connections have small stacks. Any
 * thread; any bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The deepest level of [ and { outside of strings. Of what is no JSON it is at least as deep as a parser goes. */
uint32_t json_depth(const char *text, size_t size);
