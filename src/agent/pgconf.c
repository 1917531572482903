/* SPDX-License-Identifier: Apache-2.0
 * PostgreSQL's configuration files as the agent wants them. */
#include "agent/pgconf.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/file.h"
#include "base/cursor.h"
#include "edge/log.h"

enum {
    PGCONF_BYTES = 64 * 1024,
    PGCONF_PATH = AGENT_OPTIONS_PATH + 64,
    PGCONF_USER = 128,
    PGCONF_SEGMENT = 16 * 1024 * 1024, /* PostgreSQL's default */
};

static const char pgconf_include_defaults[] =
    "include_if_exists = '" PGCONF_DEFAULTS "' # holdfast agent adopt: what follows wins over it\n";
static const char pgconf_include[] = "include_if_exists = 'holdfast.conf'\n";

/* Settings that the cluster's safety rests on. Reasons:
 *   wal_retrieve_retry_interval  a promotion that meets a restarting walreceiver sleeps this long (default 5 s)
 *   restart_after_crash          the agent decides whether a crashed writer comes back
 *   wal_log_hints                a diverged node can be rewound
 *   synchronous_commit           local by default, roles of tier 1 set on: never remote_write; on where every commit
 *                                was promised to wait
 *   archive_mode                 off the promotion's path; backups bring their own
 *   wal_receiver/sender_timeout  a dead link is noticed in seconds */
static const struct agent_options_setting pgconf_fixed[] = {
    {"wal_level", "logical"},
    {"hot_standby", "on"},
    {"wal_log_hints", "on"},
    {"wal_retrieve_retry_interval", "20ms"},
    {"hot_standby_feedback", "on"},
    {"restart_after_crash", "off"},
    {"recovery_target_timeline", "latest"},
    {"restore_command", ""},
    {"archive_mode", "off"},
    {"password_encryption", "scram-sha-256"},
    {"unix_socket_permissions", "0700"},
};

/* The operator may set these in `parameters`.
 *   recovery_init_sync_method  a crashed server is back after one syncfs, not after an fsync of each of its files */
static const struct agent_options_setting pgconf_defaults[] = {
    {"max_wal_senders", "40"},
    {"max_replication_slots", "40"},
    {"wal_keep_size", "256MB"},
    {"max_slot_wal_keep_size", "4GB"},
    {"wal_receiver_timeout", "5s"},
    {"wal_sender_timeout", "5s"},
    {"wal_receiver_status_interval", "1s"},
    {"tcp_keepalives_idle", "5"},
    {"tcp_keepalives_interval", "1"},
    {"tcp_keepalives_count", "3"},
    {"recovery_init_sync_method", "syncfs"},
    {"log_line_prefix", "%m [%p] %u@%d "},
};

/* What initdb derives from the size of a segment, as it would be with PostgreSQL's own: small segments are for short
 * promotions, not for more checkpoints. The operator may set these too. */
static const struct agent_options_setting pgconf_small_segments[] = {
    {"min_wal_size", "80MB"},
    {"max_wal_size", "1GB"},
};

static const char *const pgconf_written[] = {
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "cluster_name",
    "primary_conninfo",
    "primary_slot_name",
    "synchronous_commit",
    "synchronous_standby_names",
    "data_directory",
    "hba_file",
    "ident_file",
    "external_pid_file",
};

bool pgconf_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof pgconf_fixed / sizeof pgconf_fixed[0]; i++) {
        if (strcasecmp(name, pgconf_fixed[i].name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof pgconf_written / sizeof pgconf_written[0]; i++) {
        if (strcasecmp(name, pgconf_written[i]) == 0) {
            return true;
        }
    }
    return false;
}

void pgconf_home(const struct agent_options *options, char *path)
{
    snprintf(path, AGENT_OPTIONS_PATH, "%s.holdfast", options->data);
}

void pgconf_socket_folder(const struct agent_options *options, char *path)
{
    snprintf(path, AGENT_OPTIONS_PATH, "%s.holdfast/run", options->data);
}

void pgconf_slot(const char *node, char slot[PGCONF_SLOT])
{
    snprintf(slot, PGCONF_SLOT, "holdfast_%s", node);
    for (char *c = slot; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        } else if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9'))) {
            *c = '_';
        }
    }
}

