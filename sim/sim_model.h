/* SPDX-License-Identifier: Apache-2.0
 * What the configurations of stories, walks and seeds have in common. */
#pragma once

#include "core/model.h"

enum { SIM_MODEL_TAIWAN, SIM_MODEL_TOKYO, SIM_MODEL_WITNESS, SIM_MODEL_PLACES };

/* Regions taiwan and tokyo, each the other's backup, and a witness; each a site with observer, DNS and proxy, and no
 * controller as yet. */
void sim_model_two_regions(struct model *model);

/* Rules that a run of seconds can meet, and that no flapping stops. */
void sim_model_policy(struct model *model);

/* These checks, each against every region that the model has. */
void sim_model_checks(struct model *model, const struct model_check *checks, uint32_t count);
