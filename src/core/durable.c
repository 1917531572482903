/* SPDX-License-Identifier: Apache-2.0
 * What must survive the controller: sealing and checking. */
#include "core/durable.h"

#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"

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

static bool durable_run_valid(const struct durable_run *run)
{
    return run->steps_count <= PLAN_STEPS_MAX && run->at <= run->steps_count && run->moves_count <= LIMITS_DATABASES;
}

bool durable_valid(const struct durable *durable, uint64_t size)
{
    return size == sizeof *durable && durable->magic == DURABLE_MAGIC && durable->format == DURABLE_FORMAT &&
           durable->size == sizeof *durable && durable->checksum == durable_checksum(durable) &&
           durable->ends_count <= DURABLE_LEDGER && durable_run_valid(&durable->run) &&
           durable_run_valid(&durable->aside);
}

/* Of a record of the first format, whose checksum ends where it did. */
static bool durable_read_first(const void *bytes, uint64_t size, struct durable *ret_durable)
{
    enum { FORMAT = 1 };
    const size_t end = offsetof(struct durable, caches);
    const size_t start = offsetof(struct durable, sequence);
    if (size != end) {
        return false;
    }
    memset(ret_durable, 0, sizeof *ret_durable);
    memcpy(ret_durable, bytes, end);
    if (ret_durable->magic != DURABLE_MAGIC || ret_durable->format != FORMAT || ret_durable->size != end ||
        ret_durable->checksum != hash_bytes((const char *)ret_durable + start, end - start)) {
        return false;
    }
    durable_seal(ret_durable);
    return true;
}

bool durable_read(const void *bytes, uint64_t size, struct durable *ret_durable)
{
    if (!durable_read_first(bytes, size, ret_durable)) {
        if (size != sizeof *ret_durable) {
            return false;
        }
        memcpy(ret_durable, bytes, sizeof *ret_durable);
    }
    return durable_valid(ret_durable, sizeof *ret_durable);
}

void durable_remember(struct durable *durable, const struct durable_run *run)
{
    memmove(&durable->past[1], &durable->past[0], (DURABLE_RUNS - 1) * sizeof durable->past[0]);
    durable->past[0] = *run;
}

const struct durable_run *durable_run_find(const struct durable *durable, uint64_t id)
{
    const struct durable_run *const live[] = {&durable->run, &durable->aside};
    for (uint32_t i = 0; i < 2; i++) {
        if (live[i]->state != DURABLE_RUN_NONE && live[i]->id == id) {
            return live[i];
        }
    }
    for (uint32_t i = 0; i < DURABLE_RUNS; i++) {
        if (durable->past[i].state != DURABLE_RUN_NONE && durable->past[i].id == id) {
            return &durable->past[i];
        }
    }
    return NULL;
}

int64_t durable_run_rto_ms(const struct durable_run *run)
{
    int64_t routed = 0;
    for (uint32_t i = 0; i < run->steps_count; i++) {
        const struct durable_step *step = &run->steps[i];
        const bool route =
            step->step == PLAN_ROUTE_SQL || step->step == PLAN_ROUTE_BALANCERS || step->step == PLAN_ROUTE_DNS;
        const bool done = step->state == DURABLE_STEP_DONE || step->state == DURABLE_STEP_UNPROVEN;
        if (route && done && step->ended_us > routed) {
            routed = step->ended_us;
        }
    }
    const int64_t from = run->evidence_us > 0 ? run->evidence_us : run->began_us;
    return routed > from && from > 0 ? (routed - from) / TIME_US_PER_MS : -1;
}
