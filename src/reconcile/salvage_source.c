/* SPDX-License-Identifier: Apache-2.0
 * The old writer's server, started alone to be read. */
#include "reconcile/salvage_source.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"

enum {
    SALVAGE_SOURCE_START_MS = 600000, /* crash recovery of a large server */
    SALVAGE_SOURCE_STOP_MS = 60000,
    SALVAGE_SOURCE_PAUSE_MS = 20,
    SALVAGE_SOURCE_STARTS = 5,
    SALVAGE_SOURCE_AGAIN_MS = 1000,
    SALVAGE_SOURCE_SOCKET = 90, /* of 107 bytes, the socket's name is the rest */
    SALVAGE_SOURCE_PATH = 2048,
    SALVAGE_SOURCE_ARGUMENTS = 96,
    SALVAGE_SOURCE_LINE = 1024 * 1024,
};

static const char *const salvage_source_settings[] = {
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "port=5432",
    "cluster_name=holdfast-salvage",
    "default_transaction_read_only=on",
    "synchronous_standby_names=",
    "primary_conninfo=",
    "restore_command=",
    "recovery_target_timeline=latest",
    "archive_mode=off",
    "autovacuum=off",
    "max_logical_replication_workers=0",
    "shared_preload_libraries=",
    "session_preload_libraries=",
    "wal_level=logical",
    "wal_keep_size=1TB",
    "max_slot_wal_keep_size=-1",
    "max_wal_size=1TB",
    "checkpoint_timeout=1d",
    "logging_collector=off",
    "log_destination=stderr",
    "log_min_messages=fatal",
    "log_min_error_statement=panic",
    "restart_after_crash=off",
    "ssl=off",
    "data_sync_retry=off",
    "statement_timeout=0",
    "idle_session_timeout=0",
    "idle_in_transaction_session_timeout=0",
};

static void salvage_source_pause(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

static void salvage_source_say(struct salvage_source *source, const char *text)
{
    snprintf(source->message, sizeof source->message, "%.*s", (int)strcspn(text, "\n"), text);
}

static enum err salvage_source_folder(struct salvage_source *source)
{
    char path[SALVAGE_SOURCE_PATH];
    /* Beside the data, of one owner; a socket's path is short, else a place of its own is made. */
    const int size = snprintf(source->folder, sizeof source->folder, "%s.salvage", source->data);
    const bool fits = size > 0 && size < SALVAGE_SOURCE_SOCKET;
    if (!fits) {
        snprintf(source->folder, sizeof source->folder, "/tmp/holdfast-salvage-XXXXXX");
    }
    if (fits ? mkdir(source->folder, 0700) != 0 && errno != EEXIST : mkdtemp(source->folder) == NULL) {
        source->folder[0] = '\0';
        return err_from_errno(errno);
    }
    snprintf(path, sizeof path, "%s/hba.conf", source->folder);
    static const char text[] = "local all all trust\n"; /* who can enter the folder is its owner */
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    const ssize_t written = write(fd, text, sizeof text - 1);
    close(fd);
    return written == (ssize_t)sizeof text - 1 ? ERR_OK : ERR_DISK_FULL;
}

/* execv wants pointers to what it does not change. */
static char *const *salvage_source_vector(const char *const *vector)
{
    union {
        const char *const *in;
        char *const *out;
    } both = {.in = vector};
    return both.out;
}

/* A child that does not outlive us; `output` becomes its standard output, -1: standard error. */
static pid_t salvage_source_fork(const char *const *arguments, int output, int death)
{
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, death);
    if (getppid() != parent || dup2(output >= 0 ? output : STDERR_FILENO, STDOUT_FILENO) < 0) {
        _exit(127);
    }
    (void)execv(arguments[0], salvage_source_vector(arguments));
    _exit(127);
}

