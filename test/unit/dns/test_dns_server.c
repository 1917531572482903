/* SPDX-License-Identifier: Apache-2.0
 * The server as a whole, over real sockets: views that change under load, and reloads. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/dns_server.h"
#include "edge/publish.h"
#include "zone_sample.h"

enum { WORKERS = 4, CLIENTS = 3, VIEWS = 200, RELOADS = 30, PATIENCE_MS = 30000 };

struct world {
    char root[64];
    char view_path[128];
    char zone_path[128];
    struct publish_writer writer;
    struct dns_server_options options;
    struct dns_server *server;
    pthread_t clients[CLIENTS];
    _Atomic uint64_t proven; /* every reader was seen to have left the views below */
    _Atomic uint32_t serial; /* of the zone that the last finished reload has read */
    _Atomic bool stop;
    _Atomic uint64_t answers;
    _Atomic uint64_t unanswered;
    _Atomic uint64_t outdated; /* answers from what nobody should use any more */
};

static struct world *world;

static void publish(uint64_t version)
{
    struct view *view = publish_writer_draft(&world->writer);
    sample_view(view);
    view->version = version;
    for (uint32_t i = 0; i < view->endpoints_count; i++) {
        view->endpoints[i].address.bytes[2] = (uint8_t)version; /* the answer tells its view */
    }
    view_seal(view);
    assert_int_equal(publish_writer_commit(&world->writer), ERR_OK);
}

/* The writer's proof: all workers' announcements. */
static bool everybody_uses(uint64_t version)
{
    static struct publish_reader_info list[LIMITS_READERS];
    uint32_t count = 0;
    publish_writer_readers(&world->writer, list, &count);
    bool all = count == WORKERS;
    for (uint32_t i = 0; i < count; i++) {
        all = all && list[i].version >= version;
    }
    return all;
}

static void write_zone(uint32_t serial)
{
    FILE *file = fopen(world->zone_path, "we");
    assert_non_null(file);
    fprintf(file, "$TTL 60\n@ SOA ns h %u 1 1 1 60\n@ NS ns\nns A 10.0.0.1\nserial TXT \"%u\"\n", serial, serial);
    assert_int_equal(fclose(file), 0);
}

static int client_socket(void)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in *server = (const struct sockaddr_in *)&world->options.listens[0];
    return connect(fd, (const struct sockaddr *)server, sizeof *server) == 0 ? fd : -1;
}

static size_t client_ask(uint8_t *query, bool dynamic)
{
    static const uint8_t header[] = {0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    const struct dns_name name = sample_name(dynamic ? "www.example.test." : "serial.example.test.");
    struct buf buf;
    buf_init(&buf, query, 512);
    buf_bytes(&buf, header, sizeof header);
    buf_bytes(&buf, name.bytes, name.size);
    buf_u16be(&buf, dynamic ? 1 : 16);
    buf_u16be(&buf, 1);
    return buf.size;
}

/* Asks with a socket of its own each time, so that all workers get their turn. */
static void client_turn(bool dynamic)
{
    uint8_t message[512];
    const uint64_t proven = atomic_load(&world->proven);
    const uint32_t serial = atomic_load(&world->serial);
    const size_t asked = client_ask(message, dynamic);
    const int fd = client_socket();
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    const bool sent = fd >= 0 && send(fd, message, asked, 0) == (ssize_t)asked;
    const ssize_t got = sent && poll(&poll_fd, 1, PATIENCE_MS) == 1 ? recv(fd, message, sizeof message, 0) : -1;
    close(fd);
    if (got < (ssize_t)asked + 12 || message[3] != 0) {
        atomic_fetch_add(&world->unanswered, 1);
        return;
    }
    atomic_fetch_add(&world->answers, 1);
    if (dynamic) {
        const uint8_t version = message[got - 2]; /* the address's third byte */
        atomic_fetch_add(&world->outdated, (uint8_t)(version - (uint8_t)proven) > VIEWS / 2);
        return;
    }
    char text[16] = "";
    const uint8_t size = message[asked + 12];
    memcpy(text, message + asked + 13, size < sizeof text ? size : sizeof text - 1);
    atomic_fetch_add(&world->outdated, (uint32_t)strtoul(text, NULL, 10) < serial);
}

static void *client_run(void *argument)
{
    (void)argument;
    for (uint32_t turn = 0; !atomic_load(&world->stop); turn++) {
        client_turn(turn % 2 == 0);
    }
    return NULL;
}

/* Workers share an address by SO_REUSEPORT, so its port must be known. */
static uint16_t free_port(const struct sockaddr_in *address)
{
    struct sockaddr_in bound = *address;
    socklen_t size = sizeof bound;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&bound, sizeof bound), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &size), 0);
    close(fd);
    return bound.sin_port;
}

