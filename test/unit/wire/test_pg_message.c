/* SPDX-License-Identifier: Apache-2.0
 * Tests of the messages a proxy reads and writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/pg_frame.h"
#include "wire/pg_message.h"

#define BYTES(text) span_of(text, sizeof(text) - 1)

/* The body of the only message in the buffer. */
static struct span body_of(const struct buf *buf, uint8_t type)
{
    struct pg_frame frame;
    pg_frame_init(&frame);
    struct span bytes = span_of(buf->data, buf->size);
    struct pg_frame_message message;
    assert_true(pg_frame_step(&frame, &bytes, &message));
    assert_int_equal(message.type, type);
    assert_int_equal(bytes.size, 0);
    return span_of(buf->data + PG_FRAME_HEAD, buf->size - PG_FRAME_HEAD);
}

static void reads_errors(void **state)
{
    (void)state;
    struct pg_message_error error;
    static const char body[] = "SFEHLER\0VERROR\0C25006\0Mcannot execute UPDATE\0Fx.c\0";
    assert_int_equal(pg_message_error_parse(span_of(body, sizeof body), &error), ERR_OK);
    assert_true(span_is(error.severity, "ERROR"));
    assert_string_equal(error.sqlstate, "25006");
    assert_true(span_is(error.message, "cannot execute UPDATE"));
    assert_int_equal(pg_message_error_parse(span_of(body, 25), &error), ERR_OK);
    assert_string_equal(error.sqlstate, "25006");
    assert_int_equal(error.message.size, 0);
    assert_int_equal(pg_message_error_parse(BYTES("SERROR\0C2500\0\0"), &error), ERR_PROTOCOL);
    assert_int_equal(pg_message_error_parse(BYTES(""), &error), ERR_PROTOCOL);
}

static void reads_ready(void **state)
{
    (void)state;
    uint8_t status = 0;
    assert_int_equal(pg_message_ready_parse(BYTES("T"), &status), ERR_OK);
    assert_int_equal(status, PG_MESSAGE_STATUS_TRANSACTION);
    assert_int_equal(pg_message_ready_parse(BYTES("x"), &status), ERR_PROTOCOL);
    assert_int_equal(pg_message_ready_parse(BYTES("II"), &status), ERR_PROTOCOL);
    assert_int_equal(pg_message_ready_parse(BYTES(""), &status), ERR_PROTOCOL);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    uint8_t memory[256];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    pg_message_error_write(&buf, "FATAL", "57P01", "epoch 3 was fenced", "reconnect");
    struct pg_message_error error;
    assert_int_equal(pg_message_error_parse(body_of(&buf, 'E'), &error), ERR_OK);
    assert_true(span_is(error.severity, "FATAL"));
    assert_string_equal(error.sqlstate, "57P01");

    buf_reset(&buf);
    pg_message_ready_write(&buf, 'E');
    uint8_t status = 0;
    assert_int_equal(pg_message_ready_parse(body_of(&buf, 'Z'), &status), ERR_OK);
    assert_int_equal(status, 'E');

    buf_reset(&buf);
    pg_message_parameter_write(&buf, "in_hot_standby", "off");
    struct span name;
    struct span value;
    assert_int_equal(pg_message_parameter_parse(body_of(&buf, 'S'), &name, &value), ERR_OK);
    assert_true(span_is(name, "in_hot_standby"));
    assert_true(span_is(value, "off"));

    buf_reset(&buf);
    pg_message_key_write(&buf, 0x01020304, span_text("wxyz"));
    uint32_t pid = 0;
    struct span secret;
    assert_int_equal(pg_message_key_parse(body_of(&buf, 'K'), &pid, &secret), ERR_OK);
    assert_int_equal(pid, 0x01020304);
    assert_true(span_is(secret, "wxyz"));
}