void pgconf_quote(struct buf *text, const char *value)
{
    buf_u8(text, '\'');
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\') {
            buf_u8(text, (uint8_t)*c);
        }
        buf_u8(text, *c == '\n' ? ' ' : (uint8_t)*c);
    }
    buf_text(text, "'");
}

void pgconf_quote_conninfo(struct buf *text, const char *value)
{
    buf_u8(text, '\'');
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\') {
            buf_u8(text, '\\');
        }
        buf_u8(text, (uint8_t)*c);
    }
    buf_text(text, "'");
}

void pgconf_durability(const char *const *names, uint32_t count, uint32_t required, struct buf *text)
{
    if (count == 0 || required == 0) {
        return;
    }
    buf_printf(text, "ANY %u (", required < count ? required : count);
    for (uint32_t i = 0; i < count; i++) {
        buf_text(text, i > 0 ? ", \"" : "\"");
        for (const char *c = names[i]; *c != '\0'; c++) {
            if (*c == '"') {
                buf_u8(text, '"');
            }
            buf_u8(text, (uint8_t)*c);
        }
        buf_text(text, "\"");
    }
    buf_text(text, ")");
}

void pgconf_durability_default(const struct agent_options *options, struct buf *text)
{
    const char *names[LIMITS_NODES];
    uint32_t count = 0;
    if (options->durability_members_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < options->durability_members_count; i++) {
        if (strcmp(options->durability_members[i], options->node) != 0) {
            names[count++] = options->durability_members[i];
        }
    }
    if (count < options->durability_required) {
        count = 0;
        for (uint32_t i = 0; i < options->peers_count; i++) {
            names[count++] = options->peers[i].name;
        }
    }
    pgconf_durability(names, count, options->durability_required, text);
}

void pgconf_conninfo(const struct agent_options *options, const struct agent_options_peer *upstream, struct buf *text)
{
    char home[AGENT_OPTIONS_PATH];
    char passfile[PGCONF_PATH];
    pgconf_home(options, home);
    snprintf(passfile, sizeof passfile, "%s/passfile", home);
    buf_text(text, "host=");
    pgconf_quote_conninfo(text, upstream->host);
    buf_printf(text, " port=%u user=", upstream->port);
    pgconf_quote_conninfo(text, options->replication);
    buf_text(text, " application_name=");
    pgconf_quote_conninfo(text, options->node);
    buf_text(text, " passfile=");
    pgconf_quote_conninfo(text, passfile);
    buf_text(text, " connect_timeout=2 keepalives_idle=5 keepalives_interval=1 keepalives_count=3 sslmode=prefer");
}

static void pgconf_line(struct buf *text, const char *name, const char *value)
{
    buf_printf(text, "%s = ", name);
    pgconf_quote(text, value);
    buf_text(text, "\n");
}

static void pgconf_print_upstream(const struct agent_options *options, const struct pgconf *conf, struct buf *text)
{
    char memory[PGCONF_PATH * 2];
    char slot[PGCONF_SLOT];
    struct buf conninfo;
    buf_init(&conninfo, memory, sizeof memory);
    if (conf->upstream != NULL) {
        pgconf_conninfo(options, conf->upstream, &conninfo);
    }
    pgconf_slot(options->node, slot);
    text->overflow |= conninfo.overflow;
    pgconf_line(text, "primary_conninfo", buf_string(&conninfo));
    pgconf_line(text, "primary_slot_name", conf->upstream != NULL ? slot : "");
}

void pgconf_print_defaults(struct buf *text)
{
    for (size_t i = 0; i < sizeof pgconf_defaults / sizeof pgconf_defaults[0]; i++) {
        pgconf_line(text, pgconf_defaults[i].name, pgconf_defaults[i].value);
    }
}

/* An adopted postgresql.conf may name files of the machine that it was written on. */
static void pgconf_print_paths(const struct agent_options *options, struct buf *text)
{
    char path[PGCONF_PATH];
    pgconf_line(text, "data_directory", options->data);
    snprintf(path, sizeof path, "%s/pg_hba.conf", options->data);
    pgconf_line(text, "hba_file", path);
    snprintf(path, sizeof path, "%s/pg_ident.conf", options->data);
    pgconf_line(text, "ident_file", path);
    pgconf_line(text, "external_pid_file", "");
}

