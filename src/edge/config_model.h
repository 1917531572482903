/* SPDX-License-Identifier: Apache-2.0
 * The configuration as the core knows it: names become indices, limits become fixed tables.
 *
 * Order is the file's: region i of the model is regions[i] of the configuration, and so are sites, checks and
 * databases. Nodes are numbered through: those of the first database, then those of the second. Probes are numbered
 * check by check, in the order of their targets. */
#pragma once

#include <stdint.h>

#include "core/model.h"
#include "wire/config.h"

/* Cannot fail: config_parse keeps every limit. The model is large (about 60 kB): not for the stack. */
void config_model(const struct config *config, struct model *ret_model);

/* Names the configuration: the hash of its canonical text (wire/config_show.h). Equal configurations, however they are
 * written, have equal hashes. 0 only when memory ran out. */
uint64_t config_model_hash(const struct config *config);

/* The model's index of the first node of a database. */
uint32_t config_model_node(const struct config *config, uint32_t database);
