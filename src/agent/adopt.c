/* SPDX-License-Identifier: Apache-2.0
 * Adoption: a data directory that no agent of ours made becomes a node's. */
#include "agent/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/adopt_text.h"
#include "agent/child.h"
#include "agent/file.h"
#include "agent/pgconf.h"
#include "agent/pgctl.h"
#include "agent/pgquery.h"
#include "agent/record.h"
#include "edge/clock.h"

enum {
    ADOPT_PATH = AGENT_OPTIONS_PATH + 64,
    ADOPT_FILE = 64 * 1024, /* bytes of a configuration file: more than that the agent does not read either */
    ADOPT_STOP_MS = 120000,
    ADOPT_ASK_MS = 3000,
    ADOPT_TOOL_MS = 20000,
    ADOPT_OLDEST = 15,
};

__attribute__((format(printf, 3, 4))) static void adopt_find(struct adopt_report *report, bool refuses,
                                                             const char *format, ...)
{
    va_list arguments;
    if (report->count == ADOPT_FINDINGS) {
        report->refusals += refuses;
        return;
    }
    struct adopt_finding *finding = &report->findings[report->count++];
    finding->refuses = refuses;
    report->refusals += refuses;
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

static void adopt_path(const struct agent_options *options, const char *name, char path[ADOPT_PATH])
{
    snprintf(path, ADOPT_PATH, "%s/%s", options->data, name);
}

static bool adopt_has(const struct agent_options *options, const char *name)
{
    char path[ADOPT_PATH];
    adopt_path(options, name, path);
    return access(path, F_OK) == 0;
}

bool adopt_needed(const struct agent_options *options)
{
    char path[ADOPT_PATH];
    snprintf(path, sizeof path, "%s.holdfast/record", options->data);
    return pgctl_has_data(options) && access(path, F_OK) != 0;
}

bool adopt_program_major(const struct agent_options *options, uint32_t *ret_major)
{
    char memory[256];
    struct buf output;
    /* Not `postgres`: while the fence is closed, whatever is called so is killed. */
    const char *const arguments[] = {"pg_controldata", "--version", NULL};
    buf_init(&output, memory, sizeof memory);
    return pgctl_run(options, arguments, &output, time_add_ms(clock_mono(), ADOPT_TOOL_MS)) == ERR_OK &&
           adopt_text_major(span_of(output.data, output.size), ret_major);
}

bool adopt_data_major(const struct agent_options *options, uint32_t *ret_major)
{
    char path[ADOPT_PATH];
    char memory[64];
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    adopt_path(options, "PG_VERSION", path);
    return file_read(path, &text) == ERR_OK && adopt_text_major(span_of(text.data, text.size), ret_major);
}

/* ---- whose it is ---- */

/* The directory's owner must be who looks; the agent renames it and keeps DATA.holdfast beside it. */
static void adopt_look_owner(const struct agent_options *options, struct adopt_report *report)
{
    char parent[AGENT_OPTIONS_PATH];
    char memory[1024];
    struct stat found;
    struct passwd entry;
    struct passwd *owner = NULL;
    snprintf(parent, sizeof parent, "%s", options->data);
    *strrchr(parent, '/') = '\0';
    if (stat(options->data, &found) != 0) {
        adopt_find(report, true, "%s cannot be looked at: %s", options->data, strerror(errno));
    } else if (found.st_uid != geteuid()) {
        const bool named = getpwuid_r(found.st_uid, &entry, memory, sizeof memory, &owner) == 0 && owner != NULL;
        adopt_find(report, true, "%s belongs to user %s: say --run-as %s, here and for the agent", options->data,
                   named ? owner->pw_name : "of another number", named ? owner->pw_name : "USER");
    }
    if (access(parent[0] != '\0' ? parent : "/", W_OK) != 0) {
        adopt_find(report, true, "%s must be writable for the user that the agent runs as: chown it", parent);
    }
}

/* A process of this kind that runs as us may start the server again behind our back. */
static void adopt_look_managers(struct adopt_report *report)
{
    static const char *const managers[] = {"patroni\n", "pg_autoctl\n", "repmgrd\n", "stolon-keeper\n"};
    DIR *folder = opendir("/proc");
    const struct dirent *entry = NULL;
    while (folder != NULL && (entry = readdir(folder)) != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
        char path[64];
        char memory[64];
        struct stat found;
        struct buf name;
        buf_init(&name, memory, sizeof memory);
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') {
            continue;
        }
        snprintf(path, sizeof path, "/proc/%.20s/comm", entry->d_name);
        if (stat(path, &found) != 0 || found.st_uid != geteuid() || file_read(path, &name) != ERR_OK) {
            continue;
        }
        for (size_t i = 0; i < sizeof managers / sizeof managers[0]; i++) {
            if (span_is(span_of(name.data, name.size), managers[i])) {
                adopt_find(report, true,
                           "%.*s (process %.20s) runs as this user and may manage the server: stop and disable it on "
                           "every node of the cluster first",
                           (int)strlen(managers[i]) - 1, managers[i], entry->d_name);
            }
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static void adopt_look_agent(const struct agent_options *options, struct adopt_report *report)
{
    char path[ADOPT_PATH];
    snprintf(path, sizeof path, "%s.holdfast/record", options->data);
    if (access(path, F_OK) == 0) {
        adopt_find(report, true, "an agent has this directory already (%s): start it, holdfast agent --node %s", path,
                   options->node);
    }
    snprintf(path, sizeof path, "%s.holdfast/lock", options->data);
    const int lock = open(path, O_RDWR | O_CLOEXEC);
    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0) {
        adopt_find(report, true, "an agent of this node runs (%s is locked): stop it first", path);
    }
    if (lock >= 0) {
        close(lock);
    }
}

/* ---- what it is ---- */

static void adopt_look_version(const struct agent_options *options, struct adopt_report *report)
{
    uint32_t program = 0;
    uint32_t data = 0;
    if (!adopt_program_major(options, &program)) {
        adopt_find(report, true, "%s/pg_controldata does not tell its version: correct databases.%s.nodes.%s.bin",
                   options->bin, options->database, options->node);
    } else if (!adopt_data_major(options, &data)) {
        adopt_find(report, true, "%s/PG_VERSION cannot be read: this is no data directory of PostgreSQL",
                   options->data);
    } else if (program != data) {
        adopt_find(report, true,
                   "the data directory is of PostgreSQL %u, the programs in %s are of %u: correct "
                   "databases.%s.nodes.%s.bin, or upgrade it with pg_upgrade first",
                   data, options->bin, program, options->database, options->node);
    } else if (data < ADOPT_OLDEST) {
        adopt_find(report, true, "PostgreSQL %u is too old: upgrade it to %d or later with pg_upgrade first", data,
                   ADOPT_OLDEST);
    }
}

static void adopt_look_files(const struct agent_options *options, struct adopt_report *report)
{
    static const char *const needed[] = {"postgresql.conf", "pg_hba.conf", "pg_ident.conf"};
    static char memory[ADOPT_FILE];
    char names_memory[ADOPT_TEXT / 2];
    char path[ADOPT_PATH];
    struct buf names;
    buf_init(&names, names_memory, sizeof names_memory);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        struct buf text;
        buf_init(&text, memory, sizeof memory);
        adopt_path(options, needed[i], path);
        const enum err err = file_read(path, &text);
        if (err != ERR_OK) {
            adopt_find(report, true,
                       "%s: %s: the server's configuration must stand in the data directory (Debian keeps it in "
                       "/etc/postgresql: copy postgresql.conf, conf.d, pg_hba.conf and pg_ident.conf from there)",
                       path, err_text(err));
        } else if (i == 0) {
            const char *manager = adopt_text_manager(span_of(text.data, text.size));
            adopt_text_overridden(span_of(text.data, text.size), &names);
            if (manager != NULL) {
                adopt_find(report, false,
                           "its postgresql.conf has traces of %s: that must stay stopped and disabled on every node",
                           manager);
            }
        }
    }
    if (adopt_has(options, "patroni.dynamic.json")) {
        adopt_find(report, false, "Patroni had it: Patroni must stay stopped and disabled on every node");
    }
    if (names.size > 0) {
        adopt_find(report, false, "set by the agent from now on, whatever its postgresql.conf says: %s",
                   buf_string(&names));
    }
}

static void adopt_look_role(const struct agent_options *options, struct adopt_report *report)
{
    struct pgparse_control control = {0};
    const enum err err = pgctl_control(options, &control);
    if (err != ERR_OK) {
        adopt_find(report, true, "pg_controldata cannot read %s: %s", options->data, err_text(err));
        return;
    }
    report->system_id = control.system_id;
    report->timeline = control.timeline;
    report->standby = adopt_has(options, "standby.signal");
    if (adopt_has(options, "recovery.signal")) {
        adopt_find(report, true, "a recovery to a point in time is under way (recovery.signal): let it end first");
    }
    if (adopt_has(options, "backup_label") && !report->standby) {
        adopt_find(report, true, "it is a base backup that was never recovered (backup_label): start and stop it once");
    }
    if (options->initial_writer && report->standby) {
        adopt_find(report, true,
                   "%s is the initial_writer of %s, but this is a standby's directory: name the node of the primary in "
                   "databases.%s.initial_writer",
                   options->node, options->database, options->database);
    } else if (!options->initial_writer && !report->standby) {
        adopt_find(report, true,
                   "%s is not the initial_writer of %s, but this is a primary's directory: name %s in "
                   "databases.%s.initial_writer if it is the one that counts; else move the directory away, and the "
                   "agent clones",
                   options->node, options->database, options->node, options->database);
    }
    if (!control.checksums) {
        adopt_find(report, false,
                   "it has no data checksums: a damaged page is not noticed (pg_checksums --enable, while all servers "
                   "are down); wal_log_hints is turned on, so that it can be rewound");
    }
}

/* ---- a standby: of whom ---- */

static void adopt_look_history(const struct agent_options *options, const struct agent_options_peer *writer,
                               const struct pgquery_upstream *upstream, struct adopt_report *report)
{
    struct pgparse_control control;
    struct pgparse_history own = {.count = 0};
    uint32_t major = 0;
    if (pgctl_control(options, &control) != ERR_OK) {
        return; /* told before */
    }
    if (pgctl_history(options, control.timeline, &own) != ERR_OK) {
        own.count = 0;
    }
    const bool minimum = control.minimum.position > 0 && control.minimum_timeline > 0;
    const uint32_t timeline = minimum ? control.minimum_timeline : control.timeline;
    const struct lsn place = minimum ? control.minimum : control.checkpoint;
    if (control.system_id != upstream->system_id) {
        adopt_find(report, true,
                   "it is of another cluster: its system identifier is %llu, that of the writer %s is %llu. Correct "
                   "databases.%s.nodes.%s.data, or move the directory away, and the agent clones",
                   (unsigned long long)control.system_id, writer->name, (unsigned long long)upstream->system_id,
                   options->database, options->node);
    } else if (!pgparse_history_within(&own, &upstream->history) ||
               !pgparse_history_holds(&upstream->history, upstream->timeline, upstream->position, timeline, place)) {
        char text[LSN_TEXT];
        lsn_print(place, text);
        adopt_find(report, true,
                   "it left the history of the writer %s: it stands at %s of timeline %u, the writer is on timeline "
                   "%u. Rewind it with pg_rewind, or move it away, and the agent clones",
                   writer->name, text, timeline, upstream->timeline);
    }
    if (adopt_data_major(options, &major) && upstream->version / 10000 != major) {
        adopt_find(report, true, "the writer %s runs PostgreSQL %u, this directory is of %u: all nodes need the same",
                   writer->name, upstream->version / 10000, major);
    }
}

static void adopt_look_writer(const struct agent_options *options, struct adopt_report *report)
{
    for (uint32_t i = 0; i < options->peers_count; i++) {
        struct pgquery_upstream upstream;
        const struct mono deadline = time_add_ms(clock_mono(), ADOPT_ASK_MS);
        if (pgquery_upstream(options, &options->peers[i], deadline, &upstream) == ERR_OK && !upstream.in_recovery) {
            adopt_look_history(options, &options->peers[i], &upstream, report);
            return;
        }
    }
    adopt_find(report, false,
               "no writer answers to ask whether this standby is part of its past (adopt the primary and start its "
               "agent first): the agent looks before it follows");
}

/* ---- a server that runs ---- */

static void adopt_look_running(const struct agent_options *options, bool stop, struct adopt_report *report)
{
    static char memory[ADOPT_FILE];
    char path[64];
    char unit[128];
    struct buf text;
    if (!pgctl_find(options, &report->running)) {
        report->running = 0;
        return;
    }
    buf_init(&text, memory, sizeof memory);
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)report->running);
    if (file_read(path, &text) == ERR_OK && adopt_text_unit(span_of(text.data, text.size), unit, sizeof unit)) {
        adopt_find(report, true, "%s runs the server (process %d): systemctl disable --now %s", unit,
                   (int)report->running, unit);
    } else if (!stop) {
        adopt_find(report, true,
                   "the server runs (process %d), and the agent starts it anew: stop it, or say --stop to have it "
                   "stopped now",
                   (int)report->running);
    }
}