void pgconf_print(const struct agent_options *options, const struct pgconf *conf, struct buf *text)
{
    char sockets[AGENT_OPTIONS_PATH];
    char port[16];
    pgconf_socket_folder(options, sockets);
    snprintf(port, sizeof port, "%u", options->port);
    buf_text(text, "# Written by holdfast agent at each start and change of role: changes here are lost.\n"
                   "# Set parameters in holdfast.yaml, databases.*.parameters.\n");
    if (conf->adopted) {
        pgconf_print_paths(options, text);
    } else {
        pgconf_print_defaults(text);
    }
    const bool small = options->wal_segment_bytes < PGCONF_SEGMENT;
    for (size_t i = 0; small && i < sizeof pgconf_small_segments / sizeof pgconf_small_segments[0]; i++) {
        pgconf_line(text, pgconf_small_segments[i].name, pgconf_small_segments[i].value);
    }
    const struct agent_options_settings *settings = conf->settings != NULL ? conf->settings : &options->settings;
    for (uint32_t i = 0; i < settings->count; i++) {
        if (pgconf_reserved(settings->list[i].name)) {
            buf_printf(text, "# not taken, the agent sets it: %s\n", settings->list[i].name);
            continue;
        }
        pgconf_line(text, settings->list[i].name, settings->list[i].value);
    }
    for (size_t i = 0; i < sizeof pgconf_fixed / sizeof pgconf_fixed[0]; i++) {
        pgconf_line(text, pgconf_fixed[i].name, pgconf_fixed[i].value);
    }
    pgconf_line(text, "listen_addresses", options->host);
    pgconf_line(text, "port", port);
    pgconf_line(text, "unix_socket_directories", sockets);
    pgconf_line(text, "cluster_name", options->node);
    pgconf_line(text, "synchronous_commit", options->every_commit ? "on" : "local");
    pgconf_line(text, "synchronous_standby_names", conf->durability);
    pgconf_print_upstream(options, conf, text);
}

static bool pgconf_is_ipv6(const char *host)
{
    return strchr(host, ':') != NULL;
}

static void pgconf_hba_address(struct buf *text, const char *user, const char *host)
{
    buf_text(text, "host replication \"");
    buf_text(text, user);
    buf_printf(text, "\" %s/%d trust\n", host, pgconf_is_ipv6(host) ? 128 : 32);
}

/* Who else may come in, is everybody or the networks of `clients`. In an adopted directory only what the cluster itself
 * needs: who else may come in, the operators' lines say.
 *
 * The socket's folder is ours alone, and `peer` asks the kernel who calls: no password of the superuser is needed
 * there. Over TCP everybody proves a password. */
void pgconf_print_hba(const struct agent_options *options, bool adopted, struct buf *text)
{
    buf_text(text, "# Written by holdfast agent: changes here are lost.\n"
                   "local all all peer map=holdfast\n"
                   "local replication all peer map=holdfast\n");
    if (options->replication_password == NULL) {
        pgconf_hba_address(text, options->replication, options->host);
        for (uint32_t i = 0; i < options->peers_count; i++) {
            pgconf_hba_address(text, options->replication, options->peers[i].host);
        }
    }
    const char *superuser = adopted ? options->superuser : "all";
    const char *replication = adopted ? options->replication : "all";
    const char *quote = adopted ? "\"" : "";
    static const char *const everywhere[] = {"0.0.0.0/0", "::/0"};
    for (size_t i = 0; i < 2; i++) {
        buf_printf(text, "host replication %s%s%s %s scram-sha-256\n", quote, replication, quote, everywhere[i]);
    }
    const bool closed = !adopted && options->clients_count > 0;
    for (size_t i = 0; i < 2; i++) {
        buf_printf(text, "host all %s%s%s %s scram-sha-256\n", closed ? "\"" : quote,
                   closed ? options->superuser : superuser, closed ? "\"" : quote, everywhere[i]);
    }
    for (uint32_t i = 0; i < options->clients_count && !adopted; i++) {
        buf_printf(text, "host all all %s scram-sha-256\n", options->clients[i]);
    }
}

