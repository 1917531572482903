/* SPDX-License-Identifier: Apache-2.0
 * Literal addresses are read, everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "edge/probe_address.h"

static void good_addresses(void **state)
{
    (void)state;
    struct probe_address address;
    assert_int_equal(probe_address_parse("127.1.0.80:8080", &address), ERR_OK);
    assert_int_equal(address.storage.ss_family, AF_INET);
    assert_int_equal(probe_address_parse("[::1]:65535", &address), ERR_OK);
    assert_int_equal(address.storage.ss_family, AF_INET6);
    assert_int_equal(probe_address_parse("/run/haproxy.sock", &address), ERR_OK);
    assert_true(address.local);
}

static void bad_addresses(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",         "127.0.0.1",    "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "name:80", "127.0.0.1:80x",
        "[::1]",    "[::1]80",      "::1:80",     "[::1:80",     "127.0.0.1:-1",    ":80",     "[]:80",
        "1.2.3:80", "relative.sock"};
    struct probe_address address;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(probe_address_parse(texts[i], &address), ERR_INVALID);
    }
    char path[200];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = 0;
    assert_int_equal(probe_address_parse(path, &address), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_addresses), cmocka_unit_test(bad_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