static enum err salvage_source_spawn(struct salvage_source *source)
{
    char program[SALVAGE_SOURCE_PATH];
    char sockets[SALVAGE_SOURCE_PATH];
    char hba[SALVAGE_SOURCE_PATH];
    const char *arguments[SALVAGE_SOURCE_ARGUMENTS];
    size_t count = 0;
    snprintf(program, sizeof program, "%s/postgres", source->bin);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", source->folder);
    snprintf(hba, sizeof hba, "hba_file=%s/hba.conf", source->folder);
    arguments[count++] = program;
    arguments[count++] = "-D";
    arguments[count++] = source->data;
    for (size_t i = 0; i < sizeof salvage_source_settings / sizeof salvage_source_settings[0]; i++) {
        arguments[count++] = "-c";
        arguments[count++] = salvage_source_settings[i];
    }
    const char *const own[] = {sockets, hba};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        arguments[count++] = "-c";
        arguments[count++] = own[i];
    }
    arguments[count] = NULL;
    ASSERT(count < SALVAGE_SOURCE_ARGUMENTS);
    source->postmaster = salvage_source_fork(arguments, -1, SIGQUIT);
    return source->postmaster > 0 ? ERR_OK : err_from_errno(errno);
}

PGconn *salvage_source_connect(struct salvage_source *source, const char *dbname)
{
    const char *const keys[] = {"host",    "port",    "user", "dbname", "application_name", "client_encoding",
                                "options", "sslmode", NULL};
    const char *const values[] = {
        source->folder,
        "5432",
        source->user,
        dbname,
        "holdfast salvage",
        "UTF8",
        "-c search_path=pg_catalog -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 "
        "-c bytea_output=hex -c timezone=UTC -c xmloption=content -c lc_monetary=C",
        "disable",
        NULL};
    PGconn *connection = PQconnectdbParams(keys, values, 0);
    if (connection != NULL && PQstatus(connection) == CONNECTION_OK) {
        return connection;
    }
    salvage_source_say(source, connection != NULL ? PQerrorMessage(connection) : "out of memory");
    PQfinish(connection);
    return NULL;
}

static enum err salvage_source_identify(struct salvage_source *source, PGconn *connection)
{
    PGresult *result =
        PQexec(connection, "SELECT s.system_identifier, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, "
                           "8))::bit(32)::bigint, pg_current_wal_lsn(), g.setting FROM pg_control_system() s, "
                           "pg_settings g WHERE g.name = 'wal_segment_size'");
    enum err err = ERR_STATUS;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        source->system_id = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
        source->timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
        source->segment_bytes = strtoull(PQgetvalue(result, 0, 3), NULL, 10);
        err = lsn_parse(PQgetvalue(result, 0, 2), &source->end) && source->segment_bytes > 0 ? ERR_OK : ERR_CONTENT;
    } else {
        salvage_source_say(source, PQerrorMessage(connection));
    }
    PQclear(result);
    return err;
}

/* The eighth line of postmaster.pid: a session that came too early would be a line in the log. */
static bool salvage_source_ready(const struct salvage_source *source)
{
    char path[SALVAGE_SOURCE_PATH];
    char text[2048] = "";
    snprintf(path, sizeof path, "%s/postmaster.pid", source->data);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return size > 0 && strtol(text, NULL, 10) == (long)source->postmaster && strstr(text, "\nready") != NULL;
}

enum err salvage_source_start(struct salvage_source *source, bool (*keep_on)(void *context), void *context)
{
    const struct mono deadline = time_add_ms(clock_mono(), SALVAGE_SOURCE_START_MS);
    uint32_t starts = 1;
    enum err err = salvage_source_folder(source);
    err = err == ERR_OK ? salvage_source_spawn(source) : err;
    while (err == ERR_OK) {
        PGconn *connection = salvage_source_ready(source) ? salvage_source_connect(source, "postgres") : NULL;
        if (connection != NULL) {
            err = salvage_source_identify(source, connection);
            PQfinish(connection);
            return err;
        }
        if (waitpid(source->postmaster, NULL, WNOHANG) == source->postmaster) {
            /* The server of a salvage that was killed is perhaps still on its way out. */
            source->postmaster = 0;
            salvage_source_pause(SALVAGE_SOURCE_AGAIN_MS);
            err = ++starts < SALVAGE_SOURCE_STARTS ? salvage_source_spawn(source) : ERR_EXIT_STATUS;
        } else if (time_reached(clock_mono(), deadline)) {
            err = ERR_TIMEOUT;
        } else if (!keep_on(context)) {
            err = ERR_CANCELLED;
        }
        salvage_source_pause(SALVAGE_SOURCE_PAUSE_MS);
    }
    return err;
}

