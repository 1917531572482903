/* SPDX-License-Identifier: Apache-2.0
 * PostgreSQL's configuration files as the agent wants them: holdfast.conf, pg_hba.conf, pg_ident.conf, passfile,
 * standby.signal.
 *
 * postgresql.conf keeps what initdb wrote and gets one line, an include of holdfast.conf, at its end.
 * postgresql.auto.conf would win over it, so lines there with keys of ours are taken out before each start. The
 * passwords stand only in DATA.holdfast/passfile (mode 0600).
 *
 * In an adopted data directory (agent/adopt.h; it has holdfast.defaults.conf) the operators' own files go on counting:
 * our defaults stand before their postgresql.conf instead of behind it, and the lines of pg_hba.local.conf and
 * pg_ident.local.conf behind those that we need. */
#pragma once

#include <stdbool.h>

#include "agent/agent_options.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    PGCONF_SLOT = 64, /* bytes of a replication slot's name: PostgreSQL's limit, terminator included */
    PGCONF_NAMES = 1024,
    PGCONF_KEY = 64, /* bytes of a parameter's name, terminator included */
};

/* The changing part. */
struct pgconf {
    const struct agent_options_peer *upstream;     /* NULL: none: a writer, or a standby that only waits */
    const char *durability;                        /* synchronous_standby_names */
    const struct agent_options_settings *settings; /* NULL: those of the start */
    bool standby;                                  /* standby.signal */
    bool adopted;                                  /* found out by pgconf_write */
};

#define PGCONF_DEFAULTS    "holdfast.defaults.conf"
#define PGCONF_HBA_LOCAL   "pg_hba.local.conf"
#define PGCONF_IDENT_LOCAL "pg_ident.local.conf"

/* DATA.holdfast: record, passfile, sockets, log. `path` of AGENT_OPTIONS_PATH bytes. */
void pgconf_home(const struct agent_options *options, char *path);

/* Where the server's unix socket is. */
void pgconf_socket_folder(const struct agent_options *options, char *path);

/* The slot of a node: "holdfast_tokyo_a"; lower-case letters, digits, underscores. */
void pgconf_slot(const char *node, char slot[PGCONF_SLOT]);

/* ANY required ("a", "b"); empty for no members. `names` are not checked against the cluster here. */
void pgconf_durability(const char *const *names, uint32_t count, uint32_t required, struct buf *text);

/* What holds until a controller says otherwise: the configured members without ourselves; when that leaves fewer than
 * required, every other node. Never fewer copies than configured. */
void pgconf_durability_default(const struct agent_options *options, struct buf *text);

/* A value in single quotes as postgresql.conf wants it; and as a libpq connection string wants it. */
void pgconf_quote(struct buf *text, const char *value);
void pgconf_quote_conninfo(struct buf *text, const char *value);

/* primary_conninfo towards a writer: no password in it. */
void pgconf_conninfo(const struct agent_options *options, const struct agent_options_peer *upstream, struct buf *text);

/* Whether the agent keeps this parameter for itself. */
bool pgconf_reserved(const char *name);

/* The texts of the files, pure. */
void pgconf_print(const struct agent_options *options, const struct pgconf *conf, struct buf *text);
void pgconf_print_defaults(struct buf *text);
void pgconf_print_hba(const struct agent_options *options, bool adopted, struct buf *text);
void pgconf_print_passfile(const struct agent_options *options, struct buf *text);

/* A line of a configuration file that sets one of our keys: which one. */
bool pgconf_line_ours(struct span line, char ret_key[PGCONF_KEY]);

/* `text` with the include of our defaults before everything else: an adopted postgresql.conf. */
void pgconf_add_defaults(struct span text, struct buf *changed);

/* `text` without the lines that set one of our keys. */
void pgconf_filter_auto(struct span text, struct buf *filtered);

/* Writes all files of a data directory. A running server is told by pgctl_reload. ERR_IO, ERR_DISK_FULL, ... */
ERR_CHECK enum err pgconf_write(const struct agent_options *options, const struct pgconf *conf);

/* Only the passfile and the folders, for a node that has no data directory yet. */
ERR_CHECK enum err pgconf_write_home(const struct agent_options *options);
