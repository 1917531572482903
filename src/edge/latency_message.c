/* SPDX-License-Identifier: Apache-2.0
 * Measured times as JSON. */
#include "edge/latency_message.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "base/text.h"

/* ---- what both have ---- */

static bool latency_message_network(const json_t *json, struct network *ret_network)
{
    const json_t *text = json_object_get(json, "network");
    return json_is_string(text) &&
           network_parse(span_of(json_string_value(text), json_string_length(text)), ret_network);
}

static bool latency_message_name(const json_t *json, const char *member, char ret_name[LIMITS_NAME])
{
    const json_t *text = json_object_get(json, member);
    const size_t size = json_string_length(text);
    if (!json_is_string(text) || size == 0 || size >= LIMITS_NAME) {
        return false;
    }
    text_copy(ret_name, LIMITS_NAME, json_string_value(text));
    return true;
}

static bool latency_message_number(const json_t *json, const char *member, int64_t least, int64_t most,
                                   int64_t *ret_number)
{
    const json_t *number = json_object_get(json, member);
    *ret_number = json_integer_value(number);
    return json_is_integer(number) && *ret_number >= least && *ret_number <= most;
}

static bool latency_message_times(const json_t *json, uint32_t *ret_rtt_us, uint32_t *ret_age_s)
{
    int64_t rtt_us = 0;
    int64_t age_s = 0;
    if (!latency_message_number(json, "rtt_us", 1, LATENCY_LINE_MOST_US, &rtt_us) ||
        !latency_message_number(json, "age_s", 0, LATENCY_MESSAGE_AGE_S, &age_s)) {
        return false;
    }
    *ret_rtt_us = (uint32_t)rtt_us;
    *ret_age_s = (uint32_t)age_s;
    return true;
}

static uint32_t latency_message_age(int64_t now_s, int64_t seen_s)
{
    const int64_t age_s = now_s - seen_s;
    return age_s < 0 ? 0 : age_s > LATENCY_MESSAGE_AGE_S ? LATENCY_MESSAGE_AGE_S : (uint32_t)age_s;
}

/* ---- reports ---- */

void latency_message_write(const struct latency_message *message, struct buf *buf)
{
    ASSERT(message->count <= LATENCY_MESSAGE_ROWS);
    buf_printf(buf, "{\"site\":\"%s\",\"networks\":[", message->site);
    for (uint32_t i = 0; i < message->count; i++) {
        const struct latency_message_row *row = &message->rows[i];
        char network[NETWORK_TEXT];
        network_print(&row->network, network);
        buf_printf(buf, "%s{\"network\":\"%s\",\"rtt_us\":%u,\"age_s\":%u}", i > 0 ? "," : "", network, row->rtt_us,
                   row->age_s);
    }
    buf_text(buf, "]}");
}

enum err latency_message_read(const char *text, size_t size, struct latency_message *ret_message)
{
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(json, "networks");
    const size_t count = json_array_size(list);
    bool good =
        json_is_array(list) && count <= LATENCY_MESSAGE_ROWS && latency_message_name(json, "site", ret_message->site);
    for (size_t i = 0; i < count && good; i++) {
        const json_t *row = json_array_get(list, i);
        struct latency_message_row *to = &ret_message->rows[i];
        good = latency_message_network(row, &to->network) && latency_message_times(row, &to->rtt_us, &to->age_s);
    }
    ret_message->count = good ? (uint32_t)count : 0;
    json_decref(json);
    return good ? ERR_OK : ERR_INVALID;
}

/* ---- tables ---- */

static json_t *latency_message_regions(const struct latency_table *table, const struct latency_table_row *row,
                                       int64_t now_s)
{
    json_t *regions = json_array();
    for (uint32_t place = 0; place < table->places_count; place++) {
        const struct latency_table_cell *cell = &row->cells[place];
        if (cell->rtt_us != 0) {
            json_array_append_new(regions, json_pack("{s:s,s:I,s:I}", "region", table->places[place], "rtt_us",
                                                     (json_int_t)cell->rtt_us, "age_s",
                                                     (json_int_t)latency_message_age(now_s, cell->seen_s)));
        }
    }
    return regions;
}

char *latency_message_write_table(const struct latency_table *table, int64_t now_s, int64_t max_age_s)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < table->rows_count; i++) {
        char network[NETWORK_TEXT];
        network_print(&table->rows[i].network, network);
        json_array_append_new(list, json_pack("{s:s,s:o}", "network", network, "regions",
                                              latency_message_regions(table, &table->rows[i], now_s)));
    }
    json_t *json = json_pack("{s:I,s:o}", "max_age_s", (json_int_t)max_age_s, "networks", list);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static enum err latency_message_row(const json_t *json, int64_t now_s, struct latency_table *table)
{
    struct network network;
    const json_t *regions = json_object_get(json, "regions");
    if (!latency_message_network(json, &network) || !json_is_array(regions)) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < json_array_size(regions); i++) {
        const json_t *region = json_array_get(regions, i);
        char name[LIMITS_NAME];
        uint32_t rtt_us = 0;
        uint32_t age_s = 0;
        if (!latency_message_name(region, "region", name) || !latency_message_times(region, &rtt_us, &age_s)) {
            return ERR_INVALID;
        }
        const uint32_t place = latency_table_place(table, name);
        if (place == LIMITS_NONE) {
            return ERR_TOO_LARGE;
        }
        latency_table_put(table, &network, place, &(struct latency_table_cell){rtt_us, now_s - age_s});
    }
    return ERR_OK;
}

enum err latency_message_read_table(const char *text, size_t size, int64_t now_s, struct latency_table *table)
{
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(json, "networks");
    enum err err = json_is_array(list) && json_array_size(list) <= LATENCY_TABLE_NETWORKS ? ERR_OK : ERR_INVALID;
    for (size_t i = 0; i < json_array_size(list) && err == ERR_OK; i++) {
        err = latency_message_row(json_array_get(list, i), now_s, table);
    }
    json_decref(json);
    return err;
}
