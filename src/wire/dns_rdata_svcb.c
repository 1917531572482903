/* SPDX-License-Identifier: Apache-2.0
 * SvcParams of SVCB and HTTPS records. */
#include "wire/dns_rdata_svcb.h"

#include <string.h>
#include <strings.h>

static const char *const dns_rdata_svcb_names[] = {"mandatory", "alpn",     "no-default-alpn", "port", "ipv4hint",
                                                   "ech",       "ipv6hint", "dohpath",         "ohttp"};

enum { DNS_RDATA_SVCB_NAMES = sizeof dns_rdata_svcb_names / sizeof *dns_rdata_svcb_names };

struct dns_rdata_svcb_param {
    uint16_t key;
    uint16_t size;
    uint16_t at; /* in the scratch memory */
};

/* The parameters in the order of the file. */
struct dns_rdata_svcb_list {
    struct dns_rdata_field *field;
    uint32_t count;
    struct dns_rdata_svcb_param params[DNS_RDATA_SVCB_PARAMS];
    struct buf buf;
    uint8_t memory[DNS_RDATA_SVCB_BYTES];
};

const char *dns_rdata_svcb_key_name(uint16_t key)
{
    return key < DNS_RDATA_SVCB_NAMES ? dns_rdata_svcb_names[key] : NULL;
}

/* "key667": no name begins so. */
static bool dns_rdata_svcb_numbered(struct span text)
{
    return text.size >= 4 && strncasecmp((const char *)text.data, "key", 3) == 0;
}

static uint16_t dns_rdata_svcb_key(struct span text)
{
    for (size_t i = 0; i < DNS_RDATA_SVCB_NAMES; i++) {
        const char *name = dns_rdata_svcb_names[i];
        if (text.size == strlen(name) && strncasecmp((const char *)text.data, name, text.size) == 0) {
            return (uint16_t)i;
        }
    }
    uint64_t number = DNS_RDATA_SVCB_NONE;
    if (!dns_rdata_svcb_numbered(text) ||
        dns_word_number(span_of(text.data + 3, text.size - 3), DNS_RDATA_SVCB_NONE - 1, &number) != ERR_OK) {
        return DNS_RDATA_SVCB_NONE;
    }
    return (uint16_t)number;
}

/* Cuts the part before the next comma off `rest`, which becomes NULL after the last one. A backslash before a comma (or
 * another) belongs to the part; it is taken away into `memory`, whose size is `rest`'s. */
static struct span dns_rdata_svcb_part(struct span *rest, uint8_t *memory)
{
    size_t size = 0;
    size_t at = 0;
    for (; at < rest->size && rest->data[at] != ','; at++) {
        if (rest->data[at] == '\\' && at + 1 < rest->size) {
            at++;
        }
        memory[size++] = rest->data[at];
    }
    *rest = at < rest->size ? span_of(rest->data + at + 1, rest->size - at - 1) : (struct span){NULL, 0};
    return span_of(memory, size);
}

static void dns_rdata_svcb_alpn(struct dns_rdata_svcb_list *list, struct span value)
{
    uint8_t memory[1024];
    if (value.size > sizeof memory) {
        dns_rdata_field_fail(list->field, "the list is too long");
        return;
    }
    for (struct span rest = value; rest.data != NULL;) {
        const struct span part = dns_rdata_svcb_part(&rest, memory);
        if (part.size == 0 || part.size > UINT8_MAX) {
            dns_rdata_field_fail(list->field, "not a list of protocols; expected one as alpn=h2,h3");
            return;
        }
        buf_u8(&list->buf, (uint8_t)part.size);
        buf_bytes(&list->buf, part.data, part.size);
    }
}

static void dns_rdata_svcb_hints(struct dns_rdata_svcb_list *list, struct span value, bool six)
{
    uint8_t memory[1024];
    if (value.size > sizeof memory) {
        dns_rdata_field_fail(list->field, "the list is too long");
        return;
    }
    for (struct span rest = value; rest.data != NULL;) {
        if (!dns_rdata_field_address_write(dns_rdata_svcb_part(&rest, memory), six, &list->buf)) {
            dns_rdata_field_fail(list->field, six ? "not a list of IPv6 addresses; expected one as ipv6hint=2001:db8::1"
                                                  : "not a list of IPv4 addresses; expected one as ipv4hint=192.0.2.1");
            return;
        }
    }
}

