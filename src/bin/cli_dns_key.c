/* SPDX-License-Identifier: Apache-2.0
 * holdfast dns key: the keys that sign a zone. */
#include "bin/cli_dns_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bin/cli_load.h"
#include "bin/cli_text.h"
#include "bin/serve_dns.h"
#include "bin/verb.h"
#include "dns/dns_keydir.h"
#include "dns/dns_roll.h"
#include "dns/dns_zone_sign.h"
#include "edge/clock.h"
#include "wire/dns_word.h"

/* What stands on the command line. */
struct cli_dns_key_arguments {
    const char *verb;
    const char *zone;
    const char *config;
    const char *algorithm;
    const char *role;
    const char *file;
    const char *tag;
    bool split;
    bool ds_seen;
    bool force;
};

/* One call: the zone that it is about, and its keys. */
struct cli_dns_key {
    const struct cli_dns_key_arguments *arguments;
    const struct config_dns *dns;
    const struct config_dnssec *dnssec;
    const char *zone_file;
    struct dns_name origin;
    struct dns_keyfile file;
    struct dns_roll_times times;
    char problem[DNS_KEYDIR_PROBLEM];
};

static void cli_dns_key_usage(FILE *stream)
{
    fputs("usage: holdfast dns key generate ZONE [--split] [--algorithm ecdsap256sha256|ed25519]\n"
          "         the first key of a zone; --split: one for the keys and one for the records\n"
          "       holdfast dns key import ZONE --role ksk|zsk|csk --file FILE\n"
          "         a private key that exists: PEM (PKCS#8), or BIND's K*.private\n"
          "       holdfast dns key list ZONE\n"
          "         the keys, and what comes next\n"
          "       holdfast dns key roll ZONE --role ksk|zsk|csk [--ds-seen] [--force]\n"
          "         the next step of one key taking the place of another, the first one when none is under way\n"
          "       holdfast dns key retire ZONE --tag TAG [--force]\n"
          "         takes a key out of use, and away once nobody needs it\n"
          "       holdfast dns key ds ZONE\n"
          "         the DS records that belong into the zone above\n"
          "\n"
          "--ds-seen: the DS of the new key stands in the zone above; only you can know.\n"
          "--force: do not wait until caches have forgotten; resolvers may fail for as long as a TTL.\n"
          "--config FILE: else $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml. The keys are in dnssec.keys of the\n"
          "zone. Servers read them on SIGHUP; copy the directory to all of them first.\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused: too early or not safe, 8 invalid configuration.\n",
          stream);
}

static bool cli_dns_key_flag(const char *word, struct cli_dns_key_arguments *arguments)
{
    bool *flag = strcmp(word, "--split") == 0     ? &arguments->split
                 : strcmp(word, "--ds-seen") == 0 ? &arguments->ds_seen
                 : strcmp(word, "--force") == 0   ? &arguments->force
                                                  : NULL;
    if (flag != NULL) {
        *flag = true;
    }
    return flag != NULL;
}

static bool cli_dns_key_parse(int argc, char **argv, struct cli_dns_key_arguments *arguments)
{
    arguments->verb = argc > 1 ? argv[1] : "";
    for (int i = 2; i < argc; i++) {
        const char **value = strcmp(argv[i], "--config") == 0      ? &arguments->config
                             : strcmp(argv[i], "--algorithm") == 0 ? &arguments->algorithm
                             : strcmp(argv[i], "--role") == 0      ? &arguments->role
                             : strcmp(argv[i], "--file") == 0      ? &arguments->file
                             : strcmp(argv[i], "--tag") == 0       ? &arguments->tag
                                                                   : NULL;
        if (value != NULL && i + 1 < argc) {
            *value = argv[++i];
        } else if (value == NULL && argv[i][0] != '-' && arguments->zone == NULL) {
            arguments->zone = argv[i];
        } else if (value != NULL || !cli_dns_key_flag(argv[i], arguments)) {
            return false;
        }
    }
    return arguments->zone != NULL;
}

static int cli_dns_key_fail(const char *problem, int result)
{
    fprintf(stderr, "holdfast dns key: %s\n", problem);
    return result;
}

/* ---- the zone ---- */

