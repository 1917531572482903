/* SPDX-License-Identifier: Apache-2.0
 * What must survive the controller: sealing and checking. */
#include "core/durable.h"

#include <stddef.h>

#include "base/hash.h"

static uint64_t durable_checksum(const struct durable *durable)
{
    const size_t start = offsetof(struct durable, sequence);
    return hash_bytes((const char *)durable + start, sizeof *durable - start);
}

void durable_seal(struct durable *durable)
{
    durable->magic = DURABLE_MAGIC;
    durable->format = DURABLE_FORMAT;
    durable->size = sizeof *durable;
    durable->checksum = durable_checksum(durable);
}

bool durable_valid(const struct durable *durable, uint64_t size)
{
    return size == sizeof *durable && durable->magic == DURABLE_MAGIC && durable->format == DURABLE_FORMAT &&
           durable->size == sizeof *durable && durable->checksum == durable_checksum(durable) &&
           durable->ends_count <= DURABLE_LEDGER && durable->run.steps_count <= PLAN_STEPS_MAX &&
           durable->run.at <= durable->run.steps_count && durable->run.moves_count <= LIMITS_DATABASES;
}
