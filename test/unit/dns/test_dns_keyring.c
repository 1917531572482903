/* SPDX-License-Identifier: Apache-2.0
 * Keys from a directory: which are taken, and which are refused with a sentence that says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/dns_keydir.h"
#include "dns/dns_keyring.h"
#include "wire/dns_type.h"

static char root[] = "/tmp/holdfast-test-keys-XXXXXX";
static char problem[DNS_KEYDIR_PROBLEM];

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(path_of(name), "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path_of(name), mode), 0);
}

static int set_up(void **state)
{
    (void)state;
    memcpy(root, "/tmp/holdfast-test-keys-XXXXXX", sizeof root);
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"state",    "state.new", "ksk.pem",  "zsk.pem",
                                        "ksk2.pem", "zsk2.pem",  "other.pem"};
    (void)chmod(root, 0700);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)unlink(path_of(names[i]));
    }
    return rmdir(root);
}

/* A key in a file, and its row behind those that are there. */
static void add(struct dns_keyfile *file, const char *name, enum dns_keyfile_role role,
                enum dns_key_algorithm algorithm)
{
    struct dns_key key;
    struct dns_keyfile_row *row = &file->rows[file->count++];
    assert_int_equal(dns_key_generate(algorithm, dns_keydir_flags(role), &key), ERR_OK);
    assert_int_equal(dns_keydir_write_key(root, name, &key, problem), ERR_OK);
    *row = (struct dns_keyfile_row){
        .role = role, .state = DNS_KEYFILE_ACTIVE, .algorithm = (uint8_t)algorithm, .tag = key.tag, .since_s = 1};
    snprintf(row->file, sizeof row->file, "%s", name);
    dns_key_fini(&key);
}

static enum err load(void)
{
    const struct dns_keyring_want want = {root, 3600, DNS_KEYRING_PUBLISH};
    struct dns_keyring *keyring = NULL;
    problem[0] = 0;
    const enum err err = dns_keyring_load(&want, problem, &keyring);
    if (err == ERR_OK) {
        assert_int_equal(keyring->ttl_s, 3600);
        dns_keyring_free(keyring);
    }
    return err;
}

static void expect(enum err err, const char *text)
{
    assert_int_equal(load(), err);
    if (strstr(problem, text) == NULL) {
        fail_msg("\"%s\" without \"%s\"", problem, text);
    }
}

