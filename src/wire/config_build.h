/* SPDX-License-Identifier: Apache-2.0
 * From the text of a configuration to its struct and its problems, on an arena of the caller.
 *
 * config_parse (wire/config.h) is this with an arena that the configuration takes along and problems as text; this is
 * for who wants the problems one by one. One thread. */
#pragma once

#include "wire/config_problem.h"

enum {
    /* Of the arena. The tree of a file at its limits: 32,768 nodes of about 100 bytes, their texts, each rounded up,
     * and the structs. */
    CONFIG_BUILD_BYTES = 32 * 1024 * 1024,
};

/* `problems` is as config_problem_init left it, with the text. ERR_OK: perhaps with warnings; the configuration lives
 * as long as the arena (it is not for config_free). ERR_INVALID: there are errors among the problems. ERR_NO_MEMORY. */
enum err config_build(struct config_problems *problems, struct config **ret_config) ERR_CHECK;
