/* SPDX-License-Identifier: Apache-2.0
 * What a Redis server says about its part in replication. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/redis_info.h"

static struct redis_info info;

static enum err parse(const char *text)
{
    return redis_info_parse(span_text(text), &info);
}

static void a_primary(void **state)
{
    (void)state;
    assert_int_equal(parse("# Replication\r\nrole:master\r\nconnected_slaves:1\r\n"
                           "slave0:ip=127.0.0.1,port=1,state=online,offset=5,lag=0\r\nmaster_repl_offset:1234\r\n"),
                     ERR_OK);
    assert_true(info.primary && !info.linked && !info.loading);
    assert_int_equal(info.offset, 1234);
}

static void a_replica(void **state)
{
    (void)state;
    assert_int_equal(parse("loading:0\r\nrole:slave\r\nmaster_host:127.1.0.21\r\nmaster_port:6379\r\n"
                           "master_link_status:up\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:77\r\n"
                           "master_repl_offset:99\r\n"),
                     ERR_OK);
    assert_true(!info.primary && info.linked && !info.loading);
    assert_string_equal(info.host, "127.1.0.21");
    assert_int_equal(info.port, 6379);
    assert_int_equal(info.offset, 77); /* what it has processed */
}

static void a_replica_that_copies(void **state)
{
    (void)state;
    assert_int_equal(parse("role:slave\nmaster_link_status:down\nmaster_sync_in_progress:1\n"), ERR_OK);
    assert_true(!info.linked && info.loading);
    assert_int_equal(parse("role:slave\nmaster_link_status:up\nloading:1\n"), ERR_OK);
    assert_true(info.loading);
}

static void nonsense(void **state)
{
    (void)state;
    assert_int_equal(parse(""), ERR_PROTOCOL);
    assert_int_equal(parse("role:master"), ERR_PROTOCOL); /* cut off */
    assert_int_equal(parse("role:sentinel\n"), ERR_PROTOCOL);
    assert_int_equal(parse("role:master\nmaster_repl_offset:-1\n"), ERR_PROTOCOL);
    assert_int_equal(parse("role:master\nmaster_repl_offset:\n"), ERR_PROTOCOL);
    assert_int_equal(parse("role:master\nmaster_repl_offset:1234567890123456789\n"), ERR_PROTOCOL);
    assert_int_equal(parse("role:slave\nmaster_port:65536\n"), ERR_PROTOCOL);
    assert_int_equal(parse("role:slave\n:\n\nno colon\n"), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_primary),
        cmocka_unit_test(a_replica),
        cmocka_unit_test(a_replica_that_copies),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
