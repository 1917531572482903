/* SPDX-License-Identifier: Apache-2.0
 * The split: rows from factors. */
#include "core/split.h"

#include <string.h>

#include "base/assert.h"

uint32_t split_substitute(const struct model *model, const uint32_t factor[LIMITS_REGIONS], uint32_t region)
{
    const struct model_region *entry = &model->regions[region];
    for (uint32_t i = 0; i < entry->backup_count; i++) {
        if (factor[entry->backup[i]] == DURABLE_WHOLE) {
            return entry->backup[i];
        }
    }
    for (uint32_t other = 0; other < model->regions_count; other++) {
        if (other != region && factor[other] == DURABLE_WHOLE) {
            return other;
        }
    }
    return LIMITS_NONE;
}

/* The steady state: all to the home region, or by weight. */
static void split_base(const struct model *model, uint32_t home, uint32_t ret_row[LIMITS_REGIONS])
{
    memset(ret_row, 0, LIMITS_REGIONS * sizeof ret_row[0]);
    if (home != VIEW_HOME_DEFAULT) {
        ret_row[home] = VIEW_SHARES_WHOLE;
        return;
    }
    uint64_t weights = 0;
    uint32_t first = 0; /* that has any weight */
    for (uint32_t region = 0; region < model->regions_count; region++) {
        first = weights == 0 ? region : first;
        weights += model->regions[region].weight;
    }
    uint32_t given = 0;
    for (uint32_t region = 0; region < model->regions_count && weights > 0; region++) {
        ret_row[region] = (uint32_t)(VIEW_SHARES_WHOLE * (uint64_t)model->regions[region].weight / weights);
        given += ret_row[region];
    }
    ret_row[weights > 0 ? first : 0] += VIEW_SHARES_WHOLE - given; /* what rounding left over */
}

void split_row(const struct model *model, const uint32_t factor[LIMITS_REGIONS], uint32_t home,
               uint32_t ret_row[LIMITS_REGIONS])
{
    ASSERT(model->regions_count > 0);
    uint32_t base[LIMITS_REGIONS];
    split_base(model, home, base);
    memset(ret_row, 0, LIMITS_REGIONS * sizeof ret_row[0]);
    for (uint32_t region = 0; region < model->regions_count; region++) {
        const uint32_t substitute = split_substitute(model, factor, region);
        const uint32_t kept = substitute == LIMITS_NONE
                                  ? base[region] /* the last one standing keeps its clients */
                                  : (uint32_t)((uint64_t)base[region] * factor[region] / DURABLE_WHOLE);
        ret_row[region] += kept;
        if (kept < base[region]) {
            ret_row[substitute] += base[region] - kept;
        }
    }
}

bool split_carries(const struct model *model, const uint32_t factor[LIMITS_REGIONS], uint32_t region)
{
    for (uint32_t home = 0; home < VIEW_HOMES; home++) {
        uint32_t row[LIMITS_REGIONS];
        if (home >= model->regions_count && home != VIEW_HOME_DEFAULT) {
            continue;
        }
        split_row(model, factor, home, row);
        if (row[region] > 0) {
            return true;
        }
    }
    return false;
}
