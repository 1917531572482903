/* SPDX-License-Identifier: Apache-2.0
 * Merged networks: every address of a small space against a search of the list, scopes against all of their prefixes;
 * the text of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "dns/dns_networks_merge.h"
#include "dns/dns_networks_text.h"

enum { BITS = 12, CELLS = 1 << BITS, NETWORKS = 60 };

/* The small space: addresses that differ in BITS bits behind `offset` ones that are zero. */
struct space {
    uint32_t family;
    uint32_t offset;
    uint32_t count;
    struct dns_networks_entry entries[NETWORKS];
    uint16_t cells[CELLS]; /* the class that the longest network gives */
};

/* The state is the value of the smallest network, and so is the class. */
static bool step(void *context, uint32_t state, const struct dns_networks_entry *entry, uint32_t *ret_state)
{
    (void)context;
    (void)state;
    *ret_state = entry->value;
    return true;
}

static uint16_t class_of(const void *context, uint32_t state)
{
    (void)context;
    return (uint16_t)state;
}

static struct dns_networks_key key_of(const struct space *space, uint32_t cell)
{
    struct dns_networks_key key = {0, 0};
    for (uint32_t i = 0; i < BITS; i++) {
        const uint32_t bit = space->offset + i;
        const uint64_t value = cell >> (BITS - 1 - i) & 1;
        *(bit < 64 ? &key.high : &key.low) |= value << (63 - bit % 64);
    }
    return key;
}

static struct view_address address_of(const struct space *space, uint32_t cell)
{
    struct view_address address = {.family = (uint16_t)space->family};
    const struct dns_networks_key key = key_of(space, cell);
    for (uint32_t i = 0; i < 16; i++) {
        address.bytes[i] = (uint8_t)((i < 8 ? key.high : key.low) >> (56 - 8 * (i % 8)));
    }
    return address;
}

static void fill(struct space *space, struct prng *prng)
{
    uint8_t longest[CELLS] = {0};
    memset(space->cells, 0, sizeof space->cells);
    space->count = 0;
    for (uint32_t i = 0; i < NETWORKS; i++) {
        const uint64_t random = prng_next(prng);
        const uint32_t bits = (uint32_t)(random % (BITS + 1));
        const uint32_t cell = (uint32_t)(random >> 8) % CELLS & ~((1U << (BITS - bits)) - 1);
        const uint32_t value = 1 + (uint32_t)(random >> 32) % 3;
        bool twice = false;
        for (uint32_t j = 0; j < space->count; j++) {
            const struct dns_networks_key key = key_of(space, cell);
            twice = twice || (space->entries[j].bits == space->offset + bits &&
                              memcmp(&space->entries[j].start, &key, sizeof key) == 0);
        }
        if (twice) {
            continue;
        }
        space->entries[space->count++] = (struct dns_networks_entry){
            .start = key_of(space, cell), .value = value, .bits = (uint8_t)(space->offset + bits), .line = i};
        for (uint32_t j = cell; j < cell + (1U << (BITS - bits)); j++) {
            if (bits + 1 > longest[j]) {
                longest[j] = (uint8_t)(bits + 1);
                space->cells[j] = (uint16_t)value;
            }
        }
    }
}

/* Whether all addresses that share `bits` bits with the cell have one class. What is outside the space has class 0. */
static bool uniform(const struct space *space, uint32_t cell, uint32_t bits)
{
    const uint32_t inside = bits > space->offset ? bits - space->offset : 0;
    if (inside >= BITS) {
        return true;
    }
    const uint32_t start = cell & ~((1U << (BITS - inside)) - 1);
    for (uint32_t i = start; i < start + (1U << (BITS - inside)); i++) {
        if (space->cells[i] != space->cells[cell]) {
            return false;
        }
    }
    return bits >= space->offset || space->cells[cell] == 0;
}

static struct dns_networks *merged(const struct space *space)
{
    struct dns_networks_merge merge = {.step = step, .class = class_of};
    struct dns_networks *networks = NULL;
    for (uint32_t i = 0; i < space->count; i++) {
        assert_int_equal(dns_networks_merge_add(&merge, space->family, &space->entries[i]), ERR_OK);
    }
    assert_int_equal(dns_networks_merge(&merge, &networks), ERR_OK);
    dns_networks_merge_fini(&merge);
    return networks;
}

/* RFC 7871: every client inside the scope gets the same answer, and no shorter prefix has that property. */
static void test_every_address_and_scope(void **state)
{
    (void)state;
    static struct space space;
    static const struct {
        uint32_t family;
        uint32_t offset;
    } places[] = {{4, 0}, {4, 7}, {4, 20}, {6, 0}, {6, 40}, {6, 58}, {6, 64}, {6, 116}};
    struct prng prng;
    prng_init(&prng, 7);
    for (size_t place = 0; place < sizeof places / sizeof *places; place++) {
        space.family = places[place].family;
        space.offset = places[place].offset;
        fill(&space, &prng);
        struct dns_networks *networks = merged(&space);
        for (uint32_t cell = 0; cell < CELLS; cell++) {
            const struct view_address address = address_of(&space, cell);
            const struct dns_networks_found found = dns_networks_find(networks, &address);
            assert_int_equal(found.class, space.cells[cell]);
            assert_true(uniform(&space, cell, found.bits));
            assert_true(found.bits == 0 || !uniform(&space, cell, found.bits - 1U));
        }
        dns_networks_free(networks);
    }
}

