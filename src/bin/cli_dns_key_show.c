/* SPDX-License-Identifier: Apache-2.0
 * What keys a zone has, what comes next for them, and what belongs into the zone above. */
#include "bin/cli_dns_key_show.h"

#include <stdio.h>

#include "bin/serve_dns.h"
#include "bin/verb.h"
#include "dns/dns_roll_algorithm.h"

static void cli_dns_key_show_name(const struct dns_name *name, char text[1100])
{
    struct buf buf;
    buf_init(&buf, text, 1100);
    dns_name_print(name, &buf);
}

/* What `roll` would do now. */
void cli_dns_key_show_next(const struct cli_dns_key_call *key, enum dns_keyfile_role role)
{
    char when[CLI_TEXT_SPAN];
    const struct dns_roll roll = dns_roll_next(&key->file, role, &key->times);
    if (roll.step == DNS_ROLL_PUBLISH || dns_roll_algorithm_mixed(&key->file)) {
        return;
    }
    printf("next: %s %u %s from %s UTC on%s: holdfast dns key roll %s --role %s\n", dns_keyfile_role_text(role),
           key->file.rows[roll.row].tag, roll.step == DNS_ROLL_ACTIVATE ? "may sign" : "may be taken away",
           cli_dns_key_call_when(roll.due_s, when), roll.parent ? ", once its DS stands in the zone above" : "",
           key->arguments->zone, dns_keyfile_role_text(role));
}

int cli_dns_key_show_list(struct cli_dns_key_call *key)
{
    int result = cli_dns_key_call_state(key, false);
    result = result == VERB_OK ? cli_dns_key_call_times(key) : result;
    if (result != VERB_OK) {
        return result;
    }
    printf("%-6s %-16s %-4s %-10s %-20s %s\n", "TAG", "ALGORITHM", "ROLE", "STATE", "SINCE (UTC)", "FILE");
    for (uint32_t i = 0; i < key->file.count; i++) {
        const struct dns_keyfile_row *row = &key->file.rows[i];
        char when[CLI_TEXT_SPAN];
        printf("%-6u %-16s %-4s %-10s %-20s %s\n", row->tag,
               dns_key_algorithm_name((enum dns_key_algorithm)row->algorithm), dns_keyfile_role_text(row->role),
               dns_keyfile_state_text(row->state), cli_dns_key_call_when(row->since_s, when), row->file);
    }
    cli_dns_key_show_next(key, DNS_KEYFILE_KSK);
    cli_dns_key_show_next(key, DNS_KEYFILE_ZSK);
    cli_dns_key_show_next(key, DNS_KEYFILE_CSK);
    return VERB_OK;
}

int cli_dns_key_show_ds(struct cli_dns_key_call *key)
{
    struct dns_keyring *keyring = NULL;
    char name[1100];
    const struct dns_keyring_want want = serve_dns_keyring(key->dnssec);
    if (dns_keyring_load(&want, key->problem, &keyring) != ERR_OK) {
        return cli_dns_key_call_fail(key->problem, VERB_FAILED);
    }
    cli_dns_key_show_name(&key->origin, name);
    for (uint32_t i = 0; i < keyring->count; i++) {
        const struct dns_key *each = &keyring->keys[i].key;
        uint8_t ds[DNS_KEY_DS];
        if (!dns_keyring_announced(&keyring->keys[i])) {
            continue;
        }
        dns_key_ds(each, &key->origin, ds);
        printf("%s IN DS %u %u 2 ", name, each->tag, (unsigned)each->algorithm);
        for (size_t at = 4; at < sizeof ds; at++) {
            printf("%02X", ds[at]);
        }
        putchar('\n');
    }
    dns_keyring_free(keyring);
    return VERB_OK;
}
