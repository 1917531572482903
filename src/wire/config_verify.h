/* SPDX-License-Identifier: Apache-2.0
 * What spans several keys of a configuration: majorities, roles, the durability set, totals, thresholds in order.
 *
 * Works on an incomplete configuration too (after other problems), so that one run tells everything. */
#pragma once

#include "wire/config.h"
#include "wire/config_problem.h"
#include "wire/config_tree.h"

struct config_verify {
    struct config_problems *problems;
    const struct config_tree *root;
    const struct config *config;
};

/* Reports into `problems`; `root` is the tree that `config` was read from. */
void config_verify(struct config_problems *problems, const struct config_tree *root, const struct config *config);

/* The value at a path of at most four keys, or the last one on the way that exists: the place of a message. */
struct config_verify_place {
    uint32_t line;
    uint32_t column;
};
struct config_verify_place config_verify_place(const struct config_verify *verify, const char *const path[7]);

/* A path for config_verify_place. */
#define CONFIG_VERIFY_AT(verify, ...) config_verify_place((verify), (const char *const[7]){__VA_ARGS__})
