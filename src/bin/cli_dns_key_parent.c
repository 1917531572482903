/* SPDX-License-Identifier: Apache-2.0
 * The DS records of a zone in the zone above it. */
#include "bin/cli_dns_key_parent.h"

#include <stdio.h>
#include <string.h>

#include "bin/serve_dns.h"
#include "bin/verb.h"
#include "edge/dns_client.h"
#include "wire/dns_rdata_print.h"
#include "wire/dns_type.h"

enum {
    CLI_DNS_KEY_PARENT_DS = 32,
    CLI_DNS_KEY_PARENT_DATA = 4 + 64,
    CLI_DNS_KEY_PARENT_RESOLVERS = 3, /* as in resolv.conf(5) */
    CLI_DNS_KEY_PARENT_TIMEOUT_MS = 2000,
    CLI_DNS_KEY_PARENT_TRIES = 2,
};

struct cli_dns_key_parent_ds {
    size_t size;
    uint8_t data[CLI_DNS_KEY_PARENT_DATA];
};

/* What the zone above has. */
struct cli_dns_key_parent {
    bool answered;
    bool validated; /* the resolver says so (AD) */
    char resolver[ADDRESS_TEXT];
    char problem[160];
    uint32_t count;
    struct cli_dns_key_parent_ds ds[CLI_DNS_KEY_PARENT_DS];
};

/* ---- asking ---- */

