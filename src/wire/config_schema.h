/* SPDX-License-Identifier: Apache-2.0
 * The schema: one table that says everything about every key of the configuration.
 *
 * From it come the parser (config_read.h), the effective configuration (config_show.h), the JSON Schema (config_json.h)
 * and the manual page (config_manual.h); config_key.h has what they share. A new key is a new row here and a member in
 * wire/config.h; what spans several keys is in config_verify.h. Constant data, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/config.h"

/* What a value is and which member type holds it. X(name, how it is called in messages and in the manual) */
#define CONFIG_SCHEMA_TYPES(X)                                                                                         \
    X(TEXT, "text")                                                                /* const char * */                  \
    X(NAME, "a name of 1 to 31 of a-z, 0-9 and '-'")                               /* const char * */                  \
    X(WORD, "a word of 1 to 63 letters, digits, '_', '-' and '.'")                 /* const char * */                  \
    X(DOMAIN, "a domain name")                                                     /* const char * */                  \
    X(LABEL, "a domain name relative to the zone, or '@'")                         /* const char * */                  \
    X(PATH, "an absolute path")                                                    /* const char * */                  \
    X(INTEGER, "a whole number")                                                   /* uint32_t */                      \
    X(BOOLEAN, "true or false")                                                    /* bool */                          \
    X(DURATION_MS, "a duration such as 500ms, 10s, 5m, 1h")                        /* uint32_t */                      \
    X(DURATION_US, "a duration such as 500ms, 10s, 5m, 1h")                        /* uint32_t */                      \
    X(SHARE, "a percentage such as 2% or 0.5%")                                    /* uint32_t, ppm */                 \
    X(DECIMAL, "a number such as 1 or 1.5")                                        /* uint32_t, millionths */          \
    X(LIMIT, "a percentage, a duration or a number")                               /* struct config_limit */           \
    X(SIZE, "a size such as 512B, 64kB, 64MB")                                     /* uint64_t, bytes */               \
    X(ADDRESS, "a literal address and port such as 127.0.0.1:80 or [::1]:80")      /* struct config_address */         \
    X(SOCKET, "a literal address and port, or the absolute path of a unix socket") /* struct config_address */         \
    X(NETWORK, "a network such as 10.1.0.0/16 or fd00::/8, host bits zero")        /* struct config_network */         \
    X(URL, "a URL such as http://host:port/path or https://host/path")             /* struct config_url */             \
    X(SECRET, "{ file: /absolute/path } or { env: NAME }")                         /* struct config_secret */          \
    X(ENUM, "one of")                                                              /* uint32_t */                      \
    X(FLAGS, "a list of")                                                          /* uint32_t, or-ed */               \
    X(REFERENCE, "the name of")                                                    /* uint32_t, an index */            \
    X(SECTION, "a mapping")                                                        /* a struct, embedded */            \
    X(MAP, "a mapping by name")                                                    /* pointer and count */             \
    X(LIST, "a list")                                                              /* pointer and count */

enum config_schema_type {
#define CONFIG_SCHEMA_ENUM(name, text) CONFIG_SCHEMA_##name,
    CONFIG_SCHEMA_TYPES(CONFIG_SCHEMA_ENUM)
#undef CONFIG_SCHEMA_ENUM
};

/* What a reference names. */
enum config_schema_target {
    CONFIG_SCHEMA_NOTHING,
    CONFIG_SCHEMA_REGION,
    CONFIG_SCHEMA_DATABASE,
    CONFIG_SCHEMA_NODE, /* of the same database */
    CONFIG_SCHEMA_SITE,
    CONFIG_SCHEMA_CHECK,
};

struct config_schema_choice {
    const char *name; /* NULL ends the list */
    uint32_t value;
    const char *prose;
};

enum {
    CONFIG_SCHEMA_TEXT_BYTES = 255, /* of a text or path without a limit of its own */
};

struct config_schema_section;

struct config_schema_row {
    const char *key; /* NULL ends the rows */
    enum config_schema_type type;
    enum config_schema_type item; /* LIST: of what */
    size_t offset;                /* of the member */
    size_t count_offset;          /* MAP, LIST: of its count */
    bool required;
    const char *fallback; /* the default as it would be written; NULL: none */
    uint64_t min; /* INTEGER: value, DURATION: us, SHARE and DECIMAL: ppm, SIZE: bytes, MAP, LIST: entries, TEXT:
                    bytes (max 0: CONFIG_SCHEMA_TEXT_BYTES) */
    uint64_t max;
    uint32_t kinds; /* bits by enum config_kind: only in checks of these kinds; 0: always */
    enum config_schema_target target;
    const struct config_schema_choice *choices;  /* ENUM, FLAGS */
    const struct config_schema_section *section; /* SECTION, MAP */
    const char *prose;
};

struct config_schema_section {
    const char *name;  /* of one of them: "region" */
    const char *prose; /* one sentence */
    size_t size;       /* of its struct; in a MAP the struct starts with the entry's name */
    const struct config_schema_row *rows;
    bool bare;                        /* the only row's value stands directly behind the entry's name */
    enum config_schema_type key;      /* in a MAP: NAME, WORD, LABEL or REFERENCE; else zero (TEXT) */
    enum config_schema_target target; /* key REFERENCE: to what */
    size_t key_offset;                /* key REFERENCE: where its index goes */
};

extern const struct config_schema_section config_schema_root;
extern const struct config_schema_section config_schema_store;
extern const struct config_schema_section config_schema_region;
extern const struct config_schema_section config_schema_site;
extern const struct config_schema_section config_schema_database;
extern const struct config_schema_section config_schema_check;
extern const struct config_schema_section config_schema_dns;
extern const struct config_schema_section config_schema_dns_policy;
extern const struct config_schema_section config_schema_proxy;
extern const struct config_schema_section config_schema_pool;
extern const struct config_schema_section config_schema_console;
extern const struct config_schema_section config_schema_service;
extern const struct config_schema_section config_schema_policy;
extern const struct config_schema_section config_schema_failback;

/* The choices of `kind` in a check, by enum config_kind. */
extern const struct config_schema_choice config_schema_kinds[];