static bool cli_dns_key_same(const char *text, const struct dns_name *origin)
{
    struct dns_name name;
    return dns_name_parse(span_text(text), NULL, &name) == ERR_OK && dns_name_equal(&name, origin);
}

static int cli_dns_key_find(const struct config *config, struct cli_dns_key *key)
{
    const struct config_dns *dns = &config->dns;
    if (dns_name_parse(span_text(key->arguments->zone), NULL, &key->origin) != ERR_OK) {
        return cli_dns_key_fail("not a domain name", VERB_USAGE);
    }
    dns_name_lower(&key->origin);
    if (dns->zone != NULL && cli_dns_key_same(dns->zone, &key->origin)) {
        key->dnssec = &dns->dnssec;
        key->zone_file = dns->zone_file;
    }
    for (uint32_t i = 0; i < dns->zones_count; i++) {
        if (cli_dns_key_same(dns->zones[i].name, &key->origin)) {
            key->dnssec = &dns->zones[i].dnssec;
            key->zone_file = dns->zones[i].file;
        }
    }
    if (key->dnssec == NULL) {
        return cli_dns_key_fail("no such zone in the configuration", VERB_CONFIG);
    }
    if (key->dnssec->keys == NULL) {
        return cli_dns_key_fail("the zone is unsigned; expected dnssec: { keys: /directory } in its configuration",
                                VERB_CONFIG);
    }
    return VERB_OK;
}

/* The state file; there may be none before the first key. */
static int cli_dns_key_state(struct cli_dns_key *key, bool first)
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
    return err == ERR_OK ? VERB_OK : cli_dns_key_fail(key->problem, VERB_FAILED);
}

/* How long each step waits. Reads the zone and its keys as the servers do, so that their faults are told here, too. */
static int cli_dns_key_times(struct cli_dns_key *key)
{
    char problem[DNS_ZONE_PROBLEM] = "";
    struct dns_zone *zone = NULL;
    struct dns_keyring *keyring = NULL;
    const struct dns_keyring_want want = serve_dns_keyring(key->dnssec);
    enum err err = dns_zone_load(key->zone_file, &(struct dns_zone_want){&key->origin, NULL, 0}, problem, &zone);
    err = err == ERR_OK ? dns_keyring_load(&want, problem, &keyring) : err;
    err = err == ERR_OK ? dns_zone_sign(zone, keyring, problem) : err;
    if (err != ERR_OK) {
        dns_zone_free(zone);
        return cli_dns_key_fail(problem, VERB_FAILED);
    }
    key->times = (struct dns_roll_times){.now_s = (uint64_t)(clock_wall().us / 1000000),
                                         .keys_ttl_s = want.ttl_s,
                                         .data_ttl_s = zone->ttl_most_s > 3600 ? zone->ttl_most_s : 3600,
                                         .parent_ttl_s = key->dnssec->parent_ttl_ms / 1000,
                                         .spread_s = key->dnssec->spread_ms / 1000};
    dns_zone_free(zone);
    return VERB_OK;
}

/* ---- showing ---- */

static const char *cli_dns_key_when(uint64_t when_s, char text[CLI_TEXT_SPAN])
{
    return cli_text_time((int64_t)when_s * 1000, text);
}

static void cli_dns_key_name(const struct dns_name *name, char text[1100])
{
    struct buf buf;
    buf_init(&buf, text, 1100);
    dns_name_print(name, &buf);
}

/* What `roll` would do now. */
static void cli_dns_key_next(const struct cli_dns_key *key, enum dns_keyfile_role role)
{
    char when[CLI_TEXT_SPAN];
    const struct dns_roll roll = dns_roll_next(&key->file, role, &key->times);
    if (roll.step == DNS_ROLL_PUBLISH) {
        return;
    }
    printf("next: %s %u %s from %s UTC on%s: holdfast dns key roll %s --role %s%s\n", dns_keyfile_role_text(role),
           key->file.rows[roll.row].tag, roll.step == DNS_ROLL_ACTIVATE ? "may sign" : "may be taken away",
           cli_dns_key_when(roll.due_s, when), roll.parent ? ", once its DS stands in the zone above" : "",
           key->arguments->zone, dns_keyfile_role_text(role), roll.parent ? " --ds-seen" : "");
}

