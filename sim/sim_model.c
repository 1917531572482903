/* SPDX-License-Identifier: Apache-2.0
 * Pieces of configurations. */
#include "sim/sim_model.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"

void sim_model_two_regions(struct model *model)
{
    static const char *const names[SIM_MODEL_PLACES] = {"taiwan", "tokyo", "witness"};
    model->regions_count = SIM_MODEL_WITNESS;
    model->sites_count = SIM_MODEL_PLACES;
    for (uint32_t place = 0; place < SIM_MODEL_PLACES; place++) {
        struct model_site *site = &model->sites[place];
        text_copy(site->name, sizeof site->name, names[place]);
        site->region = place < SIM_MODEL_WITNESS ? place : LIMITS_NONE;
        site->observes = site->dns = site->proxy = true;
    }
    for (uint32_t i = 0; i < model->regions_count; i++) {
        struct model_region *region = &model->regions[i];
        text_copy(region->name, sizeof region->name, names[i]);
        region->backup[0] = 1 - i;
        region->backup_count = 1;
        region->capacity_ppm = 1500000;
        region->weight = 50;
    }
}

void sim_model_policy(struct model *model)
{
    model->policy = model_policy_default();
    model->policy.cooldown_ms = 0;
    model->policy.error_rate_duration_ms = 5000;
    model->policy.flapping_transitions = 100;
}

void sim_model_checks(struct model *model, const struct model_check *checks, uint32_t count)
{
    ASSERT(count <= LIMITS_CHECKS && count * model->regions_count <= LIMITS_PROBES);
    model->checks_count = count;
    memcpy(model->checks, checks, count * sizeof checks[0]);
    for (uint32_t check = 0; check < count; check++) {
        for (uint32_t region = 0; region < model->regions_count; region++) {
            model->probes[model->probes_count++] = (struct model_probe){check, region};
        }
    }
}