void adopt_look(const struct agent_options *options, bool stop, struct adopt_report *ret_report)
{
    memset(ret_report, 0, sizeof *ret_report);
    child_init();
    if (!pgctl_has_data(options)) {
        adopt_find(ret_report, true,
                   "%s holds no cluster (there is no PG_VERSION, or %s may not look): nothing to adopt; an agent that "
                   "is started there %s",
                   options->data, options->run_as != NULL ? options->run_as : "this user",
                   options->initial_writer ? "makes one" : "clones");
        return;
    }
    adopt_look_agent(options, ret_report);
    adopt_look_owner(options, ret_report);
    adopt_look_version(options, ret_report);
    adopt_look_files(options, ret_report);
    adopt_look_managers(ret_report);
    adopt_look_running(options, stop, ret_report);
    adopt_look_role(options, ret_report);
    if (ret_report->standby && !options->initial_writer) {
        adopt_look_writer(options, ret_report);
    }
}

/* ---- taking it ---- */

static enum err adopt_stop(const struct agent_options *options, struct adopt_report *report)
{
    struct pgctl server = {.options = options};
    struct pgparse_control control;
    if (report->running != 0) {
        pgctl_adopt(&server, report->running);
        const enum err err = pgctl_stop(&server, time_add_ms(clock_mono(), ADOPT_STOP_MS));
        if (err != ERR_OK) {
            adopt_find(report, true, "the server (process %d) does not stop: %s", (int)report->running, err_text(err));
            return err;
        }
    }
    const enum err err = pgctl_control(options, &control);
    if (err != ERR_OK || control.system_id != report->system_id ||
        adopt_has(options, "standby.signal") != report->standby) {
        adopt_find(report, true, "the directory has changed while it was looked at: look again");
        return ERR_REFUSED;
    }
    return ERR_OK;
}

