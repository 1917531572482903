/* SPDX-License-Identifier: Apache-2.0
 * kind = breaker: calls through the preset `regional`. */
#include <stdlib.h>

#include "core/breaker.h"
#include "edge/whatif_kind.h"

struct whatif_breaker {
    struct breaker *breaker;
    struct whatif_read *reader;
    const json_t *last; /* its time, as it was written */
    int64_t last_us;
    bool last_admitted;
    int64_t admitted;
};

static void whatif_breaker_call(struct whatif_breaker *state, const struct whatif_read_at *at)
{
    static const char *const operations[] = {"call", NULL};
    if (!whatif_read_object(state->reader, at, true)) {
        return;
    }
    const struct whatif_read_at t = whatif_read_member(at, "t");
    const int64_t t_us = whatif_read_value(state->reader, &t, (struct whatif_read_range){0, WHATIF_READ_MAX, true, 0});
    (void)whatif_read_word(state->reader, at, "op", operations, -1);
    const bool ok = whatif_read_bool(state->reader, at, "ok", true, false);
    if (t_us < state->last_us) {
        whatif_read_fail(state->reader, &t, "is before the event before it");
    }
    if (state->reader->failed) {
        return;
    }
    state->last = t.value;
    state->last_us = t_us;
    state->last_admitted = breaker_acquire(state->breaker, t_us);
    if (state->last_admitted) {
        state->admitted++;
        breaker_record(state->breaker, t_us, !ok, 0);
    }
}

static json_t *whatif_breaker_last(const struct whatif_breaker *state)
{
    if (state->last == NULL) {
        return json_null();
    }
    return json_pack("{s:o,s:b,s:s}", "t", json_deep_copy(state->last), "admitted", (int)state->last_admitted, "state",
                     breaker_state_name(breaker_state(state->breaker)));
}

json_t *whatif_breaker_answer(const struct whatif_options *options, struct whatif_read *reader,
                              const struct whatif_read_at *input, json_t **ret_explain)
{
    (void)options;
    (void)ret_explain;
    const struct breaker_config config = breaker_config_regional();
    const struct whatif_read_at events = whatif_read_member(input, "events");
    struct whatif_breaker state = {.reader = reader};
    json_t *answer = NULL;
    if (!whatif_read_array(reader, &events, true)) {
        return NULL;
    }
    void *memory = malloc(breaker_size(&config));
    if (memory == NULL) {
        return NULL;
    }
    state.breaker = breaker_init(memory, &config, (struct breaker_listener){0}, 0);
    for (size_t i = 0; i < json_array_size(events.value) && !reader->failed; i++) {
        const struct whatif_read_at event = whatif_read_element(&events, i);
        whatif_breaker_call(&state, &event);
    }
    if (!reader->failed) {
        answer = json_pack("{s:o,s:I}", "last", whatif_breaker_last(&state), "admitted", (json_int_t)state.admitted);
    }
    free(memory);
    return answer;
}