static void dns_rdata_svcb_mandatory(struct dns_rdata_svcb_list *list, struct span value)
{
    uint8_t memory[1024];
    uint16_t keys[DNS_RDATA_SVCB_PARAMS];
    uint32_t count = 0;
    for (struct span rest = value; rest.data != NULL && value.size <= sizeof memory;) {
        const uint16_t key = dns_rdata_svcb_key(dns_rdata_svcb_part(&rest, memory));
        uint32_t at = 0;
        while (at < count && keys[at] < key) {
            at++;
        }
        if (key == DNS_RDATA_SVCB_NONE || key == DNS_RDATA_SVCB_MANDATORY || count == DNS_RDATA_SVCB_PARAMS ||
            (at < count && keys[at] == key)) {
            count = 0;
            break;
        }
        memmove(keys + at + 1, keys + at, (count - at) * sizeof *keys);
        keys[at] = key;
        count++;
    }
    if (count == 0) {
        dns_rdata_field_fail(list->field, "not a list of other keys, each once; expected one as mandatory=alpn,port");
    }
    for (uint32_t i = 0; i < count; i++) {
        buf_u16be(&list->buf, keys[i]);
    }
}

static void dns_rdata_svcb_value(struct dns_rdata_svcb_list *list, uint16_t key, struct span value)
{
    uint64_t number = 0;
    switch (key) {
    case DNS_RDATA_SVCB_MANDATORY:
        dns_rdata_svcb_mandatory(list, value);
        return;
    case DNS_RDATA_SVCB_ALPN:
        dns_rdata_svcb_alpn(list, value);
        return;
    case DNS_RDATA_SVCB_NO_DEFAULT_ALPN:
    case DNS_RDATA_SVCB_OHTTP:
        if (value.size > 0) {
            dns_rdata_field_fail(list->field, "this key takes no value");
        }
        return;
    case DNS_RDATA_SVCB_PORT:
        if (dns_word_number(value, UINT16_MAX, &number) != ERR_OK) {
            dns_rdata_field_fail(list->field, "not a port; expected port=0 to port=65535");
        }
        buf_u16be(&list->buf, (uint16_t)number);
        return;
    case DNS_RDATA_SVCB_IPV4HINT:
    case DNS_RDATA_SVCB_IPV6HINT:
        dns_rdata_svcb_hints(list, value, key == DNS_RDATA_SVCB_IPV6HINT);
        return;
    case DNS_RDATA_SVCB_ECH:
        if (!dns_rdata_field_base64_write(value, &list->buf)) {
            dns_rdata_field_fail(list->field, "ech is not base64");
        }
        return;
    default:
        buf_bytes(&list->buf, value.data, value.size);
        return;
    }
}

static bool dns_rdata_svcb_value_check(uint16_t key, struct span value)
{
    switch (key) {
    case DNS_RDATA_SVCB_MANDATORY:
        return value.size > 0 && value.size % 2 == 0;
    case DNS_RDATA_SVCB_ALPN: {
        struct cursor cursor;
        cursor_init(&cursor, value.data, value.size);
        while (cursor_left(&cursor) > 0) {
            const uint8_t size = cursor_u8(&cursor);
            cursor_skip(&cursor, size > 0 ? size : SIZE_MAX);
        }
        return cursor_ok(&cursor) && value.size > 0;
    }
    case DNS_RDATA_SVCB_NO_DEFAULT_ALPN:
    case DNS_RDATA_SVCB_OHTTP:
        return value.size == 0;
    case DNS_RDATA_SVCB_PORT:
        return value.size == 2;
    case DNS_RDATA_SVCB_IPV4HINT:
        return value.size > 0 && value.size % 4 == 0;
    case DNS_RDATA_SVCB_IPV6HINT:
        return value.size > 0 && value.size % 16 == 0;
    default:
        return true;
    }
}

/* A key that is told by its number has its value as bytes, also where it has a name (RFC 9460, 2.1). */
static void dns_rdata_svcb_bytes(struct dns_rdata_svcb_list *list, uint16_t key, struct span value)
{
    if (!dns_rdata_svcb_value_check(key, value)) {
        dns_rdata_field_fail(list->field,
                             "these bytes are no value of this key; expected them as they are sent, or its name");
    }
    buf_bytes(&list->buf, value.data, value.size);
}