/* The resolvers of this host; their number. */
static uint32_t cli_dns_key_parent_resolvers(struct address *resolvers)
{
    char line[256];
    uint32_t count = 0;
    FILE *file = fopen("/etc/resolv.conf", "re");
    while (file != NULL && count < CLI_DNS_KEY_PARENT_RESOLVERS && fgets(line, sizeof line, file) != NULL) {
        char text[ADDRESS_TEXT] = "";
        if (sscanf(line, " nameserver %63s", text) == 1 &&
            address_parse_any(text, DNS_CLIENT_PORT, &resolvers[count]) == ERR_OK) {
            count++;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

static void cli_dns_key_parent_take(const struct dns_client_answer *answer, const struct dns_name *zone,
                                    struct cli_dns_key_parent *parent)
{
    static struct dns_reply_walk walk;
    struct dns_reply_record record;
    parent->answered = true;
    parent->validated = (answer->reply.flags & 0x0020) != 0;
    dns_reply_begin(&answer->reply, &walk);
    while (dns_reply_next(&walk, &record)) {
        if (record.section == DNS_REPLY_ANSWER && record.type == DNS_TYPE_DS && dns_name_equal(&record.owner, zone) &&
            record.rdata.size > 4 && record.rdata.size <= CLI_DNS_KEY_PARENT_DATA &&
            parent->count < CLI_DNS_KEY_PARENT_DS) {
            struct cli_dns_key_parent_ds *ds = &parent->ds[parent->count++];
            ds->size = record.rdata.size;
            memcpy(ds->data, record.rdata.data, record.rdata.size);
        }
    }
}

/* Asks one resolver. False: it has no answer, `problem` says why. */
static bool cli_dns_key_parent_try(const struct address *resolver, const struct dns_name *zone,
                                   struct cli_dns_key_parent *parent)
{
    static struct dns_client_answer answer;
    struct dns_query query = {
        .name = *zone, .type = DNS_TYPE_DS, .class = DNS_CLASS_IN, .recursion = true, .edns = true, .dnssec_ok = true};
    const struct dns_client_want want = {
        .server = *resolver, .timeout_ms = CLI_DNS_KEY_PARENT_TIMEOUT_MS, .tries = CLI_DNS_KEY_PARENT_TRIES};
    address_print(resolver, parent->resolver);
    const enum err err = dns_client_ask(&want, &query, &answer);
    if (err != ERR_OK) {
        snprintf(parent->problem, sizeof parent->problem, "%s: %s", parent->resolver, err_text(err));
        return false;
    }
    if (answer.reply.rcode != DNS_RCODE_NOERROR && answer.reply.rcode != DNS_RCODE_NXDOMAIN) {
        const char *name = dns_type_rcode_name(answer.reply.rcode);
        snprintf(parent->problem, sizeof parent->problem, "%s: answers %s", parent->resolver,
                 name != NULL ? name : "an unknown response code");
        return false;
    }
    cli_dns_key_parent_take(&answer, zone, parent);
    return true;
}

static void cli_dns_key_parent_ask(const struct cli_dns_key_call *key, struct cli_dns_key_parent *ret_parent)
{
    struct address resolvers[CLI_DNS_KEY_PARENT_RESOLVERS];
    uint32_t count = 0;
    memset(ret_parent, 0, sizeof *ret_parent);
    if (key->arguments->resolver == NULL) {
        count = cli_dns_key_parent_resolvers(resolvers);
        snprintf(ret_parent->problem, sizeof ret_parent->problem, "/etc/resolv.conf names no resolver");
    } else if (address_parse_any(key->arguments->resolver, DNS_CLIENT_PORT, &resolvers[0]) == ERR_OK) {
        count = 1;
    } else {
        snprintf(ret_parent->problem, sizeof ret_parent->problem, "--resolver: expected an address as 192.0.2.53");
    }
    for (uint32_t i = 0; i < count && !cli_dns_key_parent_try(&resolvers[i], &key->origin, ret_parent); i++) {
    }
}

/* ---- comparing ---- */

/* Whether a DS is that of the key. Digests of other kinds than ours go by tag and algorithm. */
static bool cli_dns_key_parent_is(const struct cli_dns_key_parent_ds *ds, const uint8_t ours[DNS_KEY_DS])
{
    if (memcmp(ds->data, ours, 3) != 0) {
        return false;
    }
    return ds->data[3] != ours[3] || (ds->size == DNS_KEY_DS && memcmp(ds->data, ours, DNS_KEY_DS) == 0);
}

/* The DS of a row's key. */
static bool cli_dns_key_parent_ours(const struct cli_dns_key_call *key, uint32_t row, uint8_t ret_ds[DNS_KEY_DS])
{
    char problem[DNS_KEYDIR_PROBLEM];
    struct dns_key own;
    if (dns_keydir_key(key->dnssec->keys, &key->file.rows[row], problem, &own) != ERR_OK) {
        (void)cli_dns_key_call_fail(problem, VERB_FAILED);
        return false;
    }
    dns_key_ds(&own, &key->origin, ret_ds);
    dns_key_fini(&own);
    return true;
}

static bool cli_dns_key_parent_found(const struct cli_dns_key_call *key, const struct cli_dns_key_parent *parent,
                                     uint32_t row)
{
    uint8_t ours[DNS_KEY_DS];
    bool found = false;
    if (!cli_dns_key_parent_ours(key, row, ours)) {
        return false;
    }
    for (uint32_t i = 0; i < parent->count; i++) {
        found = found || cli_dns_key_parent_is(&parent->ds[i], ours);
    }
    return found;
}

/* What the zone above says, when it has to be asked at all. True: `ret_parent` has to be judged; else `ret_go`. */
static bool cli_dns_key_parent_needed(const struct cli_dns_key_call *key, struct cli_dns_key_parent *ret_parent,
                                      bool *ret_go)
{
    *ret_go = key->arguments->force;
    if (key->arguments->force) {
        return false;
    }
    cli_dns_key_parent_ask(key, ret_parent);
    if (ret_parent->answered) {
        return true;
    }
    *ret_go = key->arguments->ds_seen;
    if (!key->arguments->ds_seen) {
        fprintf(
            stderr,
            "holdfast dns key: cannot see the zone above (%s); expected --resolver ADDRESS of one who can, or, when "
            "you have seen that its DS are as they should be (holdfast dns key ds), --ds-seen\n",
            ret_parent->problem);
    }
    return false;
}

static bool cli_dns_key_parent_refuse(const struct cli_dns_key_call *key, const struct cli_dns_key_parent *parent,
                                      uint32_t row, const char *what)
{
    fprintf(stderr, "holdfast dns key: %s %u: %s (%u DS, says %s); --force does it all the same\n",
            dns_keyfile_role_text(key->file.rows[row].role), key->file.rows[row].tag, what, parent->count,
            parent->resolver);
    return false;
}

bool cli_dns_key_parent_has(const struct cli_dns_key_call *key, uint32_t row)
{
    struct cli_dns_key_parent parent;
    bool go = false;
    if (!cli_dns_key_parent_needed(key, &parent, &go)) {
        return go;
    }
    return cli_dns_key_parent_found(key, &parent, row) ||
           cli_dns_key_parent_refuse(key, &parent, row,
                                     "its DS has to stand in the zone above first, and does not (holdfast dns key ds)");
}

bool cli_dns_key_parent_lacks(const struct cli_dns_key_call *key, uint32_t row)
{
    struct cli_dns_key_parent parent;
    bool go = false;
    if (!cli_dns_key_parent_needed(key, &parent, &go)) {
        return go;
    }
    return !cli_dns_key_parent_found(key, &parent, row) ||
           cli_dns_key_parent_refuse(key, &parent, row, "its DS still stands in the zone above: take it out there");
}

bool cli_dns_key_parent_spares(const struct cli_dns_key_call *key, uint32_t row)
{
    struct cli_dns_key_parent parent;
    bool go = false;
    if (!cli_dns_key_parent_needed(key, &parent, &go)) {
        return go;
    }
    bool other = parent.count == 0; /* the delegation is not signed: nobody comes through any */
    for (uint32_t i = 0; i < key->file.count; i++) {
        const struct dns_keyfile_row *active = &key->file.rows[i];
        other = other || (i != row && active->role != DNS_KEYFILE_ZSK && active->state == DNS_KEYFILE_ACTIVE &&
                          cli_dns_key_parent_found(key, &parent, i));
    }
    return other || cli_dns_key_parent_refuse(key, &parent, row,
                                              "no DS of another active key stands in the zone above: without this "
                                              "key nobody could validate the zone");
}

/* ---- showing ---- */

static void cli_dns_key_parent_print(const struct cli_dns_key_parent_ds *ds, const char *what)
{
    char memory[4 * CLI_DNS_KEY_PARENT_DATA];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    dns_rdata_print(DNS_TYPE_DS, span_of(ds->data, ds->size), &buf);
    printf("DS %-100s %s\n", buf_string(&buf), what);
}

/* A DS of the zone above, and whose it is. True: it should be there. */
static bool cli_dns_key_parent_row(const struct cli_dns_key_call *key, const struct cli_dns_key_parent_ds *ds)
{
    for (uint32_t i = 0; i < key->file.count; i++) {
        const struct dns_keyfile_row *row = &key->file.rows[i];
        uint8_t ours[DNS_KEY_DS];
        if (row->role == DNS_KEYFILE_ZSK || !cli_dns_key_parent_ours(key, i, ours) ||
            !cli_dns_key_parent_is(ds, ours)) {
            continue;
        }
        const bool wanted = row->state == DNS_KEYFILE_PUBLISHED || row->state == DNS_KEYFILE_ACTIVE;
        cli_dns_key_parent_print(ds, wanted ? "of a key that is in use" : "of a key that is no longer in use");
        return wanted;
    }
    cli_dns_key_parent_print(ds, "of no key here");
    return false;
}

int cli_dns_key_parent(struct cli_dns_key_call *key)
{
    struct cli_dns_key_parent parent;
    bool good = true;
    const int result = cli_dns_key_call_state(key, false);
    if (result != VERB_OK) {
        return result;
    }
    cli_dns_key_parent_ask(key, &parent);
    if (!parent.answered) {
        return cli_dns_key_call_fail(parent.problem, VERB_UNREACHABLE);
    }
    printf("the zone above, by %s%s: %u DS\n", parent.resolver, parent.validated ? ", which has validated it" : "",
           parent.count);
    for (uint32_t i = 0; i < parent.count; i++) {
        good = cli_dns_key_parent_row(key, &parent.ds[i]) && good;
    }
    for (uint32_t i = 0; i < key->file.count; i++) {
        const struct dns_keyfile_row *row = &key->file.rows[i];
        const bool wanted =
            row->role != DNS_KEYFILE_ZSK && (row->state == DNS_KEYFILE_PUBLISHED || row->state == DNS_KEYFILE_ACTIVE);
        if (wanted && !cli_dns_key_parent_found(key, &parent, i)) {
            printf("%s %u (%s): its DS is not there\n", dns_keyfile_role_text(row->role), row->tag,
                   dns_keyfile_state_text(row->state));
            good = false;
        }
    }
    return good ? VERB_OK : VERB_DEGRADED;
}