static int set_up(void **state)
{
    (void)state;
    world = calloc(1, sizeof *world);
    snprintf(world->root, sizeof world->root, "/tmp/test_dns_server.XXXXXX");
    assert_non_null(mkdtemp(world->root));
    snprintf(world->view_path, sizeof world->view_path, "%s/view.shm", world->root);
    snprintf(world->zone_path, sizeof world->zone_path, "%s/zone", world->root);
    write_zone(1);
    assert_int_equal(publish_writer_open(&world->writer, world->view_path), ERR_OK);
    publish(1);
    struct dns_server_options *options = &world->options;
    struct sockaddr_in *listen = (struct sockaddr_in *)&options->listens[0];
    *listen = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("127.9.7.1")};
    listen->sin_port = free_port(listen);
    options->name = "dns";
    options->listens_count = 1;
    options->workers = WORKERS;
    options->zones[0].origin = sample_name("example.test.");
    options->zones[0].file = world->zone_path;
    options->zones_count = 1;
    options->view_path = world->view_path;
    options->names[0] =
        (struct dns_zone_dynamic){.name = sample_name("www.example.test."), .endpoint = "web", .ttl_s = 5};
    dns_zone_dynamic_seal(&options->names[0]);
    options->names_count = 1;
    char problem[DNS_ZONE_PROBLEM] = "";
    if (dns_server_start(options, problem, &world->server) != ERR_OK) {
        fail_msg("%s", problem);
    }
    atomic_store(&world->proven, 1);
    atomic_store(&world->serial, 1);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&world->clients[i], NULL, client_run, NULL), 0);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dns_server_stop(world->server);
    publish_writer_close(&world->writer);
    unlink(world->zone_path);
    unlink(world->view_path);
    rmdir(world->root);
    free(world);
    return 0;
}

static void end_clients(void)
{
    atomic_store(&world->stop, true);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        pthread_join(world->clients[i], NULL);
    }
    assert_int_equal(atomic_load(&world->unanswered), 0);
    assert_int_equal(atomic_load(&world->outdated), 0);
}

/* Once the announcements say that nobody uses an older view, no query asked from then on is answered from one. */
static void test_all_workers_leave_the_old_view(void **state)
{
    (void)state;
    const struct timespec pause = {.tv_nsec = 200000};
    for (uint64_t version = 2; version <= VIEWS; version++) {
        publish(version);
        while (!everybody_uses(version)) {
            nanosleep(&pause, NULL);
        }
        atomic_store(&world->proven, version);
        const uint64_t before = atomic_load(&world->answers);
        while (atomic_load(&world->answers) < before + CLIENTS) {
            nanosleep(&pause, NULL);
        }
    }
    end_clients();
}

static void test_reloads_lose_no_query(void **state)
{
    (void)state;
    static const struct dns_catalog_settings settings;
    char problem[DNS_ZONE_PROBLEM] = "";
    for (uint32_t serial = 2; serial <= RELOADS; serial++) {
        write_zone(serial);
        assert_int_equal(dns_server_reload(world->server, &settings, problem), ERR_OK);
        atomic_store(&world->serial, serial); /* the old zone is freed: nobody answers from it */
    }
    end_clients();
}

/* Reads until the end; the bytes that came, -1: a reset. */
static ssize_t read_all(int fd)
{
    uint8_t bytes[4096];
    ssize_t sum = 0;
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
        const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0) {
            return got < 0 ? -1 : sum;
        }
        sum += got;
    }
}

/* The order to stop finds queries that nobody has read: all are answered, then each connection ends without a reset. */
static void test_a_stop_answers_what_tcp_clients_have_sent(void **state)
{
    (void)state;
    enum { SOCKETS = 12, QUERIES = 300 };
    int sockets[SOCKETS];
    uint8_t query[2 + 512];
    uint8_t answer[2 + 512];
    const size_t asked = client_ask(query + 2, false);
    query[0] = 0;
    query[1] = (uint8_t)asked;
    end_clients();
    ssize_t size = 0;
    for (uint32_t i = 0; i < SOCKETS; i++) {
        const struct sockaddr_in *server = (const struct sockaddr_in *)&world->options.listens[0];
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(sockets[i], (const struct sockaddr *)server, sizeof *server), 0);
        assert_int_equal(send(sockets[i], query, 2 + asked, 0), 2 + asked);
        struct pollfd poll_fd = {.fd = sockets[i], .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1); /* it is accepted */
        size = recv(sockets[i], answer, sizeof answer, 0);
        assert_true(size > (ssize_t)asked);
    }
    for (uint32_t i = 0; i < SOCKETS; i++) {
        static uint8_t many[QUERIES * sizeof query];
        for (uint32_t j = 0; j < QUERIES; j++) {
            memcpy(many + j * (2 + asked), query, 2 + asked);
        }
        /* The last third asks nothing, or half a question. */
        const size_t bytes = i < SOCKETS * 2 / 3 ? QUERIES * (2 + asked) : i % 2 == 0 ? 5 : 0;
        assert_int_equal(bytes == 0 ? 0 : send(sockets[i], many, bytes, 0), bytes);
    }
    dns_server_stop(world->server);
    world->server = NULL;
    for (uint32_t i = 0; i < SOCKETS; i++) {
        assert_int_equal(read_all(sockets[i]), i < SOCKETS * 2 / 3 ? QUERIES * size : 0);
        close(sockets[i]);
    }
}

