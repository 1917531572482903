/* SPDX-License-Identifier: Apache-2.0
 * What a SQLSTATE means for the call, its breaker and the next choice: one table, the longest prefix wins.
 *
 * Which errors say "not done": those that PostgreSQL sends as the answer to the statement, because it has rolled back
 * then. Which do not: those that end the session (57P01 and 57P02 may come from a proxy or a dying server while a
 * commit is under way), lost connections, and those that say so themselves. doc/man/holdfast_classify.3.scd has the
 * same table for people; a test compares the two. */
#include <holdfast.h>
#include <stdbool.h>
#include <string.h>

enum {
    HOLDFAST_CLASSIFY_SHUN = HOLDFAST_VERDICT_SHUN,
    HOLDFAST_CLASSIFY_LOOK = HOLDFAST_VERDICT_LOOK,
    HOLDFAST_CLASSIFY_GONE = HOLDFAST_VERDICT_RECONNECT,
    HOLDFAST_CLASSIFY_ENDS = 1 << 8, /* with a commit under way the outcome is unknown */
    HOLDFAST_CLASSIFY_LETTERS = 5,
};

struct holdfast_classify_row {
    const char *prefix;
    enum holdfast_result result;
    enum holdfast_breaker_outcome outcome;
    uint32_t flags;
};

#define OK     HOLDFAST_RESULT_SUCCESS, HOLDFAST_SUCCESS
#define OWN    HOLDFAST_RESULT_IGNORED, HOLDFAST_IGNORED_ERROR
#define AGAIN  HOLDFAST_RESULT_RETRYABLE, HOLDFAST_IGNORED_ERROR
#define BROKEN HOLDFAST_RESULT_FAILURE, HOLDFAST_ERROR
#define WRONG  HOLDFAST_RESULT_WRONG_SERVER, HOLDFAST_IGNORED_ERROR
#define MAYBE  HOLDFAST_RESULT_OUTCOME_UNKNOWN, HOLDFAST_IGNORED_ERROR
#define SHUN   HOLDFAST_CLASSIFY_SHUN
#define LOOK   HOLDFAST_CLASSIFY_LOOK
#define GONE   HOLDFAST_CLASSIFY_GONE
#define ENDS   HOLDFAST_CLASSIFY_ENDS

static const struct holdfast_classify_row holdfast_classify_rows[] = {
    {"", OWN, 0}, /* the application's own, also those that it made up */
    {"00", OK, 0},
    {"01", OK, 0},
    {"02", OK, 0},
    {"08", WRONG, SHUN | LOOK | GONE | ENDS},
    {"08007", MAYBE, LOOK},
    {"08P01", BROKEN, GONE | ENDS},
    {"25006", WRONG, LOOK},
    {"25P03", OWN, GONE},
    {"28", BROKEN, 0},
    {"3D000", BROKEN, 0},
    {"40000", AGAIN, 0},
    {"40001", AGAIN, 0},
    {"40003", MAYBE, LOOK},
    {"40P01", AGAIN, 0},
    {"53", BROKEN, 0},
    {"53300", WRONG, SHUN},
    {"55P03", AGAIN, 0},
    {"57", BROKEN, 0},
    {"57014", OWN, 0},
    {"57P01", WRONG, SHUN | LOOK | GONE | ENDS},
    {"57P02", WRONG, SHUN | LOOK | GONE | ENDS},
    {"57P03", WRONG, SHUN | LOOK | GONE},
    {"57P04", BROKEN, GONE},
    {"57P05", AGAIN, GONE},
    {"58", BROKEN, 0},
    {"72000", AGAIN, 0},
    {"F0", BROKEN, 0},
    {"XX", BROKEN, 0},
};

/* No answer at all: it counts, because nobody else will tell the breaker. */
static const struct holdfast_classify_row holdfast_classify_lost = {"", HOLDFAST_RESULT_WRONG_SERVER, HOLDFAST_ERROR,
                                                                    SHUN | LOOK | GONE | ENDS};
static const struct holdfast_classify_row holdfast_classify_success = {"", OK, 0};
static const struct holdfast_classify_row holdfast_classify_nonsense = {"", BROKEN, 0};

static bool holdfast_classify_wellformed(const char *sqlstate)
{
    return strspn(sqlstate, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == HOLDFAST_CLASSIFY_LETTERS &&
           sqlstate[HOLDFAST_CLASSIFY_LETTERS] == '\0';
}

static const struct holdfast_classify_row *holdfast_classify_find(const char *sqlstate, uint32_t flags)
{
    const struct holdfast_classify_row *found = NULL;
    size_t longest = 0;
    if (sqlstate == NULL || *sqlstate == '\0') {
        const bool lost = (flags & (HOLDFAST_CALL_LOST | HOLDFAST_CALL_CONNECTING)) != 0;
        return lost ? &holdfast_classify_lost : &holdfast_classify_success;
    }
    if (!holdfast_classify_wellformed(sqlstate)) {
        return &holdfast_classify_nonsense;
    }
    for (size_t i = 0; i < sizeof holdfast_classify_rows / sizeof holdfast_classify_rows[0]; i++) {
        const struct holdfast_classify_row *row = &holdfast_classify_rows[i];
        const size_t size = strlen(row->prefix);
        if ((found == NULL || size > longest) && strncmp(sqlstate, row->prefix, size) == 0) {
            found = row;
            longest = size;
        }
    }
    return found;
}

void holdfast_classify(const char *sqlstate, uint32_t flags, struct holdfast_verdict *ret_verdict)
{
    const struct holdfast_classify_row *row = holdfast_classify_find(sqlstate, flags);
    const bool lost = (flags & HOLDFAST_CALL_LOST) != 0;
    const bool commits = (flags & HOLDFAST_CALL_COMMITS) != 0 && (flags & HOLDFAST_CALL_CONNECTING) == 0;
    struct holdfast_verdict verdict = {
        .outcome = row->outcome,
        .flags = row->flags & (HOLDFAST_CLASSIFY_SHUN | HOLDFAST_CLASSIFY_LOOK | HOLDFAST_CLASSIFY_GONE),
        .result = row->result,
    };
    if ((flags & (HOLDFAST_CALL_LOST | HOLDFAST_CALL_CONNECTING)) != 0) {
        verdict.flags |= HOLDFAST_VERDICT_RECONNECT;
    }
    const bool unconfirmed = (flags & HOLDFAST_CALL_UNCONFIRMED) != 0 && row->result == HOLDFAST_RESULT_SUCCESS;
    const bool broken_off =
        commits && ((row->flags & HOLDFAST_CLASSIFY_ENDS) != 0 || (lost && row->result == HOLDFAST_RESULT_SUCCESS));
    if (unconfirmed || broken_off) {
        verdict.result = HOLDFAST_RESULT_OUTCOME_UNKNOWN;
    }
    *ret_verdict = verdict;
}

const char *holdfast_result_name(enum holdfast_result result)
{
    static const char *const names[] = {"SUCCESS",      "FAILURE",         "IGNORED",
                                        "WRONG_SERVER", "OUTCOME_UNKNOWN", "RETRYABLE"};
    return (unsigned)result < sizeof names / sizeof names[0] ? names[result] : "UNKNOWN";
}
