/* SPDX-License-Identifier: Apache-2.0
 * Tests of rules about who may log in: PostgreSQL's syntax, what matches whom, problems with line and hint. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "wire/pg_hba.h"

static struct pg_hba_client client(bool encrypted, const char *address, const char *user, const char *database)
{
    struct pg_hba_client made = {.encrypted = encrypted, .user = user, .database = database};
    made.family = inet_pton(AF_INET, address, made.address) == 1 ? 4 : 6;
    ASSERT(made.family == 4 || inet_pton(AF_INET6, address, made.address) == 1);
    return made;
}

/* The line of the first rule that matches; 0: none. */
static uint32_t judge(const char *text, const struct pg_hba_client *who)
{
    struct pg_hba hba;
    struct pg_hba_rule rule;
    uint32_t line = 0;
    enum err err = ERR_OK;
    pg_hba_init(&hba, span_text(text));
    while (err == ERR_OK) {
        err = pg_hba_next(&hba, &rule);
        line = err == ERR_OK && line == 0 && pg_hba_matches(&rule, who) ? rule.line : line;
    }
    assert_string_equal(hba.problem, "");
    assert_int_equal(err, ERR_NOT_FOUND);
    return line;
}

static const char rules[] = "# a comment\n"
                            "local   all all                          peer map=anything\n"
                            "hostssl shop      ann,bob  10.0.0.0/8    scram-sha-256\n"
                            "host    shop      ann, eve 10.1.0.0 255.255.0.0 md5   # behind it a comment\n"
                            "host    sameuser  all      ::1/128       trust\n"
                            "hostnossl \"all\" all      all           reject\n"
                            "\n"
                            "host    \"sp ace\",\"quo\"\"te\" \\\n"
                            "        all all cert_is_a_user_too_long trust\n";

