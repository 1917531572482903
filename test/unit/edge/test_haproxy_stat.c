/* SPDX-License-Identifier: Apache-2.0
 * HAProxy's statistics: what counts as up, as a request and as an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/haproxy_stat.h"

#define HEAD "# pxname,svname,stot,econ,eresp,status,weight,hrsp_5xx,req_tot,\n"

static const char SHOP[] = HEAD "web,FRONTEND,9,,,OPEN,,9,120,\n"
                                "shop,s1,50,0,0,UP,100,1,,\n"
                                "shop,s2,50,0,0,UP 1/3,100,1,,\n"
                                "shop,s3,50,0,0,DOWN 1/2,100,2,,\n"
                                "shop,s4,50,0,0,no check,1,2,,\n"
                                "shop,s5,50,0,0,MAINT (via x),0,2,,\n"
                                "shop,s6,50,0,0,DRAIN,0,2,,\n"
                                "shop,BACKEND,99,5,1,UP,150,8,100,\n"
                                "\n";

static enum err parse(const char *text, const char *backend, struct haproxy_stat *stat)
{
    return haproxy_stat_parse(span_text(text), backend, stat);
}

static void http_backend(void **state)
{
    (void)state;
    struct haproxy_stat stat;
    assert_int_equal(parse(SHOP, "shop", &stat), ERR_OK);
    assert_true(stat.http);
    assert_int_equal(stat.requests, 100);
    assert_int_equal(stat.errors, 8);
    assert_int_equal(stat.servers_count, 6);
    assert_int_equal(stat.servers_up, 3);
    assert_string_equal(stat.servers[3].name, "s4");
    assert_true(stat.servers[1].up && stat.servers[3].up && !stat.servers[2].up && !stat.servers[5].up);
    assert_int_equal(stat.servers[0].weight, 100);
}

static void the_only_backend_needs_no_name(void **state)
{
    (void)state;
    struct haproxy_stat stat;
    assert_int_equal(parse(SHOP, "", &stat), ERR_OK);
    assert_string_equal(stat.backend, "shop");
    assert_int_equal(parse(HEAD "a,BACKEND,1,0,0,UP,1,,,\nb,BACKEND,1,0,0,UP,1,,,\n", "", &stat), ERR_NOT_FOUND);
    assert_int_equal(parse(SHOP, "other", &stat), ERR_NOT_FOUND);
}

static void tcp_backend_counts_sessions(void **state)
{
    (void)state;
    struct haproxy_stat stat;
    assert_int_equal(parse(HEAD "db,s1,40,3,1,UP,1,,,\ndb,BACKEND,40,3,1,UP,1,,,\n", "db", &stat), ERR_OK);
    assert_false(stat.http);
    assert_int_equal(stat.requests, 40);
    assert_int_equal(stat.errors, 4);
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    struct haproxy_stat stat;
    static const char text[] = "# req_tot,new,status,svname,pxname,hrsp_5xx,weight\n"
                               "7,\"a,b\"\"c\",UP,s1,shop,1,3\n7,,UP,BACKEND,shop,1,3\n";
    assert_int_equal(parse(text, "shop", &stat), ERR_OK);
    assert_int_equal(stat.requests, 7);
    assert_int_equal(stat.servers[0].weight, 3);
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    struct haproxy_stat stat;
    assert_int_equal(parse("", "", &stat), ERR_PROTOCOL);
    assert_int_equal(parse("Permission denied\n", "", &stat), ERR_PROTOCOL);
    assert_int_equal(parse("# a,b,c\n", "", &stat), ERR_PROTOCOL);
    assert_int_equal(parse(HEAD, "shop", &stat), ERR_NOT_FOUND);
}

static void too_many_servers(void **state)
{
    (void)state;
    char *text = malloc(65536);
    assert_non_null(text);
    size_t size = (size_t)snprintf(text, 65536, HEAD);
    for (int i = 0; i <= HAPROXY_STAT_SERVERS; i++) {
        size += (size_t)snprintf(text + size, 65536 - size, "shop,s%d,0,0,0,UP,1,0,,\n", i);
    }
    snprintf(text + size, 65536 - size, "shop,BACKEND,0,0,0,UP,1,0,0,\n");
    struct haproxy_stat stat;
    assert_int_equal(parse(text, "shop", &stat), ERR_TOO_LARGE);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_backend),
        cmocka_unit_test(the_only_backend_needs_no_name),
        cmocka_unit_test(tcp_backend_counts_sessions),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(too_many_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
