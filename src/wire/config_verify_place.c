/* SPDX-License-Identifier: Apache-2.0
 * Where in the file a path of keys is. */
#include "wire/config_verify.h"

struct config_verify_place config_verify_place(const struct config_verify *verify, const char *const path[7])
{
    const struct config_tree *at = verify->root;
    for (uint32_t i = 0; i < 6 && path[i] != NULL; i++) {
        const struct config_tree *entry = config_tree_find(at, path[i]);
        if (entry == NULL) {
            break;
        }
        at = entry;
    }
    const struct config_tree *token = at->kind == CONFIG_TREE_MAPPING && at->key != NULL ? at->key : at;
    return (struct config_verify_place){token->line, token->column};
}
