/* SPDX-License-Identifier: Apache-2.0
 * One call of holdfast dns key: its zone and the keys of it. */
#include "bin/cli_dns_key_call.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bin/serve_dns.h"
#include "bin/verb.h"
#include "dns/dns_zone_sign.h"
#include "edge/clock.h"

int cli_dns_key_call_fail(const char *problem, int result)
{
    fprintf(stderr, "holdfast dns key: %s\n", problem);
    return result;
}

static bool cli_dns_key_call_same(const char *text, const struct dns_name *origin)
{
    struct dns_name name;
    return dns_name_parse(span_text(text), NULL, &name) == ERR_OK && dns_name_equal(&name, origin);
}

int cli_dns_key_call_find(const struct config *config, struct cli_dns_key_call *key)
{
    const struct config_dns *dns = &config->dns;
    if (dns_name_parse(span_text(key->arguments->zone), NULL, &key->origin) != ERR_OK) {
        return cli_dns_key_call_fail("not a domain name", VERB_USAGE);
    }
    dns_name_lower(&key->origin);
    if (dns->zone != NULL && cli_dns_key_call_same(dns->zone, &key->origin)) {
        key->dnssec = &dns->dnssec;
        key->zone_file = dns->zone_file;
    }
    for (uint32_t i = 0; i < dns->zones_count; i++) {
        if (cli_dns_key_call_same(dns->zones[i].name, &key->origin)) {
            key->dnssec = &dns->zones[i].dnssec;
            key->zone_file = dns->zones[i].file;
        }
    }
    if (key->dnssec == NULL) {
        return cli_dns_key_call_fail("no such zone in the configuration", VERB_CONFIG);
    }
    if (key->dnssec->keys == NULL) {
        return cli_dns_key_call_fail("the zone is unsigned; expected dnssec: { keys: /directory } in its configuration",
                                     VERB_CONFIG);
    }
    return VERB_OK;
}

/* The state file; there may be none before the first key. */
int cli_dns_key_call_state(struct cli_dns_key_call *key, bool first)
{
    const enum err err = dns_keydir_state(key->dnssec->keys, key->problem, &key->file);
    if (err == ERR_NOT_FOUND && first) {
        if (access(key->dnssec->keys, W_OK) == 0) {
            return VERB_OK;
        }
        fprintf(stderr, "holdfast dns key: %s: make this directory first: install -d -m 0700 -o USER %s\n",
                key->dnssec->keys, key->dnssec->keys);
        return VERB_FAILED;
    }
    return err == ERR_OK ? VERB_OK : cli_dns_key_call_fail(key->problem, VERB_FAILED);
}

/* How long each step waits. Reads the zone and its keys as the servers do, so that their faults are told here, too. */
int cli_dns_key_call_times(struct cli_dns_key_call *key)
{
    char problem[DNS_ZONE_PROBLEM] = "";
    struct dns_zone *zone = NULL;
    struct dns_keyring *keyring = NULL;
    const struct dns_keyring_want want = serve_dns_keyring(key->dnssec);
    enum err err = dns_zone_load(key->zone_file, &(struct dns_zone_want){&key->origin, NULL, 0, false}, problem, &zone);
    err = err == ERR_OK ? dns_keyring_load(&want, problem, &keyring) : err;
    err = err == ERR_OK ? dns_zone_sign(zone, keyring, problem) : err;
    if (err != ERR_OK) {
        dns_zone_free(zone);
        return cli_dns_key_call_fail(problem, VERB_FAILED);
    }
    key->times = (struct dns_roll_times){.now_s = (uint64_t)(clock_wall().us / 1000000),
                                         .keys_ttl_s = want.ttl_s,
                                         .data_ttl_s = zone->ttl_most_s > 3600 ? zone->ttl_most_s : 3600,
                                         .parent_ttl_s = key->dnssec->parent_ttl_ms / 1000,
                                         .spread_s = key->dnssec->spread_ms / 1000};
    dns_zone_free(zone);
    return VERB_OK;
}

const char *cli_dns_key_call_when(uint64_t when_s, char text[CLI_TEXT_SPAN])
{
    return cli_text_time((int64_t)when_s * 1000, text);
}

bool cli_dns_key_call_due(const struct cli_dns_key_call *key, uint64_t due_s)
{
    char when[CLI_TEXT_SPAN];
    if (key->times.now_s >= due_s || key->arguments->force) {
        return true;
    }
    fprintf(stderr,
            "holdfast dns key: not before %s UTC: caches may still hold what this takes away; --force does it now\n",
            cli_dns_key_call_when(due_s, when));
    return false;
}

int cli_dns_key_call_save(struct cli_dns_key_call *key)
{
    key->file.changes++;
    if (dns_keydir_write_state(key->dnssec->keys, &key->file, key->problem) != ERR_OK) {
        return cli_dns_key_call_fail(key->problem, VERB_FAILED);
    }
    puts("saved; servers take it on SIGHUP");
    return VERB_OK;
}

bool cli_dns_key_call_role(const struct cli_dns_key_call *key, enum dns_keyfile_role *ret_role)
{
    const char *text = key->arguments->role;
    if (text != NULL && dns_keyfile_role_parse(span_text(text), ret_role) == ERR_OK) {
        return true;
    }
    (void)cli_dns_key_call_fail("--role: expected ksk, zsk or csk", VERB_USAGE);
    return false;
}