static void test_what_is_written_is_loaded(void **state)
{
    (void)state;
    struct dns_keyfile file = {0};
    struct stat status;
    add(&file, "ksk.pem", DNS_KEYFILE_KSK, DNS_KEY_ECDSAP256SHA256);
    add(&file, "zsk.pem", DNS_KEYFILE_ZSK, DNS_KEY_ECDSAP256SHA256);
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK); /* over the old one */
    expect(ERR_OK, "");
    assert_int_equal(stat(path_of("ksk.pem"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_a_key_that_others_can_read_is_refused(void **state)
{
    (void)state;
    struct dns_keyfile file = {0};
    add(&file, "ksk.pem", DNS_KEYFILE_CSK, DNS_KEY_ED25519);
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
    assert_int_equal(chmod(path_of("ksk.pem"), 0640), 0);
    expect(ERR_PERMISSION, "ksk.pem: others than the server's user can read this private key");
    assert_int_equal(chmod(path_of("ksk.pem"), 0600), 0);
    assert_int_equal(chmod(path_of("state"), 0666), 0);
    expect(ERR_PERMISSION, "state: others than the server's user can write to it");
    assert_int_equal(chmod(path_of("state"), 0644), 0);
    assert_int_equal(chmod(root, 0777), 0);
    expect(ERR_PERMISSION, "others than its owner can write there");
    assert_int_equal(chmod(root, 0755), 0);
    expect(ERR_OK, "");
}

static void test_what_is_missing_or_damaged_is_told(void **state)
{
    (void)state;
    struct dns_keyfile file = {0};
    expect(ERR_NOT_FOUND, "state: not found");
    put("state", "# nothing\n", 0600);
    expect(ERR_INVALID, "no active key that signs the keys");
    put("state", "ksk 13 1 active 5 ../x\n", 0600);
    expect(ERR_INVALID, "state:1: not the line of a key");
    put("state", "ksk 13 1 active 5 ksk.pem\n", 0600);
    expect(ERR_NOT_FOUND, "ksk.pem: not found");
    put("ksk.pem", "nothing", 0600);
    expect(ERR_INVALID, "ksk.pem: not a private key");
    assert_int_equal(unlink(path_of("ksk.pem")), 0);
    assert_int_equal(symlink("state", path_of("ksk.pem")), 0);
    assert_int_not_equal(load(), ERR_OK);
    assert_int_equal(unlink(path_of("ksk.pem")), 0);
    add(&file, "ksk.pem", DNS_KEYFILE_KSK, DNS_KEY_ED25519);
    file.rows[0].tag ^= 1;
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
    expect(ERR_CONFLICT, "but the state file says key");
}

static void test_keys_that_would_not_make_a_zone_that_validates(void **state)
{
    (void)state;
    struct dns_keyfile file = {0};
    add(&file, "ksk.pem", DNS_KEYFILE_KSK, DNS_KEY_ED25519);
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
    expect(ERR_INVALID, "no active key that signs the records");
    add(&file, "zsk.pem", DNS_KEYFILE_ZSK, DNS_KEY_ED25519);
    file.rows[1].state = DNS_KEYFILE_PUBLISHED;
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
    expect(ERR_INVALID, "no active key that signs the records");
    file.rows[1].state = DNS_KEYFILE_ACTIVE;
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
    expect(ERR_OK, "");
    add(&file, "other.pem", DNS_KEYFILE_ZSK, DNS_KEY_ECDSAP256SHA256);
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
    expect(ERR_INVALID, "an algorithm that signs only a part");
    file.rows[2].state = DNS_KEYFILE_AHEAD; /* who is not told owes nothing */
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
    expect(ERR_OK, "");
    file.rows[0] = file.rows[1];
    file.count = 1;
    assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
    expect(ERR_INVALID, "no active key that signs the keys");
}

/* At each step of a change of algorithm: what is told, who signs the keys and the records, by algorithm. */
static void test_two_algorithms_sign_all_that_is_told(void **state)
{
    (void)state;
    static const struct {
        enum dns_keyfile_state old;
        enum dns_keyfile_state fresh;
        uint32_t told[2];    /* of ECDSA, Ed25519 */
        uint32_t keys[2];    /* that sign DNSKEY */
        uint32_t records[2]; /* that sign the rest */
        uint32_t announced;
    } cases[] = {
        {DNS_KEYFILE_ACTIVE, DNS_KEYFILE_AHEAD, {2, 0}, {1, 0}, {1, 1}, 1},
        {DNS_KEYFILE_ACTIVE, DNS_KEYFILE_ACTIVE, {2, 2}, {1, 1}, {1, 1}, 2},
        {DNS_KEYFILE_RETIRED, DNS_KEYFILE_ACTIVE, {2, 2}, {1, 1}, {1, 1}, 1},
        {DNS_KEYFILE_BEHIND, DNS_KEYFILE_ACTIVE, {0, 2}, {0, 1}, {1, 1}, 1},
    };
    struct dns_keyfile file = {0};
    add(&file, "ksk.pem", DNS_KEYFILE_KSK, DNS_KEY_ECDSAP256SHA256);
    add(&file, "zsk.pem", DNS_KEYFILE_ZSK, DNS_KEY_ECDSAP256SHA256);
    add(&file, "ksk2.pem", DNS_KEYFILE_KSK, DNS_KEY_ED25519);
    add(&file, "zsk2.pem", DNS_KEYFILE_ZSK, DNS_KEY_ED25519);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dns_keyring_want want = {root, 3600, DNS_KEYRING_PUBLISH};
        struct dns_keyring *keyring = NULL;
        uint32_t told[2] = {0};
        uint32_t keys[2] = {0};
        uint32_t records[2] = {0};
        uint32_t announced = 0;
        for (uint32_t row = 0; row < 4; row++) {
            file.rows[row].state = row < 2 ? cases[i].old : cases[i].fresh;
        }
        assert_int_equal(dns_keydir_write_state(root, &file, problem), ERR_OK);
        assert_int_equal(dns_keyring_load(&want, problem, &keyring), ERR_OK);
        for (uint32_t row = 0; row < 4; row++) {
            const struct dns_keyring_key *key = &keyring->keys[row];
            told[row / 2] += dns_keyring_told(key);
            keys[row / 2] += dns_keyring_signs(key, DNS_TYPE_DNSKEY, true);
            records[row / 2] += dns_keyring_signs(key, DNS_TYPE_SOA, true);
            announced += dns_keyring_announced(key);
        }
        assert_memory_equal(told, cases[i].told, sizeof told);
        assert_memory_equal(keys, cases[i].keys, sizeof keys);
        assert_memory_equal(records, cases[i].records, sizeof records);
        assert_int_equal(announced, cases[i].announced);
        dns_keyring_free(keyring);
    }
}

static void test_a_file_that_is_there_is_not_overwritten(void **state)
{
    (void)state;
    struct dns_keyfile file = {0};
    struct dns_key key;
    add(&file, "ksk.pem", DNS_KEYFILE_CSK, DNS_KEY_ED25519);
    assert_int_equal(dns_key_generate(DNS_KEY_ED25519, DNS_KEY_ZONE, &key), ERR_OK);
    assert_int_equal(dns_keydir_write_key(root, "ksk.pem", &key, problem), ERR_EXISTS);
    dns_key_fini(&key);
}

#define KEYRING_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEYRING_TEST(test_what_is_written_is_loaded),
        KEYRING_TEST(test_a_key_that_others_can_read_is_refused),
        KEYRING_TEST(test_what_is_missing_or_damaged_is_told),
        KEYRING_TEST(test_keys_that_would_not_make_a_zone_that_validates),
        KEYRING_TEST(test_two_algorithms_sign_all_that_is_told),
        KEYRING_TEST(test_a_file_that_is_there_is_not_overwritten),
    };
    return cmocka_run_group_tests_name("dns_keyring", tests, NULL, NULL);
}