static int cli_dns_key_list(struct cli_dns_key *key)
{
    int result = cli_dns_key_state(key, false);
    result = result == VERB_OK ? cli_dns_key_times(key) : result;
    if (result != VERB_OK) {
        return result;
    }
    printf("%-6s %-16s %-4s %-10s %-20s %s\n", "TAG", "ALGORITHM", "ROLE", "STATE", "SINCE (UTC)", "FILE");
    for (uint32_t i = 0; i < key->file.count; i++) {
        const struct dns_keyfile_row *row = &key->file.rows[i];
        char when[CLI_TEXT_SPAN];
        printf("%-6u %-16s %-4s %-10s %-20s %s\n", row->tag,
               dns_key_algorithm_name((enum dns_key_algorithm)row->algorithm), dns_keyfile_role_text(row->role),
               dns_keyfile_state_text(row->state), cli_dns_key_when(row->since_s, when), row->file);
    }
    cli_dns_key_next(key, DNS_KEYFILE_KSK);
    cli_dns_key_next(key, DNS_KEYFILE_ZSK);
    cli_dns_key_next(key, DNS_KEYFILE_CSK);
    return VERB_OK;
}

static int cli_dns_key_ds(struct cli_dns_key *key)
{
    struct dns_keyring *keyring = NULL;
    char name[1100];
    const struct dns_keyring_want want = serve_dns_keyring(key->dnssec);
    if (dns_keyring_load(&want, key->problem, &keyring) != ERR_OK) {
        return cli_dns_key_fail(key->problem, VERB_FAILED);
    }
    cli_dns_key_name(&key->origin, name);
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

/* ---- changing ---- */

static int cli_dns_key_save(struct cli_dns_key *key)
{
    key->file.changes++;
    if (dns_keydir_write_state(key->dnssec->keys, &key->file, key->problem) != ERR_OK) {
        return cli_dns_key_fail(key->problem, VERB_FAILED);
    }
    puts("saved; servers take it on SIGHUP");
    return VERB_OK;
}

/* Puts a key into the directory and the rows. A tag that is there already would confuse people and validators. */
static int cli_dns_key_add(struct cli_dns_key *key, const struct dns_key *fresh, enum dns_keyfile_role role,
                           enum dns_keyfile_state state)
{
    struct dns_keyfile_row row = {.role = role,
                                  .state = state,
                                  .algorithm = (uint8_t)fresh->algorithm,
                                  .tag = fresh->tag,
                                  .since_s = (uint64_t)(clock_wall().us / 1000000)};
    if (key->file.count == DNS_KEYFILE_ROWS) {
        return cli_dns_key_fail("the zone has as many keys as it can have", VERB_REFUSED);
    }
    for (uint32_t i = 0; i < key->file.count; i++) {
        if (key->file.rows[i].tag == row.tag) {
            return cli_dns_key_fail("the zone has a key with that tag", VERB_REFUSED);
        }
    }
    snprintf(row.file, sizeof row.file, "%s-%u.pem", dns_keyfile_role_text(role), row.tag);
    if (dns_keydir_write_key(key->dnssec->keys, row.file, fresh, key->problem) != ERR_OK) {
        return cli_dns_key_fail(key->problem, VERB_FAILED);
    }
    key->file.rows[key->file.count++] = row;
    printf("%s %u (%s) is %s\n", dns_keyfile_role_text(role), row.tag, dns_key_algorithm_name(fresh->algorithm),
           dns_keyfile_state_text(state));
    return VERB_OK;
}

static int cli_dns_key_make(struct cli_dns_key *key, enum dns_key_algorithm algorithm, enum dns_keyfile_role role,
                            enum dns_keyfile_state state)
{
    struct dns_key fresh;
    bool taken = true;
    /* One in thousands has a tag that is there already. */
    for (int i = 0; i < 100 && taken; i++) {
        if (dns_key_generate(algorithm, dns_keydir_flags(role), &fresh) != ERR_OK) {
            return cli_dns_key_fail("cannot make a key", VERB_FAILED);
        }
        taken = false;
        for (uint32_t row = 0; row < key->file.count; row++) {
            taken = taken || key->file.rows[row].tag == fresh.tag;
        }
        if (taken) {
            dns_key_fini(&fresh);
        }
    }
    if (taken) {
        return cli_dns_key_fail("cannot make a key with a tag of its own", VERB_FAILED);
    }
    const int result = cli_dns_key_add(key, &fresh, role, state);
    dns_key_fini(&fresh);
    return result;
}

static int cli_dns_key_generate(struct cli_dns_key *key)
{
    const char *name = key->arguments->algorithm;
    enum dns_key_algorithm algorithm = DNS_KEY_ECDSAP256SHA256;
    if (name != NULL && strcmp(name, "ed25519") == 0) {
        algorithm = DNS_KEY_ED25519;
    } else if (name != NULL && strcmp(name, "ecdsap256sha256") != 0) {
        return cli_dns_key_fail("--algorithm: expected ecdsap256sha256 or ed25519", VERB_USAGE);
    }
    int result = cli_dns_key_state(key, true);
    if (result == VERB_OK && key->file.count > 0) {
        return cli_dns_key_fail("the zone has keys; expected roll, which replaces one in time", VERB_REFUSED);
    }
    if (result == VERB_OK && key->arguments->split) {
        result = cli_dns_key_make(key, algorithm, DNS_KEYFILE_KSK, DNS_KEYFILE_ACTIVE);
        result = result == VERB_OK ? cli_dns_key_make(key, algorithm, DNS_KEYFILE_ZSK, DNS_KEYFILE_ACTIVE) : result;
    } else if (result == VERB_OK) {
        result = cli_dns_key_make(key, algorithm, DNS_KEYFILE_CSK, DNS_KEYFILE_ACTIVE);
    }
    return result == VERB_OK ? cli_dns_key_save(key) : result;
}

/* The role on the command line. False after a message. */
static bool cli_dns_key_role(const struct cli_dns_key *key, enum dns_keyfile_role *ret_role)
{
    const char *text = key->arguments->role;
    if (text != NULL && dns_keyfile_role_parse(span_text(text), ret_role) == ERR_OK) {
        return true;
    }
    (void)cli_dns_key_fail("--role: expected ksk, zsk or csk", VERB_USAGE);
    return false;
}

static int cli_dns_key_import(struct cli_dns_key *key)
{
    struct dns_key fresh;
    enum dns_keyfile_role role = DNS_KEYFILE_CSK;
    if (key->arguments->file == NULL || !cli_dns_key_role(key, &role)) {
        cli_dns_key_usage(stderr);
        return VERB_USAGE;
    }
    int result = cli_dns_key_state(key, true);
    if (result != VERB_OK) {
        return result;
    }
    if (dns_keydir_read(key->arguments->file, dns_keydir_flags(role), key->problem, &fresh) != ERR_OK) {
        return cli_dns_key_fail(key->problem, VERB_FAILED);
    }
    result = cli_dns_key_add(key, &fresh, role, DNS_KEYFILE_ACTIVE);
    dns_key_fini(&fresh);
    return result == VERB_OK ? cli_dns_key_save(key) : result;
}

/* Whether a step may be done now. */
static bool cli_dns_key_due(const struct cli_dns_key *key, uint64_t due_s)
{
    char when[CLI_TEXT_SPAN];
    if (key->times.now_s >= due_s || key->arguments->force) {
        return true;
    }
    fprintf(stderr,
            "holdfast dns key: not before %s UTC: caches may still hold what this takes away; --force does it now\n",
            cli_dns_key_when(due_s, when));
    return false;
}

/* Out of the rows first, so that no server looks for a file that is gone. */
static int cli_dns_key_remove(struct cli_dns_key *key, uint32_t row)
{
    char path[DNS_KEYDIR_PATH];
    const struct dns_keyfile_row gone = key->file.rows[row];
    dns_roll_remove(&key->file, row);
    const int result = cli_dns_key_save(key);
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

static int cli_dns_key_activate(struct cli_dns_key *key, const struct dns_roll *roll)
{
    if (roll->parent && !key->arguments->ds_seen) {
        return cli_dns_key_fail("its DS has to stand in the zone above first (holdfast dns key ds); when it does, say "
                                "--ds-seen",
                                VERB_REFUSED);
    }
    if (!cli_dns_key_due(key, roll->due_s)) {
        return VERB_REFUSED;
    }
    dns_roll_activate(&key->file, roll->row, key->times.now_s);
    printf("%s %u is active, the one before it is retired\n", dns_keyfile_role_text(key->file.rows[roll->row].role),
           key->file.rows[roll->row].tag);
    return cli_dns_key_save(key);
}

static int cli_dns_key_roll(struct cli_dns_key *key)
{
    enum dns_keyfile_role role = DNS_KEYFILE_CSK;
    if (!cli_dns_key_role(key, &role)) {
        return VERB_USAGE;
    }
    int result = cli_dns_key_state(key, false);
    result = result == VERB_OK ? cli_dns_key_times(key) : result;
    if (result != VERB_OK) {
        return result;
    }
    bool known = false;
    for (uint32_t i = 0; i < key->file.count; i++) {
        known = known || key->file.rows[i].role == role;
    }
    if (!known) {
        return cli_dns_key_fail("the zone has no key of that role", VERB_REFUSED);
    }
    const struct dns_roll roll = dns_roll_next(&key->file, role, &key->times);
    switch (roll.step) {
    case DNS_ROLL_PUBLISH:
        result =
            cli_dns_key_make(key, (enum dns_key_algorithm)key->file.rows[0].algorithm, role, DNS_KEYFILE_PUBLISHED);
        result = result == VERB_OK ? cli_dns_key_save(key) : result;
        break;
    case DNS_ROLL_ACTIVATE:
        result = cli_dns_key_activate(key, &roll);
        break;
    case DNS_ROLL_REMOVE:
    default:
        result = cli_dns_key_due(key, roll.due_s) ? cli_dns_key_remove(key, roll.row) : VERB_REFUSED;
        break;
    }
    if (result == VERB_OK) {
        cli_dns_key_next(key, role);
    }
    return result;
}

static int cli_dns_key_retire(struct cli_dns_key *key)
{
    uint64_t tag = 0;
    uint32_t row = 0;
    if (key->arguments->tag == NULL || dns_word_number(span_text(key->arguments->tag), UINT16_MAX, &tag) != ERR_OK) {
        return cli_dns_key_fail("--tag: expected the number of a key (holdfast dns key list)", VERB_USAGE);
    }
    int result = cli_dns_key_state(key, false);
    result = result == VERB_OK ? cli_dns_key_times(key) : result;
    if (result != VERB_OK) {
        return result;
    }
    while (row < key->file.count && key->file.rows[row].tag != tag) {
        row++;
    }
    if (row == key->file.count) {
        return cli_dns_key_fail("the zone has no key with that tag", VERB_FAILED);
    }
    if (key->file.rows[row].state != DNS_KEYFILE_ACTIVE) {
        return cli_dns_key_due(key, dns_roll_free_s(&key->file.rows[row], &key->times)) ? cli_dns_key_remove(key, row)
                                                                                        : VERB_REFUSED;
    }
    if (dns_roll_retire(&key->file, row, key->times.now_s) != ERR_OK) {
        return cli_dns_key_fail("nobody else signs what this key does; expected roll", VERB_REFUSED);
    }
    return cli_dns_key_save(key);
}

int cli_dns_key(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct cli_dns_key *key);
    } rows[] = {{"generate", cli_dns_key_generate}, {"import", cli_dns_key_import}, {"list", cli_dns_key_list},
                {"roll", cli_dns_key_roll},         {"retire", cli_dns_key_retire}, {"ds", cli_dns_key_ds}};
    struct cli_dns_key_arguments arguments = {0};
    struct cli_dns_key key = {.arguments = &arguments};
    struct config *config = NULL;
    int (*run)(struct cli_dns_key *) = NULL;
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        cli_dns_key_usage(stdout);
        return VERB_OK;
    }
    const bool parsed = cli_dns_key_parse(argc, argv, &arguments);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run = strcmp(arguments.verb, rows[i].name) == 0 ? rows[i].run : run;
    }
    if (!parsed || run == NULL) {
        cli_dns_key_usage(stderr);
        return VERB_USAGE;
    }
    int result = cli_load(arguments.config, &config);
    if (result != VERB_OK) {
        return result;
    }
    result = cli_dns_key_find(config, &key);
    result = result == VERB_OK ? run(&key) : result;
    config_free(config);
    return result;
}
