/* SPDX-License-Identifier: Apache-2.0
 * Homes as ranges: what a walk over all networks says, with the shortest prefix that has one home. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "dns/dns_home.h"

enum { BITS = 10, CELLS = 1 << BITS };

static struct view view;
static struct dns_home homes;

/* Addresses that differ in BITS bits behind `offset` others, which are zero. */
static struct view_address address_of(uint16_t family, uint32_t offset, uint32_t cell)
{
    struct view_address address = {.family = family};
    for (uint32_t i = 0; i < BITS; i++) {
        const uint32_t bit = offset + i;
        address.bytes[bit / 8] |= (uint8_t)((cell >> (BITS - 1 - i) & 1) << (7 - bit % 8));
    }
    return address;
}

static void fill(uint16_t family, uint32_t offset, struct prng *prng)
{
    view.networks_count = 0;
    for (uint32_t i = 0; i < LIMITS_NETWORKS; i++) {
        const uint64_t random = prng_next(prng);
        view.networks[view.networks_count++] =
            (struct view_network){.address = address_of(family, offset, (uint32_t)random % CELLS), /* host bits, too */
                                  .prefix_bits = offset + (uint32_t)(random >> 32) % (BITS + 1),
                                  .home = (uint32_t)(random >> 48) % 3};
    }
}

/* Whether all cells that share `bits` bits with this one have its home; outside nothing has one. */
static bool uniform(const uint32_t *cells, uint32_t cell, uint32_t offset, uint32_t bits)
{
    const uint32_t inside = bits > offset ? bits - offset : 0;
    const uint32_t size = 1U << (BITS - inside);
    for (uint32_t i = cell & ~(size - 1); i < (cell & ~(size - 1)) + size; i++) {
        if (cells[i] != cells[cell]) {
            return false;
        }
    }
    return bits >= offset || cells[cell] == VIEW_HOME_DEFAULT;
}

static void test_every_address_and_scope(void **state)
{
    (void)state;
    static const struct {
        uint16_t family;
        uint32_t offset;
    } places[] = {{4, 0}, {4, 7}, {4, 22}, {6, 0}, {6, 40}, {6, 60}, {6, 64}, {6, 118}};
    struct prng prng;
    prng_init(&prng, 3);
    for (size_t place = 0; place < sizeof places / sizeof *places; place++) {
        const uint16_t family = places[place].family;
        const uint32_t offset = places[place].offset;
        uint32_t cells[CELLS];
        fill(family, offset, &prng);
        dns_home_prepare(&homes, &view);
        for (uint32_t cell = 0; cell < CELLS; cell++) {
            const struct view_address address = address_of(family, offset, cell);
            cells[cell] = view_home(&view, &address);
        }
        for (uint32_t cell = 0; cell < CELLS; cell++) {
            const struct view_address address = address_of(family, offset, cell);
            const struct dns_networks_found found = dns_home_find(&homes, &address);
            assert_int_equal(found.class, cells[cell]);
            assert_true(uniform(cells, cell, offset, found.bits));
            assert_true(found.bits == 0 || !uniform(cells, cell, offset, found.bits - 1U));
        }
    }
}

static void test_other_networks_are_seen(void **state)
{
    (void)state;
    const struct view_address client = {.family = 4, .bytes = {255, 255, 255, 255}};
    memset(&view, 0, sizeof view);
    dns_home_prepare(&homes, &view);
    assert_int_equal(dns_home_find(&homes, &client).class, VIEW_HOME_DEFAULT);
    assert_int_equal(dns_home_find(&homes, &client).bits, 0);
    view.networks[view.networks_count++] = (struct view_network){.address = {.family = 4}, .home = 1};
    dns_home_prepare(&homes, &view);
    assert_int_equal(dns_home_find(&homes, &client).class, 1);
    assert_int_equal(dns_home_find(&homes, &client).bits, 0);
    view.networks[0].home = 2;
    dns_home_prepare(&homes, &view);
    assert_int_equal(dns_home_find(&homes, &client).class, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_address_and_scope),
        cmocka_unit_test(test_other_networks_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
