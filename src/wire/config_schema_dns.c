/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of `dns`. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

static const struct config_schema_row config_schema_dns_name_rows[] = {
    ROW("endpoint", NAME, config_dns_name, endpoint, .required = true,
        .prose = "Which endpoint of the chosen region is answered."),
    ROW("ttl", DURATION_MS, config_dns_name, ttl_ms, .fallback = "60s", .min = 0, .max = HOURS(1),
        .prose = "How long resolvers may keep the answer, in whole seconds; lowered to dns.ttl_floor on suspicion."),
    ROW("policy", NAME, config_dns_name, policy,
        .prose = "The policy of dns.policies that chooses the region before the split does; without one the client's "
                 "home region is chosen."),
    END};
static const struct config_schema_section config_schema_dns_name = SECTION(
    "dns_name", config_dns_name, config_schema_dns_name_rows, .key = CONFIG_SCHEMA_LABEL, .prose = "A dynamic name.");

static const struct config_schema_choice config_schema_dns_parents[] = {
    {"publish", CONFIG_PARENT_PUBLISH, "take these DS"},
    {"delete", CONFIG_PARENT_DELETE, "take all DS away, the zone is to become unsigned"},
    {"silent", CONFIG_PARENT_SILENT, "nothing; DS go there by hand"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_dnssec_rows[] = {
    ROW("keys", PATH, config_dnssec, keys, .required = true,
        .prose = "The directory with the zone's private keys and their states, made by `holdfast dns key`; read again "
                 "on SIGHUP."),
    ROW("ttl", DURATION_MS, config_dnssec, ttl_ms, .fallback = "1h", .min = SECONDS(1), .max = DAYS(1),
        .prose = "How long resolvers may keep the public keys: a new one waits as long before it signs."),
    ROW("parent", ENUM, config_dnssec, parent, .fallback = "publish", .choices = config_schema_dns_parents,
        .prose = "What the zone above is asked for by CDS and CDNSKEY."),
    ROW("parent_ttl", DURATION_MS, config_dnssec, parent_ttl_ms, .fallback = "24h", .min = SECONDS(1), .max = DAYS(14),
        .prose = "The TTL of DS in the zone above: an old key that signs the keys stays as long."),
    ROW("spread", DURATION_MS, config_dnssec, spread_ms, .fallback = "5m", .min = 0, .max = DAYS(14),
        .prose = "How long it takes until all servers of the zone, secondaries too, have new keys."),
    END};
static const struct config_schema_section config_schema_dnssec =
    SECTION("dnssec", config_dnssec, config_schema_dnssec_rows, .prose = "A zone that is signed as it is asked.");

static const struct config_schema_row config_schema_dns_zone_rows[] = {
    ROW("file", PATH, config_dns_zone, file, .required = true,
        .prose = "A standard zone file with its static records."),
    ROW("dnssec", SECTION, config_dns_zone, dnssec, .section = &config_schema_dnssec,
        .prose = "Signatures (DNSSEC); without it the zone is unsigned."),
    ROWS("names", MAP, config_dns_zone, names, .max = 64, .section = &config_schema_dns_name,
         .prose = "Names of this zone that follow the split."),
    ROWS("allow", LIST, config_dns_zone, allow, .item = CONFIG_SCHEMA_NETWORK, .max = 32,
         .prose = "Who may ask about this zone, instead of dns.allow."),
    END};
static const struct config_schema_section config_schema_dns_zone =
    SECTION("dns_zone", config_dns_zone, config_schema_dns_zone_rows, .key = CONFIG_SCHEMA_WORD, .prose = "A zone.");

static const struct config_schema_row config_schema_dns_cookies_rows[] = {
    ROW("secret", SECRET, config_dns_cookies, secret,
        .prose =
            "32 hexadecimal digits, the same for all servers of a name, so that each takes the cookies of the others; "
            "a second such word is taken as well, for the time of a change. Read again on SIGHUP. Without it each "
            "process makes its own."),
    ROW("require", BOOLEAN, config_dns_cookies, require, .fallback = "false",
        .prose = "A client with cookies has to show one of ours over UDP before it is answered (BADCOOKIE)."),
    END};
static const struct config_schema_section config_schema_dns_cookies =
    SECTION("dns_cookies", config_dns_cookies, config_schema_dns_cookies_rows,
            .prose = "DNS cookies: who shows ours owns the address it asks from.");

static const struct config_schema_choice config_schema_dns_algorithms[] = {
    {"hmac-sha256", CONFIG_HMAC_SHA256, "32 bytes"},
    {"hmac-sha384", CONFIG_HMAC_SHA384, "48 bytes"},
    {"hmac-sha512", CONFIG_HMAC_SHA512, "64 bytes"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_dns_key_rows[] = {
    ROW("algorithm", ENUM, config_dns_key, algorithm, .fallback = "hmac-sha256",
        .choices = config_schema_dns_algorithms, .prose = "How it signs."),
    ROW("secret", SECRET, config_dns_key, secret, .required = true,
        .prose = "The secret in base64, as tsig-keygen makes it; read again on SIGHUP."),
    END};
static const struct config_schema_section config_schema_dns_key =
    SECTION("dns_key", config_dns_key, config_schema_dns_key_rows, .key = CONFIG_SCHEMA_WORD, .prose = "A TSIG key.");

static const struct config_schema_row config_schema_dns_transfer_rows[] = {
    ROWS("allow", LIST, config_dns_transfer, allow, .item = CONFIG_SCHEMA_NETWORK, .max = 32,
         .prose = "Who may transfer the static part of the zones; nobody by default. With dns.keys the query has to be "
                  "signed "
                  "as well."),
    ROWS("notify", LIST, config_dns_transfer, notify, .item = CONFIG_SCHEMA_ADDRESS, .max = 16,
         .prose = "Secondaries that are told at the start and when the serial of a zone has changed (NOTIFY)."),
    END};
static const struct config_schema_section config_schema_dns_transfer =
    SECTION("dns_transfer", config_dns_transfer, config_schema_dns_transfer_rows, .prose = "Zone transfers.");

static const struct config_schema_row config_schema_dns_rate_rows[] = {
    ROW("per_second", INTEGER, config_dns_rate, per_second, .fallback = "0", .min = 0, .max = 1000000,
        .prose =
            "Answers over UDP to one client network (/24, /56) for one name, for all names that do not exist, and for "
            "all errors; 0: no limit. Clients that show our cookie are not limited."),
    ROW("slip", INTEGER, config_dns_rate, slip, .fallback = "2", .min = 0, .max = 100,
        .prose = "Every so many of the answers beyond it goes out empty and says: come by TCP; 0: none does."),
    ROWS("exempt", LIST, config_dns_rate, exempt, .item = CONFIG_SCHEMA_NETWORK, .max = 32,
         .prose = "Networks without a limit."),
    END};
static const struct config_schema_section config_schema_dns_rate =
    SECTION("dns_rate", config_dns_rate, config_schema_dns_rate_rows, .prose = "Response rate limiting.");

static const struct config_schema_row config_schema_dns_rows[] = {
    ROW("zone", DOMAIN, config_dns, zone, .required = true,
        .prose = "The zone that is delegated to the sites with the role dns."),
    ROW("zone_file", PATH, config_dns, zone_file, .required = true,
        .prose = "A standard zone file with its static records."),
    ROW("dnssec", SECTION, config_dns, dnssec, .section = &config_schema_dnssec,
        .prose = "Signatures (DNSSEC); without it the zone is unsigned."),
    ROWS("names", MAP, config_dns, names, .max = 256, .section = &config_schema_dns_name,
         .prose = "Names that follow the split."),
    ROWS("zones", MAP, config_dns, zones, .max = 63, .section = &config_schema_dns_zone,
         .prose = "More zones that the same servers answer for."),
    ROWS("allow", LIST, config_dns, allow, .item = CONFIG_SCHEMA_NETWORK, .max = 32,
         .prose = "Who may ask; everybody by default. Others are REFUSED, whatever client subnet they name. Who may "
                  "transfer zones may ask about them."),
    ROW("identify", BOOLEAN, config_dns, identify, .fallback = "false",
        .prose = "Tell who asks with NSID, or for id.server or hostname.bind in class CHAOS, which site answers."),
    ROW("version", TEXT, config_dns, version, .max = 63,
        .prose = "What is told who asks for version.bind in class CHAOS; without it the question is refused."),
    ROW("cookies", SECTION, config_dns, cookies, .section = &config_schema_dns_cookies, .prose = "DNS cookies."),
    ROWS("keys", MAP, config_dns, keys, .max = 8, .section = &config_schema_dns_key,
         .prose = "Keys that sign queries and their answers (TSIG); the first one signs NOTIFY."),
    ROW("transfer", SECTION, config_dns, transfer, .section = &config_schema_dns_transfer, .prose = "Zone transfers."),
    ROW("rate_limit", SECTION, config_dns, rate_limit, .section = &config_schema_dns_rate,
        .prose = "Response rate limiting: whoever forges a victim's address gets few answers out of us."),
    ROW("workers", INTEGER, config_dns, workers, .fallback = "0", .min = 0, .max = 16,
        .prose = "Threads that answer, each with sockets of its own; 0: one per core, at most 16."),
    ROW("sandbox", BOOLEAN, config_dns, sandbox, .fallback = "true",
        .prose =
            "The server gives up what it does not need before it answers: no programs, no files but those below the "
            "directories of its zone files, secrets and state (so zone files that are included have to lie there)."),
    ROW("ttl_floor", DURATION_MS, config_dns, ttl_floor_ms, .fallback = "2s", .min = 1000, .max = HOURS(1),
        .prose = "What the TTL of answers that lead to a region falls to on the first failed probe there, and before a "
                 "planned move, which waits until older answers have run out; in whole seconds. It grows back once no "
                 "probe fails any more."),
    ROWS("policies", MAP, config_dns, policies, .max = 64, .section = &config_schema_dns_policy,
         .prose = "How names choose among regions. Policies lead on to regions or to each other."),
    ROW("latency_max_age", DURATION_MS, config_dns, latency_max_age_ms, .fallback = "24h", .min = MINUTES(1),
        .max = DAYS(14),
        .prose = "How long a measured round trip between a client network and a region counts without a new one "
                 "(policies with latency.measured); takes a restart."),
    ROW("geo_database", PATH, config_dns, geo_database,
        .prose =
            "Countries, continents and subdivisions of networks, in MaxMind's format (.mmdb); read again on SIGHUP "
            "and when another file takes its place."),
    END};
const struct config_schema_section config_schema_dns =
    SECTION("dns", config_dns, config_schema_dns_rows, .prose = "Authoritative names.");
