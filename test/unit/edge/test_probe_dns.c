/* SPDX-License-Identifier: Apache-2.0
 * The dns probe: its message, and the way over a real socket. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/probe_dns_message.h"
#include "probe_peer.h"

static struct probe_dns_question ask(const char *type, const char *expect)
{
    struct probe_dns_question question;
    assert_int_equal(probe_dns_message_question("WWW.example.test", type, expect, &question), ERR_OK);
    question.id = 0x1234;
    return question;
}

/* An answer with these header flags and one record. */
static size_t answer_of(uint8_t answer[512], uint16_t id, uint16_t flags, uint16_t type, const void *data,
                        uint16_t size)
{
    static const char name[] = "\3www\7example\4test";
    struct buf buf;
    buf_init(&buf, answer, 512);
    buf_u16be(&buf, id);
    buf_u16be(&buf, flags);
    buf_u16be(&buf, 1);
    buf_u16be(&buf, size > 0 ? 1 : 0);
    buf_u32be(&buf, 0);
    buf_bytes(&buf, name, sizeof name);
    buf_u16be(&buf, type);
    buf_u16be(&buf, 1);
    if (size > 0) {
        buf_u16be(&buf, 0xc00c);
        buf_u16be(&buf, type);
        buf_u16be(&buf, 1);
        buf_u32be(&buf, 5);
        buf_u16be(&buf, size);
        buf_bytes(&buf, data, size);
    }
    assert_false(buf.overflow);
    return buf.size;
}

static enum err check(const struct probe_dns_question *question, const uint8_t *answer, size_t size, const char *words)
{
    static uint8_t memory[128];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    const enum err err = probe_dns_message_check(question, span_of(answer, size), &buf);
    assert_string_equal(buf_string(&buf), words);
    return err;
}

