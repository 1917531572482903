/* SPDX-License-Identifier: Apache-2.0
 * From the round trips of single connections to how far a client network is. */
#include "edge/latency_learn.h"

#include "base/assert.h"

/* The network's row, made in the place of the one that was seen longest ago when there is no other. A new one has no
 * samples. */
static struct latency_learn_row *latency_learn_row(struct latency_learn *learn, const struct network *network)
{
    uint32_t oldest = 0;
    for (uint32_t i = 0; i < learn->count; i++) {
        if (network_compare(&learn->rows[i].network, network) == 0) {
            return &learn->rows[i];
        }
        oldest = learn->rows[i].seen_s < learn->rows[oldest].seen_s ? i : oldest;
    }
    const uint32_t place = learn->count < LATENCY_LEARN_NETWORKS ? learn->count++ : oldest;
    learn->rows[place] = (struct latency_learn_row){.network = *network};
    return &learn->rows[place];
}

/* The window is over: its shortest counts by a quarter. */
static void latency_learn_close(struct latency_learn_row *row)
{
    if (row->least_us > row->rtt_us) {
        row->rtt_us += (row->least_us - row->rtt_us) / 4;
    }
}

bool latency_learn_take(struct latency_learn *learn, const struct latency_seen_note *note, int64_t now_s)
{
    ASSERT(note->rtt_us > 0);
    const uint32_t us = note->rtt_us < LATENCY_LINE_MOST_US ? note->rtt_us : LATENCY_LINE_MOST_US;
    struct latency_learn_row *row = latency_learn_row(learn, &note->network);
    const struct latency_learn_row before = *row;
    if (row->samples == 0) {
        row->rtt_us = us;
    }
    const int64_t open_s = now_s - row->window_s;
    if (row->samples > 0 && open_s >= 0 && open_s < LATENCY_LEARN_WINDOW_S) {
        row->least_us = us < row->least_us ? us : row->least_us;
    } else {
        if (row->samples > 0) {
            latency_learn_close(row);
        }
        row->window_s = now_s;
        row->least_us = us;
    }
    row->rtt_us = us < row->rtt_us ? us : row->rtt_us;
    row->samples += row->samples < LATENCY_LEARN_SAMPLES ? 1 : 0;
    row->seen_s = now_s;
    return row->samples != before.samples || row->rtt_us != before.rtt_us;
}

void latency_learn_tell(const struct latency_learn *learn, struct latency_table *table, uint32_t place)
{
    for (uint32_t i = 0; i < learn->count; i++) {
        const struct latency_learn_row *row = &learn->rows[i];
        const struct latency_table_cell cell = {row->rtt_us, row->seen_s > 0 ? row->seen_s : 0};
        if (row->samples == LATENCY_LEARN_SAMPLES) {
            latency_table_put(table, &row->network, place, &cell);
        }
    }
}

void latency_learn_recall(struct latency_learn *learn, const struct latency_table *table, uint32_t place)
{
    for (uint32_t i = 0; i < table->rows_count; i++) {
        const struct latency_table_cell *cell = &table->rows[i].cells[place];
        if (cell->rtt_us == 0) {
            continue;
        }
        struct latency_learn_row *row = latency_learn_row(learn, &table->rows[i].network);
        *row = (struct latency_learn_row){.network = table->rows[i].network,
                                          .samples = LATENCY_LEARN_SAMPLES,
                                          .rtt_us = cell->rtt_us,
                                          .least_us = cell->rtt_us,
                                          .window_s = cell->seen_s,
                                          .seen_s = cell->seen_s};
    }
}
