/* SPDX-License-Identifier: Apache-2.0
 * Requests as JSON. */
#include "edge/store_etcd_text.h"

#include "edge/store_etcd_code.h"

enum {
    STORE_ETCD_TEXT_FLAT = 60,  /* writes that stand in the transaction itself */
    STORE_ETCD_TEXT_CHUNK = 32, /* of an inner one: with the outer compares far below etcd's 128 */
};

static void store_etcd_text_bytes(struct buf *buf, const char *name, struct span bytes)
{
    buf_printf(buf, "\"%s\":\"", name);
    store_etcd_code_put(buf, bytes);
    buf_u8(buf, '"');
}

void store_etcd_text_range(struct buf *buf, const struct store_etcd_text_range *range)
{
    buf_u8(buf, '{');
    store_etcd_text_bytes(buf, "key", store_etcd_name_span(range->first));
    if (range->end != NULL) {
        buf_u8(buf, ',');
        store_etcd_text_bytes(buf, "range_end", store_etcd_name_span(range->end));
    }
    if (range->limit > 0) {
        buf_printf(buf, ",\"limit\":\"%zu\"", range->limit);
    }
    if (range->changes) {
        buf_printf(buf, ",\"min_mod_revision\":\"%llu\"", (unsigned long long)range->after + 1);
    }
    if (range->changes || range->descending) {
        buf_printf(buf, ",\"sort_target\":\"%s\",\"sort_order\":\"%s\"", range->changes ? "MOD" : "KEY",
                   range->descending ? "DESCEND" : "ASCEND");
    }
    buf_text(buf, range->keys_only ? ",\"keys_only\":true}" : "}");
}

static void store_etcd_text_comma(struct store_etcd_text *text)
{
    if (text->more) {
        buf_u8(text->buf, ',');
    }
    text->more = true;
}

void store_etcd_text_begin(struct store_etcd_text *text, struct buf *buf, size_t writes)
{
    *text = (struct store_etcd_text){.buf = buf, .chunk = writes > STORE_ETCD_TEXT_FLAT ? STORE_ETCD_TEXT_CHUNK : 0};
    buf_text(buf, "{\"compare\":[");
}

void store_etcd_text_compare(struct store_etcd_text *text, const struct store_etcd_name *key, uint64_t revision)
{
    store_etcd_text_comma(text);
    buf_text(text->buf, "{\"target\":\"MOD\",\"result\":\"EQUAL\",");
    store_etcd_text_bytes(text->buf, "key", store_etcd_name_span(key));
    buf_printf(text->buf, ",\"mod_revision\":\"%llu\"}", (unsigned long long)revision);
}

void store_etcd_text_then(struct store_etcd_text *text)
{
    buf_text(text->buf, "],\"success\":[");
    text->more = false;
}

/* Before each write: its comma, and where an inner transaction begins or ends. */
static void store_etcd_text_write(struct store_etcd_text *text)
{
    if (text->chunk > 0 && text->written % text->chunk == 0) {
        if (text->written > 0) {
            buf_text(text->buf, "]}}");
        }
        store_etcd_text_comma(text);
        buf_text(text->buf, "{\"request_txn\":{\"success\":[");
        text->more = false;
    }
    text->written++;
    store_etcd_text_comma(text);
}

void store_etcd_text_put(struct store_etcd_text *text, const struct store_etcd_name *key, struct span value)
{
    store_etcd_text_write(text);
    buf_text(text->buf, "{\"request_put\":{");
    store_etcd_text_bytes(text->buf, "key", store_etcd_name_span(key));
    buf_u8(text->buf, ',');
    store_etcd_text_bytes(text->buf, "value", value);
    buf_text(text->buf, "}}");
}

void store_etcd_text_delete(struct store_etcd_text *text, const struct store_etcd_name *key)
{
    store_etcd_text_write(text);
    buf_text(text->buf, "{\"request_delete_range\":{");
    store_etcd_text_bytes(text->buf, "key", store_etcd_name_span(key));
    buf_text(text->buf, "}}");
}

void store_etcd_text_else(struct store_etcd_text *text)
{
    if (text->chunk > 0 && text->written > 0) {
        buf_text(text->buf, "]}}");
    }
    buf_text(text->buf, "],\"failure\":[");
    text->more = false;
}

void store_etcd_text_ask(struct store_etcd_text *text, const struct store_etcd_text_range *range)
{
    store_etcd_text_comma(text);
    buf_text(text->buf, "{\"request_range\":");
    store_etcd_text_range(text->buf, range);
    buf_u8(text->buf, '}');
}

void store_etcd_text_end(struct store_etcd_text *text)
{
    buf_text(text->buf, "]}");
}
