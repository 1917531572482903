/* SPDX-License-Identifier: Apache-2.0
 * The walker: a tree with positions, by the schema's rows, into struct config. Reports every problem it meets and goes
 * on; what spans several keys is config_verify.h. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "wire/config_problem.h"
#include "wire/config_tree.h"

/* Fills a zeroed configuration; defaults first. ERR_OK also with problems: the configuration is then incomplete and
 * only good for further checks. ERR_NO_MEMORY. */
enum err config_read(struct config_problems *problems, const struct config_tree *root, struct config *config) ERR_CHECK;
