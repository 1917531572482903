/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: what a client says in a SASL talk with us: the choice in the first byte, its two messages, one per line,
 * to a role that is there and to one that is not. */
#include <stdint.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "wire/pg_scram_serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_talk(struct pg_scram_serve *serve, enum pg_scram_serve_choice choice, const struct span lines[2])
{
    static const uint8_t hash[PG_SCRAM_KEY] = {1, 2, 3};
    uint8_t memory[PG_SCRAM_SERVE_MESSAGE];
    struct buf answer;
    struct pg_scram_key key;
    buf_init(&answer, memory, sizeof memory);
    const enum err first = pg_scram_serve_first(serve, lines[0], choice, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", &answer);
    ASSERT(!answer.overflow && (first == ERR_OK) == (answer.size > 0));
    if (first == ERR_OK) {
        const size_t binding = choice == PG_SCRAM_SERVE_BOUND ? sizeof hash : 0;
        const enum err final = pg_scram_serve_final(serve, lines[1], span_of(hash, binding), &answer, &key);
        ASSERT(!answer.overflow && !(serve->doomed && final == ERR_OK));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char verifier_text[] =
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    static const uint8_t secret[PG_SCRAM_SERVE_SECRET] = {1};
    struct pg_scram_verifier verifier;
    struct pg_scram_serve serve;
    struct cursor cursor;
    cursor_init(&cursor, data, size);
    const enum pg_scram_serve_choice choice = (enum pg_scram_serve_choice)(cursor_u8(&cursor) % 3);
    struct span lines[2];
    for (size_t i = 0; i < 2; i++) {
        lines[i] = cursor_until(&cursor, '\n');
    }
    const enum err err = pg_scram_verifier_parse(span_text(verifier_text), &verifier);
    ASSERT(err == ERR_OK);
    pg_scram_serve_begin(&serve, &verifier);
    fuzz_talk(&serve, choice, lines);
    pg_scram_serve_doom(&serve, lines[0], secret);
    fuzz_talk(&serve, choice, lines);
    return 0;
}
