/* SPDX-License-Identifier: Apache-2.0
 * Traces: one printer for all sentences. */
#include "core/trace.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "core/lsn.h"
#include "core/model.h"

struct trace_row {
    const char *name;
    const char *sentence;
    enum trace_severity severity;
};

static const struct trace_row trace_rows[TRACE_COUNT] = {
#define TRACE_ROW(name, severity, sentence) [TRACE_##name] = {#name, sentence, TRACE_##severity},
    TRACE_TABLE(TRACE_ROW)
#undef TRACE_ROW
};

const char *trace_name(enum trace_kind kind)
{
    ASSERT((unsigned)kind < TRACE_COUNT);
    return trace_rows[kind].name;
}

enum trace_severity trace_level(enum trace_kind kind)
{
    ASSERT((unsigned)kind < TRACE_COUNT);
    return trace_rows[kind].severity;
}

static void trace_index(struct buf *buf, const void *table, size_t stride, uint32_t count, uint32_t index)
{
    buf_text(buf, index < count ? (const char *)table + index * stride : "?");
}

static void trace_probe(const struct trace *trace, const struct model *model, struct buf *buf)
{
    if (trace->probe >= model->probes_count) {
        buf_text(buf, "?");
        return;
    }
    const struct model_probe *probe = &model->probes[trace->probe];
    buf_printf(buf, "%s@%s", model->checks[probe->check].name, model->regions[probe->region].name);
}

static void trace_number(const struct trace *trace, const char *word, struct buf *buf)
{
    char text[LSN_TEXT];
    if (strcmp(word, "n") == 0) {
        buf_printf(buf, "%llu", (unsigned long long)trace->n);
    } else if (strcmp(word, "m") == 0) {
        buf_printf(buf, "%llu", (unsigned long long)trace->m);
    } else if (strcmp(word, "run") == 0) {
        buf_printf(buf, "%llu", (unsigned long long)trace->run);
    } else {
        ASSERT(strcmp(word, "lsn") == 0);
        lsn_print((struct lsn){trace->lsn}, text);
        buf_text(buf, text);
    }
}

static void trace_word(const struct trace *trace, const struct model *model, const char *word, struct buf *buf)
{
    if (strcmp(word, "site") == 0) {
        trace_index(buf, model->sites, sizeof model->sites[0], model->sites_count, trace->site);
    } else if (strcmp(word, "region") == 0) {
        trace_index(buf, model->regions, sizeof model->regions[0], model->regions_count, trace->region);
    } else if (strcmp(word, "to") == 0) {
        trace_index(buf, model->regions, sizeof model->regions[0], model->regions_count, trace->to);
    } else if (strcmp(word, "node") == 0) {
        trace_index(buf, model->nodes, sizeof model->nodes[0], model->nodes_count, trace->node);
    } else if (strcmp(word, "database") == 0) {
        trace_index(buf, model->databases, sizeof model->databases[0], model->databases_count, trace->database);
    } else if (strcmp(word, "service") == 0) {
        trace_index(buf, model->services, sizeof model->services[0], model->services_count, trace->service);
    } else if (strcmp(word, "probe") == 0) {
        trace_probe(trace, model, buf);
    } else if (strcmp(word, "step") == 0) {
        buf_text(buf, trace->step != NULL ? trace->step : "?");
    } else if (strcmp(word, "err") == 0) {
        buf_text(buf, err_text(trace->err));
    } else if (strcmp(word, "text") == 0) {
        buf_text(buf, trace->text);
    } else {
        trace_number(trace, word, buf);
    }
}

void trace_print(const struct trace *trace, const struct model *model, struct buf *buf)
{
    ASSERT((unsigned)trace->kind < TRACE_COUNT);
    const char *at = trace_rows[trace->kind].sentence;
    while (*at != 0) {
        const char *open = strchr(at, '{');
        if (open == NULL) {
            buf_text(buf, at);
            return;
        }
        buf_bytes(buf, at, (size_t)(open - at));
        const char *close = strchr(open, '}');
        ASSERT(close != NULL && close - open < 16);
        char word[16] = {0};
        memcpy(word, open + 1, (size_t)(close - open) - 1);
        trace_word(trace, model, word, buf);
        at = close + 1;
    }
}