static void test_the_first_match_decides(void **state)
{
    (void)state;
    char text[1024];
    /* The last rule above is broken on purpose: it has a field too much. Without it: */
    memcpy(text, rules, sizeof rules);
    char *last = strstr(text, "all all cert_is");
    ASSERT(last != NULL);
    memcpy(last, "all all trust\n", sizeof "all all trust\n");
    static const struct {
        bool encrypted;
        const char *address;
        const char *user;
        const char *database;
        uint32_t line;
    } rows[] = {
        {true, "10.9.9.9", "ann", "shop", 3},     {true, "11.9.9.9", "ann", "shop", 0},
        {false, "10.1.2.3", "ann", "shop", 4},    {false, "10.1.2.3", "eve", "shop", 4},
        {false, "10.2.2.3", "eve", "shop", 0},    {true, "10.1.2.3", "eve", "shop", 4},
        {false, "10.1.2.3", "mal", "shop", 0},    {false, "::1", "ann", "ann", 5},
        {false, "::2", "ann", "ann", 0},          {false, "::1", "ann", "shop", 0},
        {false, "10.1.2.3", "ann", "all", 6}, /* quoted, a name like any other */
        {true, "10.1.2.3", "ann", "all", 0},      {false, "10.1.2.3", "ann", "sp ace", 8},
        {false, "10.1.2.3", "ann", "quo\"te", 8}, {false, "10.1.2.3", "ann", "sp", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pg_hba_client who = client(rows[i].encrypted, rows[i].address, rows[i].user, rows[i].database);
        assert_int_equal(judge(text, &who), rows[i].line);
    }
    struct pg_hba hba;
    struct pg_hba_rule rule;
    enum err err = ERR_OK;
    pg_hba_init(&hba, span_text(rules));
    while (err == ERR_OK) {
        err = pg_hba_next(&hba, &rule);
    }
    assert_int_equal(err, ERR_INVALID);
    assert_int_equal(hba.line, 9);
}

static void test_keywords(void **state)
{
    (void)state;
    const struct pg_hba_client who = client(true, "192.0.2.7", "ann", "shop");
    static const struct {
        const char *text;
        bool matches;
    } rows[] = {
        {"host all all all trust", true},
        {"host all all 0.0.0.0/0 trust", true},
        {"host all all ::/0 trust", false},
        {"host all all 192.0.2.7/32 trust", true},
        {"host all all 192.0.2.6/32 trust", false},
        {"host all all 192.0.2.0/29 trust", true},
        {"host all all 192.0.2.8/29 trust", false},
        {"host \"shop\" \"ann\" all trust", true},
        {"host Shop ann all trust", false},
        {"host replication all all trust", false},
        {"host x,all all all trust", true},
        {"host shop \"all\" all trust", false},
        {"host sameuser all all trust", false},
        {"hostssl all all all cert", true},
        {"hostnossl all all all trust", false},
        {"hostnogssenc all all all trust", true},
        {"hostgssenc all all all gss krb_realm=X", false},
        {"local all all trust", false},
        {"host all all all trust\r\n", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(judge(rows[i].text, &who), rows[i].matches ? 1 : 0);
    }
}

static void test_methods_and_options(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum pg_hba_method method;
        enum pg_hba_clientcert clientcert;
    } rows[] = {
        {"host all all all trust", PG_HBA_TRUST, PG_HBA_ANY_CLIENT},
        {"host all all all reject", PG_HBA_REJECT, PG_HBA_ANY_CLIENT},
        {"host all all all md5", PG_HBA_MD5, PG_HBA_ANY_CLIENT},
        {"hostssl all all all scram-sha-256 clientcert=verify-ca", PG_HBA_SCRAM, PG_HBA_VERIFY_CA},
        {"hostssl all all all \"md5\" clientcert=verify-full", PG_HBA_MD5, PG_HBA_VERIFY_FULL},
        {"hostssl all all all cert", PG_HBA_CERT, PG_HBA_VERIFY_FULL},
        {"hostssl all all all cert clientcert=verify-full", PG_HBA_CERT, PG_HBA_VERIFY_FULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pg_hba hba;
        struct pg_hba_rule rule;
        pg_hba_init(&hba, span_text(rows[i].text));
        assert_int_equal(pg_hba_next(&hba, &rule), ERR_OK);
        assert_int_equal(rule.method, rows[i].method);
        assert_int_equal(rule.clientcert, rows[i].clientcert);
        assert_int_equal(pg_hba_next(&hba, &rule), ERR_NOT_FOUND);
    }
}

static void test_problems_have_a_line_and_a_hint(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem;
    } rows[] = {
        {"\n\nhsot all all all trust", "expected host, hostssl, hostnossl or local"},
        {"\n\ninclude other.conf", "other files are not included"},
        {"\n\nhost", "expected a database"},
        {"\n\nhost all", "expected a user"},
        {"\n\nhost all all", "expected an address"},
        {"\n\nhost all all all", "expected a method"},
        {"\n\nhost all all example.org trust", "names of hosts"},
        {"\n\nhost all all samenet trust", "samenet"},
        {"\n\nhost all all 10.0.0.1 trust", "expected a mask"},
        {"\n\nhost all all 10.0.0.1 ::1 trust", "expected a mask"},
        {"\n\nhost all all 10.0.0.0/33 trust", "prefix"},
        {"\n\nhost all all 10.0.0.0/x trust", "prefix"},
        {"\n\nhost all all 10.0.0.0/ trust", "prefix"},
        {"\n\nhost all all all peer", "expected trust, reject, md5, scram-sha-256 or cert"},
        {"\n\nhost all +staff all trust", "memberships"},
        {"\n\nhost all @file all trust", "reads no other files"},
        {"\n\nhost samerole all all trust", "memberships"},
        {"\n\nhost /^a all all trust", "quote the name"},
        {"\n\nhost all \"ann all trust", "quote is not closed"},
        {"\n\nhost all all all cert", "expected type hostssl"},
        {"\n\nhost all all all md5 clientcert=verify-ca", "expected type hostssl"},
        {"\n\nhostssl all all all md5 clientcert=1", "expected clientcert=verify-ca"},
        {"\n\nhostssl all all all cert clientcert=verify-ca", "leave verify-ca out"},
        {"\n\nhost all nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn all trust", "63 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pg_hba hba;
        struct pg_hba_rule rule;
        pg_hba_init(&hba, span_text(rows[i].text));
        assert_int_equal(pg_hba_next(&hba, &rule), ERR_INVALID);
        assert_int_equal(hba.line, 3);
        if (strstr(hba.problem, rows[i].problem) == NULL) {
            fail_msg("'%s' says: %s", rows[i].text, hba.problem);
        }
    }
    struct pg_hba hba;
    struct pg_hba_rule rule;
    pg_hba_init(&hba, span_of("host all all\0all trust", 22));
    assert_int_equal(pg_hba_next(&hba, &rule), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_match_decides),
        cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_methods_and_options),
        cmocka_unit_test(test_problems_have_a_line_and_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
