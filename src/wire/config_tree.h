/* SPDX-License-Identifier: Apache-2.0
 * YAML text as a tree that remembers where every token stood.
 *
 * libyaml parses; what a configuration does not need is refused at its token: anchors, aliases, tags, merge keys,
 * several documents, keys that are not plain scalars, keys given twice, depth and size beyond the limits of
 * wire/config.h, NUL bytes and text that is not UTF-8. Everything lives in the arena. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/config_problem.h"

enum config_tree_kind { CONFIG_TREE_SCALAR, CONFIG_TREE_LIST, CONFIG_TREE_MAPPING };

struct config_tree {
    enum config_tree_kind kind;
    uint32_t line;
    uint32_t column;
    bool quoted;      /* a scalar in quotes or as a block */
    const char *text; /* of a scalar */
    uint32_t size;
    uint32_t count;                /* entries of a mapping or list */
    const struct config_tree *key; /* of a mapping's entry: the scalar before the colon */
    struct config_tree *first;     /* entries in the order of the file */
    struct config_tree *last;
    struct config_tree *next;
};

/* ERR_INVALID: the reasons are in `problems`; `ret_root` is then unset. ERR_OK may come with problems as well:
 * duplicate keys are reported and left out, so that the rest is still checked. */
enum err config_tree_parse(struct config_problems *problems, struct config_tree **ret_root) ERR_CHECK;

/* The entry of a mapping; NULL when there is none, or `tree` is NULL or no mapping. */
const struct config_tree *config_tree_find(const struct config_tree *tree, const char *key);

/* Its position among the mapping's entries; CONFIG_NONE when there is none. */
uint32_t config_tree_index(const struct config_tree *tree, const char *key);

/* "a mapping", "a list", "text". */
const char *config_tree_kind_text(const struct config_tree *tree);