static void test_nothing_and_everything(void **state)
{
    (void)state;
    struct dns_networks_merge merge = {.step = step, .class = class_of};
    struct dns_networks *networks = NULL;
    const struct view_address last = {.family = 4, .bytes = {255, 255, 255, 255}};
    const struct view_address six = {.family = 6, .bytes = {0x20, 1}};
    assert_int_equal(dns_networks_merge(&merge, &networks), ERR_OK);
    assert_int_equal(dns_networks_find(networks, &last).class, 0);
    assert_int_equal(dns_networks_find(networks, &last).bits, 0);
    dns_networks_free(networks);
    const struct dns_networks_entry all = {.value = 5};
    const struct dns_networks_entry host = {.start = {UINT64_MAX << 32, 0}, .bits = 32, .value = 6};
    assert_int_equal(dns_networks_merge_add(&merge, 4, &all), ERR_OK);
    assert_int_equal(dns_networks_merge_add(&merge, 4, &host), ERR_OK);
    assert_int_equal(dns_networks_merge(&merge, &networks), ERR_OK);
    assert_int_equal(dns_networks_find(networks, &last).class, 6);
    assert_int_equal(dns_networks_find(networks, &last).bits, 32);
    assert_int_equal(dns_networks_find(networks, &(struct view_address){.family = 4}).class, 5);
    assert_int_equal(dns_networks_find(networks, &(struct view_address){.family = 4}).bits, 1);
    assert_int_equal(dns_networks_find(networks, &six).bits, 0);
    dns_networks_free(networks);
    dns_networks_merge_fini(&merge);
}

static void test_a_network_twice(void **state)
{
    (void)state;
    struct dns_networks_merge merge = {.step = step, .class = class_of};
    struct dns_networks *networks = NULL;
    const struct dns_networks_entry one = {.start = {UINT64_C(10) << 56, 0}, .bits = 8, .value = 1, .line = 3};
    struct dns_networks_entry other = one;
    other.line = 9;
    assert_int_equal(dns_networks_merge_add(&merge, 4, &one), ERR_OK);
    assert_int_equal(dns_networks_merge_add(&merge, 4, &other), ERR_OK);
    assert_int_equal(dns_networks_merge(&merge, &networks), ERR_OK);
    dns_networks_free(networks);
    other.value = 2;
    assert_int_equal(dns_networks_merge_add(&merge, 4, &other), ERR_OK);
    assert_int_equal(dns_networks_merge(&merge, &networks), ERR_EXISTS);
    assert_int_equal(merge.twice[0].value + merge.twice[1].value, 3);
    dns_networks_merge_fini(&merge);
}

/* ---- files ---- */

static void test_lines(void **state)
{
    (void)state;
    static const char content[] = "# head\n\n 10.0.0.0/8 \r\n2001:db8::/32\tx=1  y=2 # why\n192.0.2.1";
    struct dns_networks_text text;
    struct dns_networks_line line;
    dns_networks_text_init(&text, span_text(content));
    assert_int_equal(dns_networks_text_next(&text, &line), DNS_NETWORKS_LINE);
    assert_int_equal(text.line, 3);
    assert_int_equal(line.family, 4);
    assert_int_equal(line.bits, 8);
    assert_int_equal(line.start.high >> 56, 10);
    assert_int_equal(line.rest.size, 0);
    assert_int_equal(dns_networks_text_next(&text, &line), DNS_NETWORKS_LINE);
    assert_int_equal(line.family, 6);
    assert_int_equal(line.bits, 32);
    assert_true(span_is(dns_networks_text_word(&line.rest), "x=1"));
    assert_true(span_is(dns_networks_text_word(&line.rest), "y=2"));
    assert_int_equal(dns_networks_text_word(&line.rest).size, 0);
    assert_int_equal(dns_networks_text_next(&text, &line), DNS_NETWORKS_LINE);
    assert_int_equal(line.bits, 32);
    assert_int_equal(dns_networks_text_next(&text, &line), DNS_NETWORKS_END);
}

static void test_broken_lines(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "10.0.0.0/33",    "10.0.0.1/8",           "10.0.0/8", "10.0.0.0/", "10.0.0.0/08",  "10.0.0.0/-1",
        "2001:db8::/129", "2001:db8::1/64",       "x",        "/8",        "10.0.0.0/8/8", "10.0.0.0/1000",
        "::/0x0",         "10.0.0.0 /8x\n::1/127"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct dns_networks_text text;
        struct dns_networks_line line;
        dns_networks_text_init(&text, span_text(broken[i]));
        enum dns_networks_item item;
        while ((item = dns_networks_text_next(&text, &line)) == DNS_NETWORKS_LINE) {
        }
        assert_int_equal(item, DNS_NETWORKS_BROKEN);
        assert_non_null(text.problem);
        assert_int_equal(text.column, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_address_and_scope),
        cmocka_unit_test(test_nothing_and_everything),
        cmocka_unit_test(test_a_network_twice),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_broken_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
