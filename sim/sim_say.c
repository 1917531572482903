/* SPDX-License-Identifier: Apache-2.0
 * The story as text. */
#include "sim/sim_say.h"

#include <stdarg.h>

#include "base/buf.h"
#include "base/text.h"

enum { SIM_SAY_LINE = 512 };

static void sim_say_begin(const struct sim *sim, struct buf *buf, void *memory)
{
    buf_init(buf, memory, SIM_SAY_LINE);
    buf_printf(buf, "%6lld.%03lld  ", (long long)(sim->now / SIM_S), (long long)(sim->now / SIM_MS % 1000));
}

void sim_say(struct sim *sim, const char *format, ...)
{
    if (sim->options.say == NULL) {
        return;
    }
    char memory[SIM_SAY_LINE];
    struct buf buf;
    va_list arguments;
    sim_say_begin(sim, &buf, memory);
    va_start(arguments, format);
    buf_vprintf(&buf, format, arguments);
    va_end(arguments);
    sim->options.say(sim->options.context, buf_string(&buf));
}

void sim_say_trace(struct sim *sim, const struct trace *trace)
{
    if (sim->options.say == NULL) {
        return;
    }
    char memory[SIM_SAY_LINE];
    struct buf buf;
    sim_say_begin(sim, &buf, memory);
    trace_print(trace, &sim->model, &buf);
    sim->options.say(sim->options.context, buf_string(&buf));
}

void sim_say_violation(struct sim *sim, const char *format, ...)
{
    if (sim->result->violated) {
        return;
    }
    struct buf buf;
    va_list arguments;
    buf_init(&buf, sim->result->violation, sizeof sim->result->violation);
    va_start(arguments, format);
    buf_vprintf(&buf, format, arguments);
    va_end(arguments);
    sim->result->violated = true;
    sim->result->violation_us = sim->now;
    sim->over = true;
    sim_say(sim, "VIOLATION: %s", sim->result->violation);
}
