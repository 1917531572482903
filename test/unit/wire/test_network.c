/* SPDX-License-Identifier: Apache-2.0
 * Networks: parsed, printed, ordered; files of measured times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/latency_line.h"
#include "wire/network.h"

static void what_is_printed_is_parsed(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.0.0.0/0",     "192.0.2.0/24", "192.0.2.128/25", "255.255.255.255/32",
                                        "2001:db8::/48", "::/0",         "::1/128",        "fe80::/10"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct network network;
        char text[NETWORK_TEXT];
        assert_true(network_parse(span_text(texts[i]), &network));
        network_print(&network, text);
        assert_string_equal(text, texts[i]);
    }
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       "192.0.2.0",    "192.0.2.1/24",  "192.0.2.0/33", "192.0.2.0/",
                                        "/24",    "192.0.2.0/+8", "192.0.2.0/024", "x/8",          "2001:db8::1/48",
                                        "::/129", "192.0.2/24",   "10.0.0.0/8 "};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct network network;
        assert_false(network_parse(span_text(texts[i]), &network));
    }
}

static void a_client_stands_for_its_network(void **state)
{
    (void)state;
    static const uint8_t four[16] = {192, 0, 2, 77};
    static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5};
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 9};
    char text[NETWORK_TEXT];
    struct network network = network_of_client(four, 4);
    network_print(&network, text);
    assert_string_equal(text, "192.0.2.0/24");
    assert_true(network_holds(&network, four, 4));
    assert_false(network_holds(&network, six, 6));
    network = network_of_client(six, 6);
    network_print(&network, text);
    assert_string_equal(text, "2001:db8:102::/48");
    network = network_of_client(mapped, 6);
    network_print(&network, text);
    assert_string_equal(text, "192.0.2.0/24");
}

static void networks_have_an_order(void **state)
{
    (void)state;
    static const char *const texts[] = {"10.0.0.0/8", "10.0.0.0/24", "10.0.1.0/24", "192.0.2.0/24", "::/0"};
    for (size_t i = 1; i < sizeof texts / sizeof texts[0]; i++) {
        struct network a;
        struct network b;
        assert_true(network_parse(span_text(texts[i - 1]), &a) && network_parse(span_text(texts[i]), &b));
        assert_true(network_compare(&a, &b) < 0 && network_compare(&b, &a) > 0 && network_compare(&a, &a) == 0);
    }
}

static void lines_are_read_as_they_were_written(void **state)
{
    (void)state;
    static const char text[] = "# a comment\n\n192.0.2.0/24 taiwan=41200@1792713600 tokyo=5300@1792713655\n"
                               "2001:db8::/48 tokyo=1@0\n";
    struct cursor cursor;
    struct latency_line line;
    uint32_t number = 0;
    char memory[512];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    cursor_init(&cursor, text, sizeof text - 1);
    assert_int_equal(latency_line_next(&cursor, &number, &line), LATENCY_LINE_ROW);
    assert_int_equal(number, 3);
    assert_int_equal(line.count, 2);
    assert_string_equal(line.places[1].name, "tokyo");
    assert_int_equal(line.places[1].rtt_us, 5300);
    assert_int_equal(line.places[1].seen_s, 1792713655);
    latency_line_print(&line, &buf);
    assert_int_equal(latency_line_next(&cursor, &number, &line), LATENCY_LINE_ROW);
    latency_line_print(&line, &buf);
    assert_int_equal(latency_line_next(&cursor, &number, &line), LATENCY_LINE_END);
    assert_string_equal(buf_string(&buf), text + sizeof "# a comment\n\n" - 1);
}

static void broken_lines_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"192.0.2.0/24\n",
                                        "192.0.2.0/24 a=1@1",
                                        "192.0.2.0/24 a=0@1\n",
                                        "192.0.2.0/24 a=60000001@1\n",
                                        "192.0.2.0/24 a=1\n",
                                        "192.0.2.0/24 =1@1\n",
                                        "192.0.2.0/24 a=1@\n",
                                        "192.0.2.0/24 a=1@1 a=2@2\n",
                                        "192.0.2.0/24 a=-1@1\n",
                                        "192.0.2.0/24 a=1@1x\n",
                                        "a=1@1\n",
                                        " \n",
                                        "192.0.2.9/24 a=1@1\n",
                                        "192.0.2.0/24 a=1@1111111111111111111\n",
                                        "192.0.2.0/24 a2345678901234567890123456789012=1@1\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cursor cursor;
        struct latency_line line;
        uint32_t number = 0;
        cursor_init(&cursor, texts[i], strlen(texts[i]));
        assert_int_equal(latency_line_next(&cursor, &number, &line), LATENCY_LINE_BROKEN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_parsed),           cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(a_client_stands_for_its_network),     cmocka_unit_test(networks_have_an_order),
        cmocka_unit_test(lines_are_read_as_they_were_written), cmocka_unit_test(broken_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