/* Keeps a copy of a file under another name, unless there is one: the first is the operators'. */
static enum err adopt_copy(const struct agent_options *options, const char *from, const char *to)
{
    static char memory[ADOPT_FILE];
    char path[ADOPT_PATH];
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    if (adopt_has(options, to)) {
        return ERR_OK;
    }
    adopt_path(options, from, path);
    const enum err err = file_read(path, &text);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    adopt_path(options, to, path);
    return file_replace(path, text.data, text.size, 0600);
}

enum err adopt_take(const struct agent_options *options, struct adopt_report *report)
{
    static const char *const copies[][2] = {
        {"postgresql.conf", "postgresql.conf.before-holdfast"},
        {"postgresql.auto.conf", "postgresql.auto.conf.before-holdfast"},
        {"pg_hba.conf", PGCONF_HBA_LOCAL},
        {"pg_ident.conf", PGCONF_IDENT_LOCAL},
    };
    char path[ADOPT_PATH];
    const struct record record = {.role = RECORD_NONE};
    enum err err = adopt_stop(options, report);
    for (size_t i = 0; i < sizeof copies / sizeof copies[0] && err == ERR_OK; i++) {
        err = adopt_copy(options, copies[i][0], copies[i][1]);
    }
    if (err == ERR_OK) { /* from now on it is written as an adopted one (agent/pgconf.h) */
        adopt_path(options, PGCONF_DEFAULTS, path);
        err = file_replace(path, "", 0, 0600);
    }
    err = err == ERR_OK ? pgconf_write_home(options) : err;
    if (err == ERR_OK) {
        snprintf(path, sizeof path, "%s.holdfast", options->data);
        err = record_save(path, &record); /* last: with it the directory is the node's */
    }
    return err;
}