static void pgconf_print_ident(const struct agent_options *options, struct buf *text)
{
    char memory[1024];
    struct passwd entry;
    struct passwd *found = NULL;
    const char *user =
        getpwuid_r(getuid(), &entry, memory, sizeof memory, &found) == 0 && found != NULL ? found->pw_name : "postgres";
    buf_printf(text, "# Written by holdfast agent: changes here are lost.\nholdfast \"%s\" \"%s\"\n", user,
               options->superuser);
}

static void pgconf_passfile_field(struct buf *text, const char *value)
{
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == ':' || *c == '\\') {
            buf_u8(text, '\\');
        }
        buf_u8(text, (uint8_t)*c);
    }
}

void pgconf_print_passfile(const struct agent_options *options, struct buf *text)
{
    const struct {
        const char *user;
        const char *password;
    } accounts[] = {
        {options->replication, options->replication_password},
        {options->superuser, options->superuser_password},
    };
    for (size_t i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        if (accounts[i].password != NULL) {
            buf_text(text, "*:*:*:");
            pgconf_passfile_field(text, accounts[i].user);
            buf_text(text, ":");
            pgconf_passfile_field(text, accounts[i].password);
            buf_text(text, "\n");
        }
    }
}

bool pgconf_line_ours(struct span line, char ret_key[PGCONF_KEY])
{
    size_t size = 0;
    for (size_t i = 0; i < line.size && size < PGCONF_KEY - 1; i++) {
        const char c = (char)line.data[i];
        if (c == ' ' || c == '\t' || c == '=' || c == '\n' || c == '\r' || c == '\0') {
            if (size > 0) {
                break;
            }
            continue;
        }
        ret_key[size++] = c;
    }
    ret_key[size] = '\0';
    return size > 0 && pgconf_reserved(ret_key);
}

static bool pgconf_line_is_ours(struct span line)
{
    char key[PGCONF_KEY];
    return pgconf_line_ours(line, key);
}

void pgconf_add_defaults(struct span text, struct buf *changed)
{
    if (text.size == 0 ||
        memmem(text.data, text.size, pgconf_include_defaults, sizeof pgconf_include_defaults - 1) == NULL) {
        buf_text(changed, pgconf_include_defaults);
    }
    buf_bytes(changed, text.data, text.size);
}

void pgconf_filter_auto(struct span text, struct buf *filtered)
{
    struct cursor cursor;
    cursor_init(&cursor, text.data, text.size);
    while (cursor_left(&cursor) > 0) {
        const uint8_t *at = cursor.data + cursor.at;
        const uint8_t *end = memchr(at, '\n', cursor_left(&cursor));
        const struct span line = cursor_span(&cursor, end != NULL ? (size_t)(end - at) + 1 : cursor_left(&cursor));
        if (!pgconf_line_is_ours(line)) {
            buf_bytes(filtered, line.data, line.size);
        }
    }
}

/* An unchanged file is left alone: syncing costs time that a promotion may not have. */
static enum err pgconf_put(const char *folder, const char *name, const struct buf *text)
{
    char path[PGCONF_PATH];
    static _Thread_local char memory[PGCONF_BYTES];
    struct buf before;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (text->overflow) {
        return ERR_TOO_LARGE;
    }
    buf_init(&before, memory, sizeof memory);
    const bool same = file_read(path, &before) == ERR_OK &&
                      span_equal(span_of(before.data, before.size), span_of(text->data, text->size));
    explicit_bzero(memory, sizeof memory);
    if (same) {
        return ERR_OK;
    }
    return file_replace(path, text->data, text->size, 0600);
}

/* Replaces a file in place by what `change` makes of it; a missing one is left missing. */
static enum err pgconf_rewrite(const char *folder, const char *name, void (*change)(struct span, struct buf *))
{
    char path[PGCONF_PATH];
    static _Thread_local char before_memory[PGCONF_BYTES];
    static _Thread_local char after_memory[PGCONF_BYTES + 256];
    struct buf before;
    struct buf after;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    buf_init(&before, before_memory, sizeof before_memory);
    buf_init(&after, after_memory, sizeof after_memory);
    const enum err err = file_read(path, &before);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    change(span_of(before.data, before.size), &after);
    if (!after.overflow && span_equal(span_of(after.data, after.size), span_of(before.data, before.size))) {
        return ERR_OK;
    }
    return pgconf_put(folder, name, &after);
}

