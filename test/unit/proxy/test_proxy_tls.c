/* SPDX-License-Identifier: Apache-2.0
 * An encrypted connection whose client the test plays: what arrives, in whatever pieces, and whether anything is left
 * that no event would tell of. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/assert.h"
#include "proxy/proxy_tls.h"

struct bench {
    char root[32];
    struct proxy_tls_files files;
    struct proxy_tls_context *context;
    struct proxy_tls *tls;
    SSL_CTX *trust;
    SSL *client;
    BIO *from_client; /* what it has said and we have not put into the socket yet */
    BIO *to_client;
    int ours;
    int theirs;
};

/* A key, and a certificate that it has signed itself. */
static void papers(struct bench *bench)
{
    snprintf(bench->root, sizeof bench->root, "/tmp/test_tls.XXXXXX");
    ASSERT(mkdtemp(bench->root) != NULL);
    snprintf(bench->files.certificate, sizeof bench->files.certificate, "%s/crt", bench->root);
    snprintf(bench->files.key, sizeof bench->files.key, "%s/key", bench->root);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ASSERT(key != NULL && certificate != NULL);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    ASSERT(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(bench->files.key, "we");
    ASSERT(file != NULL && chmod(bench->files.key, 0600) == 0);
    ASSERT(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(file);
    file = fopen(bench->files.certificate, "we");
    ASSERT(file != NULL && PEM_write_X509(file, certificate) == 1);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* Carries bytes between the client and its end of the socket. */
static void carry(struct bench *bench)
{
    uint8_t memory[4096];
    for (int size; (size = BIO_read(bench->from_client, memory, sizeof memory)) > 0;) {
        assert_int_equal(send(bench->theirs, memory, (size_t)size, 0), size);
    }
    for (ssize_t size; (size = recv(bench->theirs, memory, sizeof memory, MSG_DONTWAIT)) > 0;) {
        assert_int_equal(BIO_write(bench->to_client, memory, (int)size), size);
    }
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    char message[PROXY_TLS_MESSAGE];
    int pair[2];
    papers(bench);
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    bench->ours = pair[0];
    bench->theirs = pair[1];
    ASSERT(proxy_tls_context_new(&bench->files, message, &bench->context) == ERR_OK);
    ASSERT(proxy_tls_accept(bench->context, bench->ours, &bench->tls) == ERR_OK);
    bench->trust = SSL_CTX_new(TLS_client_method());
    bench->client = SSL_new(bench->trust);
    bench->from_client = BIO_new(BIO_s_mem());
    bench->to_client = BIO_new(BIO_s_mem());
    ASSERT(bench->client != NULL && bench->from_client != NULL && bench->to_client != NULL);
    SSL_set_bio(bench->client, bench->to_client, bench->from_client);
    SSL_set_connect_state(bench->client);
    while (SSL_do_handshake(bench->client) != 1 || !proxy_tls_ready(bench->tls)) {
        carry(bench);
        if (!proxy_tls_ready(bench->tls)) {
            const enum err err = proxy_tls_handshake(bench->tls, message);
            ASSERT(err == ERR_OK || err == ERR_UNAVAILABLE);
        }
        carry(bench);
    }
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    proxy_tls_free(bench->tls);
    proxy_tls_context_free(bench->context);
    SSL_free(bench->client);
    SSL_CTX_free(bench->trust);
    close(bench->ours);
    close(bench->theirs);
    unlink(bench->files.certificate);
    unlink(bench->files.key);
    rmdir(bench->root);
    free(bench);
    return 0;
}

/* The client says this, in a record of its own; nothing of it has been sent yet. */
static void say(struct bench *bench, const char *text)
{
    assert_int_equal(SSL_write(bench->client, text, (int)strlen(text)), strlen(text));
}

/* All that can be had without another event, into `text`. How many calls found nothing. */
static int hear(struct bench *bench, char *text, size_t size)
{
    int empty = 0;
    size_t have = 0;
    bool more = true;
    while (more) {
        const ssize_t got = proxy_tls_recv(bench->tls, text + have, size - have - 1, false);
        assert_true(got > 0 || (got < 0 && errno == EAGAIN));
        empty += got < 0 ? 1 : 0;
        have += got > 0 ? (size_t)got : 0;
        more = got > 0 && proxy_tls_more(bench->tls);
    }
    text[have] = '\0';
    return empty;
}

static void one_call_is_enough_for_a_message(void **state)
{
    struct bench *bench = *state;
    char text[64];
    for (int i = 0; i < 3; i++) {
        say(bench, "select");
        carry(bench);
        assert_int_equal(hear(bench, text, sizeof text), 0);
        assert_string_equal(text, "select");
    }
}

static void records_that_came_together_are_all_heard(void **state)
{
    struct bench *bench = *state;
    char text[64];
    say(bench, "one ");
    say(bench, "two ");
    say(bench, "three");
    carry(bench);
    (void)hear(bench, text, sizeof text);
    assert_string_equal(text, "one two three");
}

static void what_is_left_of_a_record_is_more(void **state)
{
    struct bench *bench = *state;
    char text[4] = "";
    say(bench, "abcdef");
    carry(bench);
    assert_int_equal(proxy_tls_recv(bench->tls, text, 3, false), 3);
    assert_true(proxy_tls_more(bench->tls));
    assert_int_equal(proxy_tls_recv(bench->tls, text, 3, false), 3);
    assert_string_equal(text, "def");
    assert_false(proxy_tls_more(bench->tls));
}

/* A whole record and a part of the next: the part comes to its end with the event that brings the rest. */
static void records_split_at_every_byte_arrive(void **state)
{
    struct bench *bench = *state;
    uint8_t memory[256];
    for (size_t cut = 1;; cut++) {
        say(bench, "first ");
        say(bench, "second");
        const int size = BIO_read(bench->from_client, memory, sizeof memory);
        assert_in_range(size, 1, sizeof memory - 1);
        if (cut == (size_t)size) {
            assert_int_equal(send(bench->theirs, memory, cut, 0), cut);
            break;
        }
        char text[64];
        assert_int_equal(send(bench->theirs, memory, cut, 0), cut);
        (void)hear(bench, text, sizeof text);
        const size_t have = strlen(text);
        assert_int_equal(send(bench->theirs, memory + cut, (size_t)size - cut, 0), (size_t)size - cut);
        (void)hear(bench, text + have, sizeof text - have);
        assert_string_equal(text, "first second");
    }
}

/* More than the library's buffer takes at once: a full read of the socket says nothing about what is behind it. */
static void a_flood_is_heard_to_its_end(void **state)
{
    struct bench *bench = *state;
    enum { RECORDS = 40 };
    static char record[1025];
    static char text[RECORDS * sizeof record];
    memset(record, 'x', sizeof record - 1);
    for (int i = 0; i < RECORDS; i++) {
        say(bench, record);
    }
    carry(bench);
    (void)hear(bench, text, sizeof text);
    assert_int_equal(strlen(text), RECORDS * (sizeof record - 1));
}

static void an_end_is_heard_behind_the_last_words(void **state)
{
    struct bench *bench = *state;
    char text[8] = "";
    say(bench, "last");
    assert_int_equal(SSL_shutdown(bench->client), 0);
    carry(bench);
    assert_int_equal(proxy_tls_recv(bench->tls, text, sizeof text, false), 4);
    assert_true(proxy_tls_more(bench->tls));
    assert_int_equal(proxy_tls_recv(bench->tls, text, sizeof text, false), 0);
}

/* An hour after it was made. */
static void the_end_of_the_certificate_is_known(void **state)
{
    struct bench *bench = *state;
    const struct wall expires = proxy_tls_context_expires(bench->context);
    const int64_t left_s = expires.us / TIME_US_PER_S - (int64_t)time(NULL);
    assert_true(left_s > 0 && left_s <= 3600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_end_of_the_certificate_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_call_is_enough_for_a_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_that_came_together_are_all_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_of_a_record_is_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_split_at_every_byte_arrive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_is_heard_to_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_end_is_heard_behind_the_last_words, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
