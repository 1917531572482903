/* SPDX-License-Identifier: Apache-2.0
 * The etcd store over TLS with client certificates, and with etcd's authentication. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "edge/clock.h"
#include "edge/store_etcd.h"
#include "etcd_peer.h"

enum {
    SKIPPED = 77,
    PATIENCE_MS = 60000,
};

static char message[1024];
static const char prefix[] = "faults/";

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static enum err append(struct store *store, const char *text, uint64_t *ret_number)
{
    return store_append(store, "k", NULL, (struct wall){1}, text, ret_number);
}

/* Until the store takes a commit again. */
static void wait_for_commit(struct store *store)
{
    const struct mono deadline = time_add_ms(clock_mono(), PATIENCE_MS);
    uint64_t revision = 0;
    while (store_put_if(store, "alive", span_text("x"), STORE_ANY, &revision) != ERR_OK) {
        assert_false(time_reached(clock_mono(), deadline));
    }
}

struct waiter {
    struct store *store;
    uint64_t after;
    struct store_answer answer;
    enum err err;
};

static void *wait_for_change(void *context)
{
    struct waiter *waiter = context;
    const struct store_request request = {
        .ask = STORE_CHANGES, .key = "w/", .after = waiter->after, .wait_ms = PATIENCE_MS};
    waiter->err = store_call(waiter->store, &request, &waiter->answer);
    return NULL;
}

static void write_password(const char *password)
{
    FILE *file = fopen(etcd_peer_file("password"), "w");
    assert_non_null(file);
    fputs(password, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(etcd_peer_file("password"), 0600), 0);
}

/* etcdctl with the client's certificate. */
static void control(const char *arguments)
{
    char command[1024];
    char directory[256];
    snprintf(directory, sizeof directory, "%s", etcd_peer_file(""));
    snprintf(command, sizeof command,
             "ETCDCTL_API=3 etcdctl --endpoints https://%s --cacert %sca.pem --cert %sclient.pem --key %sclient.key %s",
             etcd_peer_endpoint(0), directory, directory, directory, arguments);
    char *const words[] = {(char[]){"sh"}, (char[]){"-c"}, command, NULL};
    etcd_peer_run(words);
}

static enum err try_open(const struct store_etcd_config *config, const char *advice)
{
    struct store *store = NULL;
    message[0] = '\0';
    const enum err err = store_etcd_open(config, message, sizeof message, &store);
    print_message("%s\n", message);
    if (err != ERR_OK) {
        assert_non_null(strstr(message, advice));
    }
    store_close(store);
    return err;
}

static char ca[256];
static char other[256];
static char certificate[256];
static char key[256];
static char named[256];
static char named_key[256];
static char expired[256];
static char expired_key[256];
static char password[256];

static int setup_tls(void **state)
{
    static struct store_etcd_config config;
    static const struct {
        const char *name;
        char *path;
    } files[] = {{"ca.pem", ca},           {"other.pem", other},         {"client.pem", certificate},
                 {"client.key", key},      {"named.pem", named},         {"named.key", named_key},
                 {"expired.pem", expired}, {"expired.key", expired_key}, {"password", password}};
    etcd_peer_start(&(struct etcd_peer_options){.members = 1, .tls = true, .arguments = {"--auth-token-ttl", "2"}});
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(files[i].path, sizeof ca, "%s", etcd_peer_file(files[i].name));
    }
    config = (struct store_etcd_config){.endpoints = {etcd_peer_endpoint(0)},
                                        .endpoint_count = 1,
                                        .prefix = prefix,
                                        .owner = "secure",
                                        .timeout_ms = 3000,
                                        .ca = ca,
                                        .certificate = certificate,
                                        .key = key};
    *state = &config;
    return 0;
}

static int teardown_tls(void **state)
{
    (void)state;
    etcd_peer_stop();
    return 0;
}

static void test_tls(void **state)
{
    struct store_etcd_config config = *(struct store_etcd_config *)*state;
    assert_int_equal(try_open(&config, ""), ERR_OK);
    config.server_name = "127.9.0.2"; /* the certificate has that one too */
    assert_int_equal(try_open(&config, ""), ERR_OK);
    config.timeout_ms = 500;
    config.server_name = "elsewhere.test";
    assert_int_equal(try_open(&config, "store.tls"), ERR_CERTIFICATE);
    config.server_name = NULL;
    config.ca = other;
    assert_int_equal(try_open(&config, "store.tls"), ERR_CERTIFICATE);
    config.ca = ca;
    config.certificate = expired;
    config.key = expired_key;
    assert_int_equal(try_open(&config, "expired.pem expired at 20"), ERR_TLS);
    config.certificate = NULL;
    assert_int_equal(try_open(&config, "tls.certificate"), ERR_TLS);
    config.ca = NULL;
    assert_int_equal(try_open(&config, "store.tls is missing"), ERR_UNAVAILABLE);
}

static void make_users(void)
{
    control("user add root:secret0");
    control("user add holdfast:secret1");
    control("role add store");
    control("role grant-permission --prefix=true store readwrite faults/");
    control("user grant-role holdfast store");
    control("user grant-role root root");
    control("auth enable");
}

static void test_refused_by_authentication(void **state)
{
    struct store_etcd_config config = *(struct store_etcd_config *)*state;
    make_users();
    assert_int_equal(try_open(&config, "store.user"), ERR_AUTH); /* nobody */
    config.user = "holdfast";
    config.password.file = password;
    write_password("wrong\n");
    assert_int_equal(try_open(&config, "store.user"), ERR_AUTH);
    write_password("secret1\n");
    config.prefix = "foreign/";
    assert_int_equal(try_open(&config, "grant"), ERR_PERMISSION);
    config.prefix = prefix;
    config.certificate = named;
    config.key = named_key;
    assert_int_equal(try_open(&config, "CommonName"), ERR_CERTIFICATE);
}

static void restart_member(struct store *store)
{
    etcd_peer_kill(0);
    etcd_peer_restart(0);
    wait_for_commit(store);
}

/* Tokens that the member has forgotten, or that are too old; another password. */
static void test_tokens_are_renewed(void **state)
{
    struct store_etcd_config config = *(struct store_etcd_config *)*state;
    make_users();
    config.user = "holdfast";
    config.password.file = password;
    write_password("secret1\n");
    struct store *store = NULL;
    assert_int_equal(store_etcd_open(&config, message, sizeof message, &store), ERR_OK);
    uint64_t number = 0;
    assert_int_equal(append(store, "with a token", &number), ERR_OK);
    struct waiter waiter = {.store = store};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_change, &waiter), 0);
    restart_member(store);
    pause_ms(4000);
    uint64_t revision = 0;
    assert_int_equal(store_put_if(store, "w/1", span_text("news"), 0, &revision), ERR_OK);
    pthread_join(thread, NULL);
    assert_int_equal(waiter.err, ERR_OK);
    store_answer_fini(&waiter.answer);
    control("--user root:secret0 user passwd holdfast --interactive=false <<.\nsecret2\n.\n");
    write_password("secret2\n");
    restart_member(store);
    store_close(store);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (!etcd_peer_installed()) {
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tls, setup_tls, teardown_tls),
        cmocka_unit_test_setup_teardown(test_refused_by_authentication, setup_tls, teardown_tls),
        cmocka_unit_test_setup_teardown(test_tokens_are_renewed, setup_tls, teardown_tls),
    };
    return cmocka_run_group_tests_name("etcd security", tests, NULL, NULL);
}
