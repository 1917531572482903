/* SPDX-License-Identifier: Apache-2.0
 * One key of a zone in the place of another, step by step. */
#include "bin/cli_dns_key_roll.h"

#include <stdio.h>
#include <unistd.h>

#include "bin/cli_dns_key_make.h"
#include "bin/cli_dns_key_parent.h"
#include "bin/cli_dns_key_show.h"
#include "bin/verb.h"
#include "dns/dns_roll_algorithm.h"
#include "wire/dns_word.h"

/* Out of the rows first, so that no server looks for a file that is gone. */
int cli_dns_key_roll_remove(struct cli_dns_key_call *key, uint32_t row)
{
    char path[DNS_KEYDIR_PATH];
    const struct dns_keyfile_row gone = key->file.rows[row];
    dns_roll_remove(&key->file, row);
    const int result = cli_dns_key_call_save(key);
    if (result != VERB_OK) {
        return result;
    }
    snprintf(path, sizeof path, "%.3900s/%s", key->dnssec->keys, gone.file);
    if (unlink(path) != 0) {
        perror(path);
        return VERB_FAILED;
    }
    printf("%s %u is gone, with its file\n", dns_keyfile_role_text(gone.role), gone.tag);
    return VERB_OK;
}

/* A key that has done its work. Its DS may still be the only one in the zone above. */
static int cli_dns_key_roll_finish(struct cli_dns_key_call *key, const struct dns_roll *roll)
{
    const bool entry = key->file.rows[roll->row].role != DNS_KEYFILE_ZSK;
    if (!cli_dns_key_call_due(key, roll->due_s) || (entry && !cli_dns_key_parent_spares(key, roll->row))) {
        return VERB_REFUSED;
    }
    return cli_dns_key_roll_remove(key, roll->row);
}

static int cli_dns_key_roll_activate(struct cli_dns_key_call *key, const struct dns_roll *roll)
{
    if (!cli_dns_key_call_due(key, roll->due_s) || (roll->parent && !cli_dns_key_parent_has(key, roll->row))) {
        return VERB_REFUSED;
    }
    dns_roll_activate(&key->file, roll->row, key->times.now_s);
    printf("%s %u is active, the one before it is retired\n", dns_keyfile_role_text(key->file.rows[roll->row].role),
           key->file.rows[roll->row].tag);
    return cli_dns_key_call_save(key);
}

int cli_dns_key_roll_step(struct cli_dns_key_call *key)
{
    enum dns_keyfile_role role = DNS_KEYFILE_CSK;
    if (!cli_dns_key_call_role(key, &role)) {
        return VERB_USAGE;
    }
    int result = cli_dns_key_call_state(key, false);
    result = result == VERB_OK ? cli_dns_key_call_times(key) : result;
    if (result != VERB_OK) {
        return result;
    }
    if (dns_roll_algorithm_mixed(&key->file)) {
        return cli_dns_key_call_fail(
            "the algorithm is changing; expected that to be finished (holdfast dns key algorithm)", VERB_REFUSED);
    }
    bool known = false;
    for (uint32_t i = 0; i < key->file.count; i++) {
        known = known || key->file.rows[i].role == role;
    }
    if (!known) {
        return cli_dns_key_call_fail("the zone has no key of that role", VERB_REFUSED);
    }
    const struct dns_roll roll = dns_roll_next(&key->file, role, &key->times);
    switch (roll.step) {
    case DNS_ROLL_PUBLISH:
        result =
            cli_dns_key_make_one(key, (enum dns_key_algorithm)key->file.rows[0].algorithm, role, DNS_KEYFILE_PUBLISHED);
        result = result == VERB_OK ? cli_dns_key_call_save(key) : result;
        break;
    case DNS_ROLL_ACTIVATE:
        result = cli_dns_key_roll_activate(key, &roll);
        break;
    case DNS_ROLL_REMOVE:
    default:
        result = cli_dns_key_roll_finish(key, &roll);
        break;
    }
    if (result == VERB_OK) {
        cli_dns_key_show_next(key, role);
    }
    return result;
}

int cli_dns_key_roll_retire(struct cli_dns_key_call *key)
{
    uint64_t tag = 0;
    uint32_t row = 0;
    if (key->arguments->tag == NULL || dns_word_number(span_text(key->arguments->tag), UINT16_MAX, &tag) != ERR_OK) {
        return cli_dns_key_call_fail("--tag: expected the number of a key (holdfast dns key list)", VERB_USAGE);
    }
    int result = cli_dns_key_call_state(key, false);
    result = result == VERB_OK ? cli_dns_key_call_times(key) : result;
    if (result != VERB_OK) {
        return result;
    }
    while (row < key->file.count && key->file.rows[row].tag != tag) {
        row++;
    }
    if (row == key->file.count) {
        return cli_dns_key_call_fail("the zone has no key with that tag", VERB_FAILED);
    }
    if (dns_roll_algorithm_mixed(&key->file) && key->file.rows[row].state != DNS_KEYFILE_AHEAD) {
        return cli_dns_key_call_fail("the algorithm is changing; only keys that are ahead can be taken back",
                                     VERB_REFUSED);
    }
    if (key->file.rows[row].state != DNS_KEYFILE_ACTIVE) {
        return cli_dns_key_call_due(key, dns_roll_free_s(&key->file.rows[row], &key->times))
                   ? cli_dns_key_roll_remove(key, row)
                   : VERB_REFUSED;
    }
    if (dns_roll_retire(&key->file, row, key->times.now_s) != ERR_OK) {
        return cli_dns_key_call_fail("nobody else signs what this key does; expected roll", VERB_REFUSED);
    }
    return cli_dns_key_call_save(key);
}
