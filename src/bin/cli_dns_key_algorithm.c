/* SPDX-License-Identifier: Apache-2.0
 * One algorithm of a zone in the place of another, step by step. */
#include "bin/cli_dns_key_algorithm.h"

#include <stdio.h>

#include "bin/cli_dns_key_make.h"
#include "bin/cli_dns_key_parent.h"
#include "bin/cli_dns_key_roll.h"
#include "bin/verb.h"
#include "dns/dns_roll_algorithm.h"

/* New keys for what the present ones do. */
static int cli_dns_key_algorithm_begin(struct cli_dns_key_call *key, enum dns_key_algorithm algorithm)
{
    const struct dns_keyfile old = key->file;
    int result = VERB_OK;
    for (uint32_t i = 0; i < old.count && result == VERB_OK; i++) {
        result = cli_dns_key_make_one(key, algorithm, old.rows[i].role, DNS_KEYFILE_AHEAD);
    }
    return result == VERB_OK ? cli_dns_key_call_save(key) : result;
}

/* Whether the zone above is ready for the step: it knows the new keys, or has forgotten the old ones. */
static bool cli_dns_key_algorithm_parent(const struct cli_dns_key_call *key, enum dns_key_algorithm algorithm,
                                         enum dns_roll_algorithm_step step)
{
    bool ready = true;
    for (uint32_t i = 0; i < key->file.count && ready; i++) {
        const bool fresh = key->file.rows[i].algorithm == (uint8_t)algorithm;
        if (key->file.rows[i].role == DNS_KEYFILE_ZSK) {
            continue;
        }
        if (step == DNS_ROLL_ALGORITHM_RETIRE && fresh) {
            ready = cli_dns_key_parent_has(key, i);
        } else if (step == DNS_ROLL_ALGORITHM_HIDE && !fresh) {
            ready = cli_dns_key_parent_lacks(key, i);
        }
    }
    return ready;
}

static int cli_dns_key_algorithm_do(struct cli_dns_key_call *key, enum dns_key_algorithm algorithm,
                                    enum dns_roll_algorithm_step step)
{
    static const char *const words[] = {[DNS_ROLL_ALGORITHM_TELL] = "the new keys are told, beside the old ones",
                                        [DNS_ROLL_ALGORITHM_RETIRE] = "the old keys are retired, and still sign",
                                        [DNS_ROLL_ALGORITHM_HIDE] = "the old keys are no longer told, and still sign"};
    if (!cli_dns_key_algorithm_parent(key, algorithm, step)) {
        return VERB_REFUSED;
    }
    dns_roll_algorithm_do(&key->file, (uint8_t)algorithm, step, key->times.now_s);
    puts(words[step]);
    return cli_dns_key_call_save(key);
}

static int cli_dns_key_algorithm_remove(struct cli_dns_key_call *key, enum dns_key_algorithm algorithm)
{
    int result = VERB_OK;
    for (uint32_t row = 0; row < key->file.count && result == VERB_OK;) {
        if (key->file.rows[row].algorithm == (uint8_t)algorithm) {
            row++;
        } else {
            result = cli_dns_key_roll_remove(key, row);
        }
    }
    return result;
}

static void cli_dns_key_algorithm_next(const struct cli_dns_key_call *key, enum dns_key_algorithm algorithm)
{
    static const char *const words[] = {
        [DNS_ROLL_ALGORITHM_TELL] = "the new keys may be told",
        [DNS_ROLL_ALGORITHM_RETIRE] = "once DS of the new keys stand in the zone above, the old ones may be retired",
        [DNS_ROLL_ALGORITHM_HIDE] = "once DS of the old keys are gone from the zone above, these may be told no longer",
        [DNS_ROLL_ALGORITHM_REMOVE] = "the old keys may be taken away"};
    char when[CLI_TEXT_SPAN];
    const struct dns_roll_algorithm next = dns_roll_algorithm_next(&key->file, (uint8_t)algorithm, &key->times);
    if (next.step >= DNS_ROLL_ALGORITHM_TELL && next.step <= DNS_ROLL_ALGORITHM_REMOVE) {
        printf("next: from %s UTC on, %s: holdfast dns key algorithm %s --algorithm %s\n",
               cli_dns_key_call_when(next.due_s, when), words[next.step], key->arguments->zone,
               key->arguments->algorithm);
    }
}

int cli_dns_key_algorithm(struct cli_dns_key_call *key)
{
    enum dns_key_algorithm algorithm = DNS_KEY_ECDSAP256SHA256;
    if (key->arguments->algorithm == NULL || !cli_dns_key_make_algorithm(key, &algorithm)) {
        return cli_dns_key_call_fail("--algorithm: expected ecdsap256sha256 or ed25519", VERB_USAGE);
    }
    int result = cli_dns_key_call_state(key, false);
    result = result == VERB_OK ? cli_dns_key_call_times(key) : result;
    if (result != VERB_OK) {
        return result;
    }
    const struct dns_roll_algorithm next = dns_roll_algorithm_next(&key->file, (uint8_t)algorithm, &key->times);
    if (next.step == DNS_ROLL_ALGORITHM_DONE) {
        puts("all keys are of that algorithm");
        return VERB_OK;
    }
    if (next.step == DNS_ROLL_ALGORITHM_MIXED) {
        return cli_dns_key_call_fail(
            "a key is on its way of itself; expected its roll to be finished, or the key to be "
            "taken back (holdfast dns key retire --tag), first",
            VERB_REFUSED);
    }
    if (!cli_dns_key_call_due(key, next.due_s)) {
        return VERB_REFUSED;
    }
    if (next.step == DNS_ROLL_ALGORITHM_BEGIN) {
        result = cli_dns_key_algorithm_begin(key, algorithm);
    } else if (next.step == DNS_ROLL_ALGORITHM_REMOVE) {
        result = cli_dns_key_algorithm_remove(key, algorithm);
    } else {
        result = cli_dns_key_algorithm_do(key, algorithm, next.step);
    }
    if (result == VERB_OK) {
        cli_dns_key_algorithm_next(key, algorithm);
    }
    return result;
}
