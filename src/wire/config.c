/* SPDX-License-Identifier: Apache-2.0
 * The configuration: from text to struct, freed whole, looked up by name. */
#include "wire/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "wire/config_problem.h"
#include "wire/config_read.h"
#include "wire/config_tree.h"
#include "wire/config_verify.h"

enum {
    /* The tree of a file at its limits: 32,768 nodes of about 100 bytes, their texts, each rounded up, and the structs.
     */
    CONFIG_ARENA_BYTES = 32 * 1024 * 1024,
};

struct config_memory {
    struct arena arena;
};

static enum err config_build(struct config_problems *problems, struct config_memory *memory, struct config **ret_config)
{
    struct config *config = arena_alloc(&memory->arena, sizeof *config);
    if (config == NULL) {
        return ERR_NO_MEMORY;
    }
    config->memory = memory;
    struct config_tree *root;
    enum err err = config_tree_parse(problems, &root);
    if (err != ERR_OK) {
        return err;
    }
    err = config_read(problems, root, config);
    if (err != ERR_OK) {
        return err;
    }
    if (root->kind == CONFIG_TREE_MAPPING) {
        config_verify(problems, root, config);
    }
    *ret_config = config;
    return problems->errors > 0 ? ERR_INVALID : ERR_OK;
}

enum err config_parse(const char *file, struct span text, struct buf *messages, struct config **ret_config)
{
    struct config_memory *memory = calloc(1, sizeof *memory);
    struct config_problems *problems = calloc(1, sizeof *problems);
    enum err err = ERR_NO_MEMORY;
    struct config *config = NULL;
    if (memory != NULL && problems != NULL) {
        arena_init(&memory->arena, CONFIG_ARENA_BYTES);
        config_problem_init(problems, &memory->arena, text);
        err = config_build(problems, memory, &config);
        config_problem_print(problems, file, messages);
        if (err == ERR_OK) {
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