void salvage_source_stop(struct salvage_source *source)
{
    char path[SALVAGE_SOURCE_PATH];
    const struct mono deadline = time_add_ms(clock_mono(), SALVAGE_SOURCE_STOP_MS);
    if (source->postmaster > 0) {
        (void)kill(source->postmaster, SIGINT);
        while (waitpid(source->postmaster, NULL, WNOHANG) == 0) {
            if (time_reached(clock_mono(), deadline)) {
                (void)kill(source->postmaster, SIGQUIT);
                (void)waitpid(source->postmaster, NULL, 0);
                break;
            }
            salvage_source_pause(SALVAGE_SOURCE_PAUSE_MS);
        }
        source->postmaster = 0;
    }
    if (source->folder[0] != '\0') {
        snprintf(path, sizeof path, "%s/hba.conf", source->folder);
        (void)unlink(path);
        (void)rmdir(source->folder);
        source->folder[0] = '\0';
    }
}

/* Whole lines from the pipe; one that is longer than the memory is cut. */
static enum err salvage_source_lines(int fd, enum err (*line)(void *context, const char *text, size_t size),
                                     void *context)
{
    FILE *stream = fdopen(fd, "r");
    char *text = NULL;
    size_t capacity = 0;
    enum err err = stream != NULL ? ERR_OK : ERR_NO_MEMORY;
    while (err == ERR_OK) {
        const ssize_t size = getline(&text, &capacity, stream);
        if (size <= 0) {
            break;
        }
        const size_t bare = text[size - 1] == '\n' ? (size_t)size - 1 : (size_t)size;
        err = line(context, text, bare < SALVAGE_SOURCE_LINE ? bare : SALVAGE_SOURCE_LINE);
    }
    free(text);
    if (stream != NULL) {
        fclose(stream);
    } else {
        close(fd);
    }
    return err;
}

enum err salvage_source_run(struct salvage_source *source, const char *const *arguments,
                            enum err (*line)(void *context, const char *text, size_t size), void *context)
{
    char program[SALVAGE_SOURCE_PATH];
    const char *full[SALVAGE_SOURCE_ARGUMENTS];
    size_t count = 0;
    int ends[2];
    snprintf(program, sizeof program, "%s/%s", source->bin, arguments[0]);
    full[count++] = program;
    for (size_t i = 1; arguments[i] != NULL && count < SALVAGE_SOURCE_ARGUMENTS - 1; i++) {
        full[count++] = arguments[i];
    }
    full[count] = NULL;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return err_from_errno(errno);
    }
    const pid_t pid = salvage_source_fork(full, ends[1], SIGKILL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return ERR_NO_MEMORY;
    }
    int status = 0;
    const enum err err = salvage_source_lines(ends[0], line, context);
    if (err != ERR_OK) {
        (void)kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return err != ERR_OK ? err : WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ERR_OK : ERR_EXIT_STATUS;
}

enum err salvage_source_history(const struct salvage_source *source, char *text, size_t size)
{
    char path[SALVAGE_SOURCE_PATH];
    text[0] = '\0';
    if (source->timeline <= 1) {
        return ERR_OK;
    }
    snprintf(path, sizeof path, "%s/pg_wal/%08X.history", source->data, source->timeline);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    const ssize_t got = read(fd, text, size - 1);
    close(fd);
    if (got < 0 || (size_t)got == size - 1) {
        return got < 0 ? err_from_errno(errno) : ERR_TOO_LARGE;
    }
    text[got] = '\0';
    return ERR_OK;
}
