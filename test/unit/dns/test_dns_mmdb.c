/* SPDX-License-Identifier: Apache-2.0
 * Geographic databases: what is in one, policies by country, continent and subdivision, and files that are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/prng.h"
#include "dns/dns_mmdb.h"
#include "mmdb_sample.h"
#include "steer_sample.h"

enum { FILE_BYTES = 65536, TAIWAN = 1, TOKYO = 2, OSAKA = 4, ALL = 7 };

static struct mmdb_sample sample;
static uint8_t memory[FILE_BYTES];
static struct buf file;

static int set_up(void **state)
{
    (void)state;
    buf_init(&file, memory, sizeof memory);
    mmdb_sample_world(&sample);
    mmdb_sample_write(&sample, &file);
    return 0;
}

/* What a walk told: places by value, networks as text. */
struct told {
    struct dns_mmdb_place places[16];
    uint32_t places_count;
    char text[2048];
    struct buf buf;
};

static enum err take_place(void *context, const struct dns_mmdb_place *place, uint32_t *ret_value)
{
    struct told *told = context;
    if (told->places_count == 16) {
        return ERR_TOO_LARGE;
    }
    told->places[told->places_count] = *place;
    *ret_value = told->places_count++;
    return ERR_OK;
}

static enum err take_network(void *context, uint32_t family, struct dns_networks_key start, uint32_t bits,
                             uint32_t value)
{
    struct told *told = context;
    buf_printf(&told->buf, "%u %08x/%u %s%s\n", family, (uint32_t)(start.high >> 32), bits, told->places[value].country,
               told->places[value].subdivisions[0]);
    return ERR_OK;
}

static enum err walk(struct told *told, const char **ret_why)
{
    memset(told, 0, sizeof *told);
    buf_init(&told->buf, told->text, sizeof told->text);
    const struct dns_mmdb_taker taker = {told, take_place, take_network};
    return dns_mmdb_walk(span_of(file.data, file.size), &taker, ret_why);
}

/* 8/8 without 8.8.8/24 comes in its parts; the alias of IPv4 in IPv6 does not come at all. */
static void test_a_database(void **state)
{
    (void)state;
    static struct told told;
    const char *why;
    assert_int_equal(walk(&told, &why), ERR_OK);
    assert_null(why);
    assert_int_equal(told.places_count, 5);
    static const char *const lines[] = {"4 01a00000/12 TW\n",   "4 01001000/20 JP13\n", "4 7e000000/8 JP13\n",
                                        "4 08080800/24 USCA\n", "4 08800000/9 US\n",    "4 08080900/24 US\n",
                                        "4 05010000/16 DE\n",   "6 2001b000/20 TW\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strstr(told.text, lines[i]) == NULL) {
            fail_msg("no %s in:\n%s", lines[i], told.text);
        }
    }
    uint32_t count = 0;
    for (const char *at = told.text; (at = strchr(at, '\n')) != NULL; at++) {
        count++;
    }
    assert_int_equal(count, 6 + 16);
}