/* One message with its length: its id, and its size in `ret_size`. */
static uint16_t read_message(int fd, size_t *ret_size)
{
    static uint8_t bytes[2 + 65535];
    size_t have = 0;
    size_t want = 2;
    while (have < want) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
        const ssize_t got = recv(fd, bytes + have, want - have, 0);
        assert_true(got > 0);
        have += (size_t)got;
        want = have >= 2 ? 2U + ((size_t)bytes[0] << 8 | bytes[1]) : 2;
    }
    *ret_size = want - 2;
    return (uint16_t)(bytes[2] << 8 | bytes[3]);
}

/* Lets `more` new descriptors be made. */
static void leave_descriptors(uint32_t more)
{
    struct rlimit limit;
    const int next = dup(STDERR_FILENO);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)next + more;
    close(next);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Without descriptors clients wait until there is one again; those over UDP, and who is in, notice nothing. */
static void test_clients_wait_for_descriptors(void **state)
{
    (void)state;
    enum { SOCKETS = 6, PLACES = 3 };
    int sockets[SOCKETS];
    uint8_t query[2 + 512];
    struct rlimit before;
    const struct sockaddr_in *server = (const struct sockaddr_in *)&world->options.listens[0];
    const size_t asked = client_ask(query + 2, false);
    query[0] = 0;
    query[1] = (uint8_t)asked;
    end_clients();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (uint32_t i = 0; i < SOCKETS; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    const int udp = client_socket();
    leave_descriptors(PLACES);
    struct pollfd polls[SOCKETS];
    for (uint32_t i = 0; i < SOCKETS; i++) {
        assert_int_equal(connect(sockets[i], (const struct sockaddr *)server, sizeof *server), 0);
        assert_int_equal(send(sockets[i], query, 2 + asked, 0), 2 + asked);
        polls[i] = (struct pollfd){.fd = sockets[i], .events = POLLIN};
    }
    /* Whoever is answered makes room for another. */
    size_t size = 0;
    for (uint32_t served = 0; served < SOCKETS; served++) {
        assert_true(poll(polls, SOCKETS, PATIENCE_MS) > 0);
        uint32_t at = 0;
        while (polls[at].revents == 0) {
            at++;
        }
        assert_int_equal(read_message(sockets[at], &size), 7);
        assert_int_equal(send(udp, query + 2, asked, 0), asked);
        assert_true(recv(udp, query + 2 + asked, sizeof query - 2 - asked, 0) > 0);
        close(sockets[at]);
        polls[at].fd = -1;
    }
    close(udp);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* A query behind a transfer of many messages is answered between these, not behind them. */
static void test_a_transfer_keeps_no_query_waiting(void **state)
{
    (void)state;
    enum { NAMES = 60000, TRANSFER_ID = 9, QUERY_ID = 7 };
    static struct dns_catalog_settings settings;
    char problem[DNS_ZONE_PROBLEM] = "";
    uint8_t both[2 * 514];
    end_clients();
    settings.transfer[0] = (struct dns_catalog_network){{.family = 4, .bytes = {127}}, 8};
    settings.transfer_count = 1;
    FILE *file = fopen(world->zone_path, "ae");
    assert_non_null(file);
    for (int i = 0; i < NAMES; i++) {
        fprintf(file, "name-%d A 10.0.0.1\n", i);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(dns_server_reload(world->server, &settings, problem), ERR_OK);
    const size_t first = client_ask(both + 2, false);
    both[0] = 0;
    both[1] = (uint8_t)first;
    memmove(both + 2 + first, both, 2 + first); /* the query, behind the transfer of the zone */
    uint8_t *question = both + 2 + 12;
    memmove(question, question + 7, first - 12 - 7); /* without "serial" */
    question[first - 12 - 7 - 3] = 252;
    both[1] = (uint8_t)(first - 7);
    both[3] = TRANSFER_ID;
    memmove(both + 2 + first - 7, both + 2 + first, 2 + first);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in *server = (const struct sockaddr_in *)&world->options.listens[0];
    assert_int_equal(connect(fd, (const struct sockaddr *)server, sizeof *server), 0);
    assert_int_equal(send(fd, both, 4 + first - 7 + first, 0), 4 + first - 7 + first);
    uint32_t before = 0;
    uint32_t after = 0;
    bool answered = false;
    size_t bytes = 0;
    while (bytes < (size_t)NAMES * 20 || !answered) {
        size_t size = 0;
        const uint16_t id = read_message(fd, &size);
        assert_true(id == TRANSFER_ID || (id == QUERY_ID && !answered));
        answered = answered || id == QUERY_ID;
        before += id == TRANSFER_ID && !answered;
        after += id == TRANSFER_ID && answered;
        bytes += id == TRANSFER_ID ? size : 0;
    }
    assert_true(before > 0 && after > 5);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_workers_leave_the_old_view, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reloads_lose_no_query, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_transfer_keeps_no_query_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clients_wait_for_descriptors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_stop_answers_what_tcp_clients_have_sent, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
