/* SPDX-License-Identifier: Apache-2.0
 * Actions: their names. */
#include "core/action.h"

#include "base/assert.h"

const char *action_name(enum action_kind kind)
{
    static const char *const names[ACTION_COUNT] = {
#define ACTION_NAME(name, what) [ACTION_##name] = #name,
        ACTION_TABLE(ACTION_NAME)
#undef ACTION_NAME
    };
    ASSERT((unsigned)kind < ACTION_COUNT);
    return names[kind];
}