static void test_policies_by_place(void **state)
{
    (void)state;
    const char *path = steer_sample_file(file.data, file.size);
    char text[2048];
    char problem[DNS_STEER_PROBLEM];
    struct dns_steer *steer = NULL;
    snprintf(text, sizeof text,
             "  names: { www: { endpoint: web, policy: top } }\n  geo_database: %s\n  policies:\n    top:\n"
             "      geolocation:\n        networks: { ours: { networks: [ 126.1.0.0/16 ], to: osaka } }\n"
             "        subdivisions: { US-CA: tokyo }\n        countries: { TW: taiwan, US: osaka }\n"
             "        continents: { AS: tokyo, NA: taiwan }\n        default: osaka\n",
             path);
    struct config *config = steer_sample_config(text);
    assert_non_null(config);
    assert_int_equal(dns_steer_load(&(struct dns_steer_source){.config = config}, problem, &steer), ERR_OK);
    static const struct {
        uint8_t bytes[4];
        uint32_t mask;
        uint32_t regions;
        uint32_t bits;
    } cases[] = {
        {{1, 160, 0, 1}, ALL, TAIWAN, 12},
        {{1, 160, 0, 1}, TOKYO | OSAKA, TOKYO, 12}, /* country, continent */
        {{1, 160, 0, 1}, OSAKA, OSAKA, 12},
        {{1, 160, 0, 1}, 0, TAIWAN, 12},
        {{1, 0, 16, 1}, ALL, TOKYO, 20},
        {{126, 2, 0, 1}, ALL, TOKYO, 15},
        {{126, 1, 0, 1}, ALL, OSAKA, 16},
        {{126, 1, 0, 1}, TAIWAN | TOKYO, TOKYO, 16},
        {{8, 8, 8, 8}, ALL, TOKYO, 24},
        {{8, 8, 8, 8}, TAIWAN | OSAKA, OSAKA, 24},
        {{8, 8, 8, 8}, TAIWAN, TAIWAN, 24},
        {{8, 200, 0, 1}, ALL, OSAKA, 9},
        {{8, 200, 0, 1}, TAIWAN | TOKYO, TAIWAN, 9},
        {{5, 1, 2, 3}, ALL, OSAKA, 6},
        {{200, 1, 2, 3}, ALL, OSAKA, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct view_address client = {.family = 4};
        memcpy(client.bytes, cases[i].bytes, 4);
        const struct dns_steer_pick pick = dns_steer_pick(steer, 0, &client, cases[i].mask, 1);
        if (pick.regions != cases[i].regions || pick.scope_bits != cases[i].bits) {
            fail_msg("case %zu: regions %u /%u", i, pick.regions, pick.scope_bits);
        }
    }
    const struct view_address six = {.family = 6, .bytes = {0x20, 0x01, 0xb0, 1}};
    assert_int_equal(dns_steer_pick(steer, 0, &six, ALL, 1).regions, TAIWAN);
    assert_int_equal(dns_steer_pick(steer, 0, &six, ALL, 1).scope_bits, 20);
    dns_steer_free(steer);
    config_free(config);
    unlink(path);
}

static void test_broken_files(void **state)
{
    (void)state;
    static struct told told;
    static uint8_t whole[FILE_BYTES];
    const char *why;
    const size_t size = file.size;
    memcpy(whole, memory, size);
    for (size_t cut = 0; cut < size; cut += cut < size - 300 ? 97 : 1) {
        file.size = cut;
        assert_int_equal(walk(&told, &why), ERR_INVALID);
        assert_non_null(why);
    }
    file.size = size;
    /* Bytes changed anywhere: an answer or an error, never more. */
    struct prng prng;
    prng_init(&prng, 11);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 3000; i++) {
        memcpy(memory, whole, size);
        for (uint32_t j = 0; j < 3; j++) {
            const uint64_t random = prng_next(&prng);
            memory[random % size] = (uint8_t)(random >> 32);
        }
        refused += walk(&told, &why) != ERR_OK;
    }
    assert_in_range(refused, 1, 3000);
}

/* A tree that leads back to itself would be walked for ever. */
static void test_a_tree_with_a_circle(void **state)
{
    (void)state;
    static struct told told;
    const char *why;
    sample.nodes[3][1] = 1;
    buf_init(&file, memory, sizeof memory);
    mmdb_sample_write(&sample, &file);
    assert_int_equal(walk(&told, &why), ERR_INVALID);
    assert_string_equal(why, "the tree is deeper or larger than a tree of addresses");
}

/* Maps of maps of maps, by pointers that lead back. */
static void test_a_record_without_end(void **state)
{
    (void)state;
    static struct told told;
    const char *why;
    struct buf *buf = &sample.buf;
    const uint32_t at = (uint32_t)buf->size;
    for (uint32_t i = 0; i < 8; i++) {
        buf_u8(buf, 7 << 5 | 28);
        for (uint32_t j = 0; j < 28; j++) {
            mmdb_sample_text(buf, "a");
            buf_u8(buf, (uint8_t)(1 << 5 | at >> 8)); /* the record itself */
            buf_u8(buf, (uint8_t)at);
        }
    }
    mmdb_sample_network(&sample, 4, (const uint8_t[]){77, 0, 0, 0}, 8, MMDB_SAMPLE_NODES + 16 + at);
    buf_init(&file, memory, sizeof memory);
    mmdb_sample_write(&sample, &file);
    assert_int_equal(walk(&told, &why), ERR_INVALID);
    assert_string_equal(why, "a record is broken");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_database, set_up),
        cmocka_unit_test_setup(test_policies_by_place, set_up),
        cmocka_unit_test_setup(test_broken_files, set_up),
        cmocka_unit_test_setup(test_a_tree_with_a_circle, set_up),
        cmocka_unit_test_setup(test_a_record_without_end, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