/* One word, with the quoted one that clings to it: key, key=value, key="value". */
static void dns_rdata_svcb_param(struct dns_rdata_svcb_list *list)
{
    uint8_t memory[1024];
    struct buf value;
    struct dns_rdata_field *field = list->field;
    const struct dns_word word = dns_rdata_field_next(field);
    const uint8_t *sign = word.text.size > 0 ? memchr(word.text.data, '=', word.text.size) : NULL;
    const size_t size = sign != NULL ? (size_t)(sign - word.text.data) : word.text.size;
    const uint16_t key = dns_rdata_svcb_key(span_of(word.text.data, size));
    struct span text = sign != NULL ? span_of(sign + 1, word.text.size - size - 1) : span_of("", 0);
    if (sign != NULL && text.size == 0 && dns_rdata_field_more(field) && field->words[field->at].quoted &&
        field->words[field->at].text.data == sign + 2) {
        text = dns_rdata_field_next(field).text;
    }
    buf_init(&value, memory, sizeof memory);
    if (word.quoted || key == DNS_RDATA_SVCB_NONE) {
        dns_rdata_field_fail(field, "not a parameter; expected one as alpn=h2,h3 or port=8443 or key65280=text");
    } else if (list->count == DNS_RDATA_SVCB_PARAMS || dns_word_text(text, sizeof memory, &value) != ERR_OK) {
        dns_rdata_field_fail(field, "too many parameters, a value that is too long, or a bad escape");
    } else {
        struct dns_rdata_svcb_param *param = &list->params[list->count++];
        param->key = key;
        param->at = (uint16_t)list->buf.size;
        if (dns_rdata_svcb_numbered(span_of(word.text.data, size))) {
            dns_rdata_svcb_bytes(list, key, span_of(value.data, value.size));
        } else {
            dns_rdata_svcb_value(list, key, span_of(value.data, value.size));
        }
        param->size = (uint16_t)(list->buf.size - param->at);
    }
}

static bool dns_rdata_svcb_has(const struct dns_rdata_svcb_list *list, uint16_t key)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->params[i].key == key) {
            return true;
        }
    }
    return false;
}

/* Keys once each, the mandatory ones there (RFC 9460, 8), no-default-alpn with alpn only (7.1.1). */
static void dns_rdata_svcb_rules(struct dns_rdata_svcb_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct dns_rdata_svcb_param *param = &list->params[i];
        for (uint32_t other = i + 1; other < list->count; other++) {
            if (list->params[other].key == param->key) {
                dns_rdata_field_fail(list->field, "the same parameter twice");
            }
        }
        for (uint32_t at = 0; param->key == DNS_RDATA_SVCB_MANDATORY && at + 2 <= param->size; at += 2) {
            const uint8_t *key = list->memory + param->at + at;
            if (!dns_rdata_svcb_has(list, (uint16_t)(key[0] << 8 | key[1]))) {
                dns_rdata_field_fail(list->field, "a mandatory parameter is not there");
            }
        }
    }
    if (dns_rdata_svcb_has(list, DNS_RDATA_SVCB_NO_DEFAULT_ALPN) && !dns_rdata_svcb_has(list, DNS_RDATA_SVCB_ALPN)) {
        dns_rdata_field_fail(list->field, "no-default-alpn is for records with alpn");
    }
}

void dns_rdata_svcb_write(struct dns_rdata_field *field)
{
    struct dns_rdata_svcb_list list = {.field = field};
    buf_init(&list.buf, list.memory, sizeof list.memory);
    while (dns_rdata_field_more(field) && field->problem == NULL) {
        dns_rdata_svcb_param(&list);
    }
    if (field->problem == NULL && list.buf.overflow) {
        dns_rdata_field_fail(field, "the parameters are too large together");
    }
    if (field->problem == NULL) {
        dns_rdata_svcb_rules(&list);
    }
    /* Few of them: pick the smallest that is left, again and again. */
    for (int32_t last = -1; field->problem == NULL;) {
        const struct dns_rdata_svcb_param *next = NULL;
        for (uint32_t i = 0; i < list.count; i++) {
            if (list.params[i].key > last && (next == NULL || list.params[i].key < next->key)) {
                next = &list.params[i];
            }
        }
        if (next == NULL) {
            return;
        }
        buf_u16be(field->buf, next->key);
        buf_u16be(field->buf, next->size);
        buf_bytes(field->buf, list.memory + next->at, next->size);
        last = next->key;
    }
}

bool dns_rdata_svcb_check(struct span params)
{
    struct cursor cursor;
    int32_t last = -1;
    cursor_init(&cursor, params.data, params.size);
    while (cursor_left(&cursor) > 0) {
        const uint16_t key = cursor_u16be(&cursor);
        const uint16_t size = cursor_u16be(&cursor);
        const struct span value = cursor_span(&cursor, size);
        if (!cursor_ok(&cursor) || key <= last || !dns_rdata_svcb_value_check(key, value)) {
            return false;
        }
        last = key;
    }
    return cursor_ok(&cursor);
}
