/* SPDX-License-Identifier: Apache-2.0
 * Steps: what each row of a plan does. core/run.h walks them.
 *
 * A step is polled with every event until it says something other than RUNNING. Polling is safe at any time and after a
 * restart: it looks at what is true and asks for what is missing. Its detail text says what was seen. */
#pragma once

#include "core/engine.h"

enum step_verdict {
    STEP_RUNNING,
    STEP_DONE,
    STEP_SKIP,
    STEP_UNPROVEN, /* done, but the proof did not come in time */
    STEP_FAILED,
    STEP_BACK_TO_FENCE,   /* another candidate must be tried */
    STEP_BACK_TO_COMPARE, /* the comparison is too old */
};

enum step_verdict step_poll(struct engine *engine, struct output *output, enum plan_step step);

/* Undoes the step; RUNNING until it is undone, FAILED when only a person can. */
enum step_verdict step_undo(struct engine *engine, struct output *output, enum plan_step step);

/* What a step that passed its deadline counts as. */
enum step_verdict step_late(enum plan_step step);

/* For the step files themselves: */

/* The present step of the run: its detail and error are written here. */
struct durable_step *step_present(struct engine *engine);
void step_detail(struct engine *engine, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether all readers of a kind that can be heard answer from this view version or a later one; says how many in the
 * detail. */
bool step_readers(struct engine *engine, enum event_reader_kind kind, uint64_t version);

/* True just after a start, while agents and observers have not all been heard: what is missing now is not missing in
 * the world. */
bool step_settling(const struct engine *engine);

/* Publishes what the caller changed in `durable` with the next view, which engine_step draws behind the run:
 * engine->run.version is 0 until then, and that view's number for step_readers afterwards. */
void step_publish(struct engine *engine, struct output *output);

/* step_gate.c: conditions and people */
enum step_verdict step_gate_evidence(struct engine *engine, struct output *output);
enum step_verdict step_gate_approval(struct engine *engine, struct output *output);
enum step_verdict step_gate_validate(struct engine *engine, struct output *output);
enum step_verdict step_gate_guard(struct engine *engine, struct output *output);
enum step_verdict step_gate_compare(struct engine *engine, struct output *output);
enum step_verdict step_gate_ledger(struct engine *engine, struct output *output);
enum step_verdict step_gate_close(struct engine *engine, struct output *output);

/* The ledger of a run that ends before its step LEDGER: the writers that it has replaced all the same. */
void step_gate_account(struct engine *engine, struct output *output);

/* step_writer.c: moving the writer */
enum step_verdict step_writer_fence(struct engine *engine, struct output *output);
enum step_verdict step_writer_promote(struct engine *engine, struct output *output);
enum step_verdict step_writer_prove(struct engine *engine, struct output *output);
enum step_verdict step_writer_route(struct engine *engine, struct output *output);
enum step_verdict step_writer_checkpoint(struct engine *engine, struct output *output);
enum step_verdict step_writer_hold(struct engine *engine, struct output *output);
enum step_verdict step_writer_stop(struct engine *engine, struct output *output);
enum step_verdict step_writer_catch_up(struct engine *engine, struct output *output);
enum step_verdict step_writer_rejoin(struct engine *engine, struct output *output);
enum step_verdict step_writer_restore(struct engine *engine, struct output *output); /* undo of FENCE and STOP */
enum step_verdict step_writer_release(struct engine *engine, struct output *output); /* undo of HOLD */

/* step_traffic.c: moving the clients */
enum step_verdict step_traffic_lower(struct engine *engine, struct output *output);
enum step_verdict step_traffic_balance(struct engine *engine, struct output *output);
enum step_verdict step_traffic_names(struct engine *engine, struct output *output);
enum step_verdict step_traffic_verify(struct engine *engine, struct output *output);
enum step_verdict step_traffic_canary(struct engine *engine, struct output *output);
enum step_verdict step_traffic_ramp(struct engine *engine, struct output *output);
enum step_verdict step_traffic_shift(struct engine *engine, struct output *output, uint32_t percent);
enum step_verdict step_traffic_back(struct engine *engine, struct output *output); /* undo of all of them */

/* The region whose factor this run changes. */
uint32_t step_traffic_region(const struct durable_run *run);