static void query_to_the_byte(void **state)
{
    (void)state;
    const struct probe_dns_question question = ask("AAAA", "");
    static const uint8_t expected[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\3WWW\7example\4test\0\0\x1c\0\1";
    uint8_t memory[512];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    probe_dns_message_write(&question, &buf);
    assert_int_equal(buf.size, sizeof expected - 1);
    assert_memory_equal(buf.data, expected, buf.size);
}

static void answers(void **state)
{
    (void)state;
    uint8_t answer[512];
    static const uint8_t ip[] = {127, 1, 0, 80};
    struct probe_dns_question question = ask("A", "127.1.0.80");
    size_t size = answer_of(answer, 0x1234, 0x8400, 1, ip, 4);
    assert_int_equal(check(&question, answer, size, "answered 127.1.0.80"), ERR_OK);
    for (size_t cut = 12; cut < size; cut++) {
        uint8_t memory[128];
        struct buf words;
        buf_init(&words, memory, sizeof memory);
        assert_int_equal(probe_dns_message_check(&question, span_of(answer, cut), &words), ERR_PROTOCOL);
    }
    question = ask("A", "127.2.0.80");
    assert_int_equal(check(&question, answer, size, "answered 127.1.0.80"), ERR_CONTENT);
    size = answer_of(answer, 0x1234, 0x8403, 1, ip, 0);
    assert_int_equal(check(&question, answer, size, "answered NXDOMAIN"), ERR_STATUS);
    size = answer_of(answer, 0x1234, 0x8400, 1, ip, 0);
    assert_int_equal(check(&question, answer, size, "answered nothing"), ERR_CONTENT);
    size = answer_of(answer, 0x4321, 0x8400, 1, ip, 4);
    assert_int_equal(check(&question, answer, size, ""), ERR_STALE);
    size = answer_of(answer, 0x1234, 0x0400, 1, ip, 4);
    assert_int_equal(check(&question, answer, size, ""), ERR_STALE);
    size = answer_of(answer, 0x1234, 0x8400, 28, ip, 4);
    assert_int_equal(check(&question, answer, size, ""), ERR_STALE);
}

static void compressed_names_compare(void **state)
{
    (void)state;
    uint8_t answer[512];
    static const uint8_t target[] = {1, 'a', 0xc0, 0x10}; /* a.example.test */
    struct probe_dns_question question = ask("CNAME", "A.EXAMPLE.test.");
    const size_t size = answer_of(answer, 0x1234, 0x8400, 5, target, sizeof target);
    assert_int_equal(check(&question, answer, size, "answered 4 bytes"), ERR_OK);
    question = ask("CNAME", "b.example.test.");
    assert_int_equal(check(&question, answer, size, "answered 4 bytes"), ERR_CONTENT);
}

static void impossible_questions(void **state)
{
    (void)state;
    struct probe_dns_question question;
    assert_int_equal(probe_dns_message_question("a..b", "A", "", &question), ERR_INVALID);
    assert_int_equal(probe_dns_message_question("a", "QQ", "", &question), ERR_NOT_FOUND);
    assert_int_not_equal(probe_dns_message_question("a", "A", "1.2.3", &question), ERR_OK);
    const struct probe_spec spec = probe_peer_spec(PROBE_DNS, "127.9.0.1:53");
    struct probe_spec bad = spec;
    snprintf(bad.dns_name, sizeof bad.dns_name, "a..b");
    assert_int_equal(probe_peer_once(&bad).error, ERR_INVALID);
}

/* First an answer to something else, then the right one. */
static void *server(void *argument)
{
    const int fd = *(int *)argument;
    uint8_t query[512];
    uint8_t answer[512];
    static const uint8_t ip[] = {127, 1, 0, 80};
    struct sockaddr_in from;
    socklen_t from_size = sizeof from;
    const ssize_t got = recvfrom(fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_size);
    if (got < 2) {
        return NULL;
    }
    const uint16_t id = (uint16_t)(query[0] << 8 | query[1]);
    size_t size = answer_of(answer, (uint16_t)(id + 1), 0x8400, 1, ip, 4);
    sendto(fd, answer, size, 0, (struct sockaddr *)&from, from_size);
    size = answer_of(answer, id, 0x8400, 1, ip, 4);
    sendto(fd, answer, size, 0, (struct sockaddr *)&from, from_size);
    return NULL;
}

static struct probe_result probe_server(bool serve)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f090001)}};
    socklen_t size = sizeof in;
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    char address[32];
    snprintf(address, sizeof address, "127.9.0.1:%u", ntohs(in.sin_port));
    pthread_t thread;
    if (serve) {
        pthread_create(&thread, NULL, server, &fd);
    }
    struct probe_spec spec = probe_peer_spec(PROBE_DNS, address);
    snprintf(spec.dns_name, sizeof spec.dns_name, "www.example.test");
    snprintf(spec.expect, sizeof spec.expect, "127.1.0.80");
    spec.timeout_ms = serve ? 5000 : 50;
    const struct probe_result result = probe_peer_once(&spec);
    if (serve) {
        pthread_join(thread, NULL);
    }
    close(fd);
    return result;
}

static void over_a_socket(void **state)
{
    (void)state;
    const struct probe_result good = probe_server(true);
    assert_true(good.ok);
    assert_true(good.phases.first_byte_us > 0);
    const struct probe_result silent = probe_server(false);
    assert_int_equal(silent.error, ERR_TIMEOUT);
    assert_non_null(strstr(silent.message, "timed out after 50 ms waiting for the answer of 127.9.0.1:"));
}

static void refused(void **state)
{
    (void)state;
    struct probe_spec spec = probe_peer_spec(PROBE_DNS, probe_peer_nobody());
    snprintf(spec.dns_name, sizeof spec.dns_name, "www.example.test");
    assert_int_equal(probe_peer_once(&spec).error, ERR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_to_the_byte),
        cmocka_unit_test(answers),
        cmocka_unit_test(compressed_names_compare),
        cmocka_unit_test(impossible_questions),
        cmocka_unit_test(over_a_socket),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