static void pgconf_add_include(struct span text, struct buf *changed)
{
    buf_bytes(changed, text.data, text.size);
    if (text.size == 0 || memmem(text.data, text.size, pgconf_include, sizeof pgconf_include - 1) == NULL) {
        buf_text(changed, "\n");
        buf_text(changed, pgconf_include);
    }
}

static enum err pgconf_signal(const struct agent_options *options, bool standby)
{
    char path[PGCONF_PATH];
    snprintf(path, sizeof path, "%s/standby.signal", options->data);
    if (standby) {
        return access(path, F_OK) == 0 ? ERR_OK : file_replace(path, "", 0, 0600);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return err_from_errno(errno);
    }
    return file_sync_folder(options->data);
}

static enum err pgconf_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? ERR_OK : err_from_errno(errno);
}

enum err pgconf_write_home(const struct agent_options *options)
{
    char home[AGENT_OPTIONS_PATH];
    char sockets[AGENT_OPTIONS_PATH];
    char memory[4096];
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    pgconf_home(options, home);
    pgconf_socket_folder(options, sockets);
    enum err err = pgconf_folder(home);
    err = err == ERR_OK ? pgconf_folder(sockets) : err;
    if (err == ERR_OK) {
        pgconf_print_passfile(options, &text);
        err = pgconf_put(home, "passfile", &text);
    }
    explicit_bzero(memory, sizeof memory);
    return err;
}

/* The operators' own lines behind ours. */
static void pgconf_append(const char *folder, const char *name, struct buf *text)
{
    char path[PGCONF_PATH];
    static _Thread_local char memory[PGCONF_BYTES];
    struct buf local;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    buf_init(&local, memory, sizeof memory);
    const enum err err = file_read(path, &local);
    if (err == ERR_OK) {
        buf_printf(text, "# From %s:\n", name);
        buf_bytes(text, local.data, local.size);
    } else if (err != ERR_NOT_FOUND) {
        LOG_W("%s cannot be read: %s", path, err_text(err));
    }
}

/* pg_hba.conf, pg_ident.conf, and what stands before an adopted postgresql.conf. */
static enum err pgconf_write_others(const struct agent_options *options, bool adopted)
{
    static _Thread_local char memory[PGCONF_BYTES];
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    pgconf_print_hba(options, adopted, &text);
    if (adopted) {
        pgconf_append(options->data, PGCONF_HBA_LOCAL, &text);
    }
    enum err err = pgconf_put(options->data, "pg_hba.conf", &text);
    buf_reset(&text);
    pgconf_print_ident(options, &text);
    if (adopted) {
        pgconf_append(options->data, PGCONF_IDENT_LOCAL, &text);
    }
    err = err == ERR_OK ? pgconf_put(options->data, "pg_ident.conf", &text) : err;
    if (err == ERR_OK && adopted) {
        buf_reset(&text);
        pgconf_print_defaults(&text);
        err = pgconf_put(options->data, PGCONF_DEFAULTS, &text);
    }
    return err;
}

enum err pgconf_write(const struct agent_options *options, const struct pgconf *conf)
{
    static _Thread_local char memory[PGCONF_BYTES];
    char path[PGCONF_PATH];
    struct buf text;
    struct pgconf full = *conf;
    snprintf(path, sizeof path, "%s/" PGCONF_DEFAULTS, options->data);
    full.adopted = access(path, F_OK) == 0;
    enum err err = pgconf_write_home(options);
    if (err == ERR_OK) {
        buf_init(&text, memory, sizeof memory);
        pgconf_print(options, &full, &text);
        err = pgconf_put(options->data, "holdfast.conf", &text);
    }
    err = err == ERR_OK ? pgconf_write_others(options, full.adopted) : err;
    err = err == ERR_OK && full.adopted ? pgconf_rewrite(options->data, "postgresql.conf", pgconf_add_defaults) : err;
    err = err == ERR_OK ? pgconf_rewrite(options->data, "postgresql.conf", pgconf_add_include) : err;
    err = err == ERR_OK ? pgconf_rewrite(options->data, "postgresql.auto.conf", pgconf_filter_auto) : err;
    return err == ERR_OK ? pgconf_signal(options, conf->standby) : err;
}
