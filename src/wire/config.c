/* SPDX-License-Identifier: Apache-2.0
 * The configuration: from text to struct, freed whole, looked up by name. */
#include "wire/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "wire/config_build.h"

struct config_memory {
    struct arena arena;
};

enum err config_parse(const char *file, struct span text, struct buf *messages, struct config **ret_config)
{
    struct config_memory *memory = calloc(1, sizeof *memory);
    struct config_problems *problems = calloc(1, sizeof *problems);
    enum err err = ERR_NO_MEMORY;
    struct config *config = NULL;
    if (memory != NULL && problems != NULL) {
        arena_init(&memory->arena, CONFIG_BUILD_BYTES);
        config_problem_init(problems, &memory->arena, text);
        err = config_build(problems, &config);
        config_problem_print(problems, file, messages);
        if (err == ERR_OK) {
            config->memory = memory;
            *ret_config = config;
        } else {
            arena_fini(&memory->arena);
        }
    }
    if (err != ERR_OK) {
        free(memory);
    }
    if (err == ERR_NO_MEMORY) {
        buf_printf(messages, "%s: error: %s\n", file, err_text(err));
    }
    free(problems);
    return err;
}

void config_free(struct config *config)
{
    if (config != NULL) {
        struct config_memory *memory = config->memory;
        ASSERT(memory != NULL);
        arena_fini(&memory->arena);
        free(memory);
    }
}
