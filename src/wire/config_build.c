/* SPDX-License-Identifier: Apache-2.0
 * The steps: tree, values, what holds between them. */
#include "wire/config_build.h"

#include "wire/config_read.h"
#include "wire/config_tree.h"
#include "wire/config_verify.h"

enum err config_build(struct config_problems *problems, struct config **ret_config)
{
    struct config *config = arena_alloc(problems->arena, sizeof *config);
    if (config == NULL) {
        return ERR_NO_MEMORY;
    }
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
