/* SPDX-License-Identifier: Apache-2.0
 * A latency policy's measured networks. */
#include "dns/dns_steer_measured.h"

#include <stdlib.h>

#include "base/assert.h"

/* True: it has a time. */
static bool dns_steer_measured_row(const struct latency_table *table, uint32_t index,
                                   const uint8_t refs[LATENCY_TABLE_PLACES], struct dns_steer_measured_row *row)
{
    const struct latency_table_row *from = &table->rows[index];
    bool any = false;
    *row = (struct dns_steer_measured_row){.line = {.family = from->network.family, .bits = from->network.bits}};
    row->line.start = dns_networks_key(from->network.bytes, from->network.family);
    for (uint32_t place = 0; place < table->places_count; place++) {
        const struct latency_table_cell *cell = &from->cells[place];
        if (cell->rtt_us != 0 && refs[place] != DNS_STEER_NONE) {
            ASSERT(refs[place] < DNS_STEER_REGIONS);
            row->cells[refs[place]] = (struct dns_steer_measured_cell){
                .known = true, .measured = true, .us = cell->rtt_us, .seen_s = cell->seen_s};
            any = true;
        }
    }
    return any;
}

enum err dns_steer_measured_begin(struct dns_steer_measured *measured, const struct latency_table *table,
                                  const uint8_t refs[LATENCY_TABLE_PLACES], const struct view_address *only)
{
    *measured = (struct dns_steer_measured){.rows = calloc(table->rows_count + 1, sizeof *measured->rows)};
    if (measured->rows == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < table->rows_count; i++) {
        const bool held = only == NULL || network_holds(&table->rows[i].network, only->bytes, only->family);
        if (held && dns_steer_measured_row(table, i, refs, &measured->rows[measured->count])) {
            measured->count++;
        }
    }
    return ERR_OK;
}

void dns_steer_measured_end(struct dns_steer_measured *measured)
{
    free(measured->rows);
    *measured = (struct dns_steer_measured){.count = 0};
}

/* Whether the row's network begins before the line's. */
static bool dns_steer_measured_before(const struct dns_networks_line *row, const struct dns_networks_line *line)
{
    if (row->family != line->family) {
        return row->family < line->family;
    }
    return row->start.high != line->start.high ? row->start.high < line->start.high : row->start.low < line->start.low;
}

/* The first row that does not begin before the line. */
static uint32_t dns_steer_measured_first(const struct dns_steer_measured *measured,
                                         const struct dns_networks_line *line)
{
    uint32_t low = 0;
    uint32_t high = measured->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (dns_steer_measured_before(&measured->rows[middle].line, line)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void dns_steer_measured_fill(struct dns_steer_measured *measured, const struct dns_networks_line *line,
                             const struct dns_steer_chain *chain, const uint32_t times_ms[DNS_STEER_REFS])
{
    for (uint32_t i = dns_steer_measured_first(measured, line); i < measured->count; i++) {
        struct dns_steer_measured_row *row = &measured->rows[i];
        if (!dns_networks_text_holds(line, row->line.family, &row->line.start)) {
            return;
        }
        for (uint32_t j = 0; j < chain->count && line->bits <= row->line.bits; j++) {
            struct dns_steer_measured_cell *cell = &row->cells[chain->refs[j]];
            if (!cell->known || (!cell->measured && line->bits > cell->bits)) {
                *cell = (struct dns_steer_measured_cell){.known = true, .bits = line->bits, .us = times_ms[j] * 1000};
            }
        }
    }
}

bool dns_steer_measured_order(const struct dns_steer_measured_row *row, struct dns_steer_chain *ret_chain)
{
    *ret_chain = (struct dns_steer_chain){.count = 0};
    for (uint32_t ref = 0; ref < DNS_STEER_REFS; ref++) {
        if (!row->cells[ref].known) {
            continue;
        }
        uint32_t at = ret_chain->count++;
        for (; at > 0 && row->cells[ret_chain->refs[at - 1]].us > row->cells[ref].us; at--) {
            ret_chain->refs[at] = ret_chain->refs[at - 1];
        }
        ret_chain->refs[at] = (uint8_t)ref;
    }
    return ret_chain->count >= 2;
}