static void refuses_bad_parameters_and_keys(void **state)
{
    (void)state;
    struct span name;
    struct span value;
    uint32_t pid;
    assert_int_equal(pg_message_parameter_parse(BYTES("a\0b"), &name, &value), ERR_PROTOCOL);
    assert_int_equal(pg_message_parameter_parse(BYTES("\0b\0"), &name, &value), ERR_PROTOCOL);
    assert_int_equal(pg_message_parameter_parse(BYTES("a\0b\0c"), &name, &value), ERR_PROTOCOL);
    assert_int_equal(pg_message_key_parse(BYTES("\0\0\0\1abc"), &pid, &value), ERR_PROTOCOL);
}

/* Each message of ours is one whole frame of its type, also when it passes byte by byte. */
static void framed(struct buf *buf, uint8_t type, const char *body, size_t size)
{
    struct pg_frame frame;
    struct pg_frame_message message = {.type = 0};
    pg_frame_init(&frame);
    for (size_t i = 0; i < buf->size; i++) {
        struct span byte = span_of(buf->data + i, 1);
        const bool ended = pg_frame_step(&frame, &byte, &message);
        assert_int_equal(ended, i + 1 == buf->size);
    }
    assert_int_equal(message.type, type);
    assert_int_equal(message.body_size, size);
    assert_memory_equal(message.peek.data, body, size);
    buf_reset(buf);
}

static void test_log_in_messages(void **state)
{
    (void)state;
    uint8_t memory[256];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    pg_message_query_write(&buf, span_text("SELECT 1"));
    framed(&buf, 'Q', "SELECT 1", 9);
    pg_message_sync_write(&buf);
    framed(&buf, 'S', "", 0);
    pg_message_password_write(&buf, span_text("md5x"));
    framed(&buf, 'p', "md5x", 5);
    pg_message_sasl_write(&buf, span_text("c=biws"));
    framed(&buf, 'p', "c=biws", 6);
    pg_message_sasl_initial_write(&buf, "SCRAM", span_text("n,,"));
    struct span mechanism;
    struct span data;
    assert_int_equal(pg_message_sasl_initial_parse(span_of(buf.data + 5, buf.size - 5), &mechanism, &data), ERR_OK);
    assert_true(span_is(mechanism, "SCRAM") && span_is(data, "n,,"));
    assert_int_equal(pg_message_sasl_initial_parse(span_of(buf.data + 5, buf.size - 6), &mechanism, &data),
                     ERR_PROTOCOL);
    framed(&buf, 'p', "SCRAM\0\0\0\0\3n,,", 13);
}

static void test_authentication_requests(void **state)
{
    (void)state;
    uint32_t code = 99;
    struct span rest;
    assert_int_equal(pg_message_authentication_parse(span_of("\0\0\0\0", 4), &code, &rest), ERR_OK);
    assert_int_equal(code, PG_MESSAGE_AUTH_OK);
    assert_int_equal(pg_message_authentication_parse(span_of("\0\0\0", 3), &code, &rest), ERR_PROTOCOL);
    assert_int_equal(pg_message_authentication_parse(span_of("\0\0\0\5abc", 7), &code, &rest), ERR_PROTOCOL);
    assert_int_equal(pg_message_authentication_parse(span_of("\0\0\0\5abcd", 8), &code, &rest), ERR_OK);
    assert_true(code == PG_MESSAGE_AUTH_MD5 && span_is(rest, "abcd"));
    const struct span list = span_of("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", 34);
    assert_true(pg_message_mechanism_offered(list, "SCRAM-SHA-256"));
    assert_false(pg_message_mechanism_offered(list, "SCRAM-SHA-1"));
    assert_false(pg_message_mechanism_offered(span_of("SCRAM-SHA-256", 13), "SCRAM-SHA-256"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_errors),         cmocka_unit_test(reads_ready),
        cmocka_unit_test(writes_what_it_reads), cmocka_unit_test(refuses_bad_parameters_and_keys),
        cmocka_unit_test(test_log_in_messages), cmocka_unit_test(test_authentication_requests),
    };
    return cmocka_run_group_tests_name("pg_message", tests, NULL, NULL);
}
