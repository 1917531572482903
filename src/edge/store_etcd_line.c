/* SPDX-License-Identifier: Apache-2.0
 * Requests to etcd's JSON gateway on libcurl: one easy handle per thread. */
#include "edge/store_etcd_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <jansson.h>

#include "base/assert.h"
#include "edge/address.h"
#include "edge/clock.h"
#include "edge/config_secret.h"
#include "edge/log.h"

enum {
    STORE_ETCD_LINE_URL = 512,
    STORE_ETCD_LINE_PAUSE_MS = 50,
    STORE_ETCD_LINE_KEEP = 1024 * 1024, /* of an answer's memory between calls */
};

/* A user is configured, but etcd has no authentication: sent instead of a token, it is ignored. */
#define STORE_ETCD_LINE_NO_TOKEN "-"

/* Instead of JSON (server/embed/serve.go). */
#define STORE_ETCD_LINE_NAMED "CommonName of client sending a request against gateway"

enum err store_etcd_line_init(struct store_etcd_line *line, struct store_etcd_members *members)
{
    *line = (struct store_etcd_line){.members = members};
    arena_init(&line->memory, STORE_ETCD_LINE_ANSWER);
    void *body = malloc(STORE_ETCD_LINE_BODY);
    line->easy = curl_easy_init();
    if (body == NULL || line->easy == NULL) {
        free(body);
        curl_easy_cleanup(line->easy);
        line->easy = NULL;
        return ERR_NO_MEMORY;
    }
    buf_init(&line->body, body, STORE_ETCD_LINE_BODY);
    return ERR_OK;
}

void store_etcd_line_fini(struct store_etcd_line *line)
{
    curl_easy_cleanup(line->easy);
    arena_fini(&line->memory);
    free(line->body.data);
    free(line->text);
    *line = (struct store_etcd_line){.members = NULL};
}

/* -- one request -- */

static curl_socket_t store_etcd_line_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static enum err store_etcd_line_header(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer == NULL) {
        return ERR_NO_MEMORY;
    }
    *list = longer;
    return ERR_OK;
}

static enum err store_etcd_line_headers(const char *token, struct curl_slist **list)
{
    enum err err = store_etcd_line_header(list, "Content-Type: application/json");
    err = err != ERR_OK ? err : store_etcd_line_header(list, "Expect:");
    err = err != ERR_OK ? err : store_etcd_line_header(list, "Grpc-Metadata-hasleader: true");
    if (err == ERR_OK && token[0] != '\0' && strcmp(token, STORE_ETCD_LINE_NO_TOKEN) != 0) {
        char line[STORE_ETCD_MEMBER_TOKEN + 32];
        snprintf(line, sizeof line, "Authorization: %s", token);
        err = store_etcd_line_header(list, line);
        explicit_bzero(line, sizeof line);
    }
    return err;
}

static void store_etcd_line_set_tls(CURL *easy, const struct store_etcd_config *config)
{
    curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 60L); /* so that a renewed file counts */
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (config->certificate != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, config->certificate);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, config->key);
    }
}

static void store_etcd_line_set(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "holdfast");
    curl_easy_setopt(easy, CURLOPT_MAXCONNECTS, (long)STORE_ETCD_MEMBERS);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, store_etcd_line_socket);
}

/* The URL, and with a server name also where that name is: `connect_to`. */
static enum err store_etcd_line_url(const struct store_etcd_config *config, size_t member, const char *path, CURL *easy,
                                    struct curl_slist **lists)
{
    const char *endpoint = config->endpoints[member];
    char url[STORE_ETCD_LINE_URL];
    int length;
    if (config->server_name == NULL) {
        length = snprintf(url, sizeof url, "%s://%s%s", config->ca != NULL ? "https" : "http", endpoint, path);
    } else {
        struct address address;
        const enum err parsed = address_parse(endpoint, &address);
        ASSERT(parsed == ERR_OK);
        const unsigned port = address_port(&address);
        char connect[STORE_ETCD_LINE_URL];
        snprintf(connect, sizeof connect, "%s:%u:%s", config->server_name, port, endpoint);
        const enum err err = store_etcd_line_header(&lists[1], connect);
        if (err != ERR_OK) {
            return err;
        }
        length = snprintf(url, sizeof url, "https://%s:%u%s", config->server_name, port, path);
        curl_easy_setopt(easy, CURLOPT_CONNECT_TO, lists[1]);
    }
    ASSERT(length > 0 && (size_t)length < sizeof url);
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK ? ERR_OK : ERR_NO_MEMORY;
}

enum err store_etcd_line_prepare(const struct store_etcd_members *members, CURL *easy, size_t member, const char *path,
                                 const char *token, struct curl_slist **ret_lists)
{
    const struct store_etcd_config *config = store_etcd_member_config(members);
    struct curl_slist *lists[2] = {NULL, NULL};
    curl_easy_reset(easy);
    store_etcd_line_set(easy);
    if (config->ca != NULL) {
        store_etcd_line_set_tls(easy, config);
    }
    enum err err = store_etcd_line_headers(token, &lists[0]);
    err = err != ERR_OK ? err : store_etcd_line_url(config, member, path, easy, lists);
    if (err != ERR_OK) {
        curl_slist_free_all(lists[0]);
        curl_slist_free_all(lists[1]);
        return err;
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lists[0]);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)config->timeout_ms);
    ret_lists[0] = lists[0];
    ret_lists[1] = lists[1];
    return ERR_OK;
}

static size_t store_etcd_line_receive(char *data, size_t size, size_t count, void *context)
{
    struct store_etcd_line *line = context;
    ASSERT(size == 1);
    if (count > STORE_ETCD_LINE_ANSWER - line->text_size) {
        line->text_overflow = true;
        return count + 1; /* an error */
    }
    size_t room = line->text_room > 0 ? line->text_room : 4096;
    while (room < line->text_size + count) {
        room *= 2;
    }
    if (room > line->text_room) {
        char *grown = realloc(line->text, room);
        if (grown == NULL) {
            return count + 1;
        }
        line->text = grown;
        line->text_room = room;
    }
    memcpy(line->text + line->text_size, data, count);
    line->text_size += count;
    return count;
}

static enum err store_etcd_line_connect_err(CURL *easy)
{
    long number = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    return number == ECONNREFUSED ? ERR_REFUSED : ERR_UNREACHABLE;
}

/* What libcurl's failure means: before the request was sent, or after. */
static struct store_etcd_meaning store_etcd_line_failure(struct store_etcd_line *line, CURLcode code, const char *error)
{
    struct store_etcd_meaning meaning = {.outcome = STORE_ETCD_REFUSED, .again = true, .elsewhere = true};
    curl_off_t sent_at = 0;
    long sent_bytes = 0;
    curl_easy_getinfo(line->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
    curl_easy_getinfo(line->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
    if (sent_at > 0 || sent_bytes > 0) {
        /* Also when it now cannot connect: a kept-alive connection that died under the request is tried again by
         * libcurl itself on a fresh one. */
        meaning.outcome = STORE_ETCD_UNKNOWN;
    }
    switch ((int)code) {
    case CURLE_COULDNT_CONNECT:
        meaning.err = store_etcd_line_connect_err(line->easy);
        return meaning;
    case CURLE_COULDNT_RESOLVE_HOST:
        meaning.err = ERR_NAME;
        return meaning;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        meaning.err = ERR_CERTIFICATE;
        return meaning;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        meaning.err = ERR_TLS;
        return meaning;
    default:
        break;
    }
    if (line->text_overflow) {
        return (struct store_etcd_meaning){.outcome = STORE_ETCD_UNKNOWN, .err = ERR_TOO_LARGE};
    }
    meaning.err = code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT
                  : code == CURLE_GOT_NOTHING      ? ERR_CLOSED
                  : strstr(error, "alert") != NULL ? ERR_TLS /* TLS 1.3 refuses a client only after its request */
                                                   : ERR_RESET;
    return meaning;
}

static void store_etcd_line_say(struct store_etcd_line *line, size_t member, const char *text)
{
    snprintf(line->why, sizeof line->why, "%s: %.180s", store_etcd_member_config(line->members)->endpoints[member],
             text);
}

static struct store_etcd_meaning store_etcd_line_read(struct store_etcd_line *line, size_t member)
{
    long status = 0;
    curl_easy_getinfo(line->easy, CURLINFO_RESPONSE_CODE, &status);
    const enum err err = store_etcd_answer_read(span_of(line->text, line->text_size), &line->memory, &line->answer);
    if (err == ERR_NO_MEMORY) {
        return (struct store_etcd_meaning){.outcome = STORE_ETCD_UNKNOWN, .err = ERR_TOO_LARGE};
    }
    if (err != ERR_OK && line->text_size > 0 &&
        memmem(line->text, line->text_size, STORE_ETCD_LINE_NAMED, strlen(STORE_ETCD_LINE_NAMED)) != NULL) {
        store_etcd_line_say(line, member,
                            "etcd's gateway refuses client certificates with a CommonName once authentication is on: "
                            "take one without it (-subj /O=holdfast)");
        return (struct store_etcd_meaning){
            .outcome = STORE_ETCD_REFUSED, .err = ERR_CERTIFICATE, .again = true, .elsewhere = true};
    }
    if (err != ERR_OK || (status != 200 && line->answer.code == 0)) {
        char text[160];
        snprintf(text, sizeof text, "HTTP status %ld with something that is not etcd's: %.*s", status,
                 line->text_size < 60 ? (int)line->text_size : 60, line->text != NULL ? line->text : "");
        store_etcd_line_say(line, member, text);
        return (struct store_etcd_meaning){
            .outcome = STORE_ETCD_UNKNOWN, .err = ERR_PROTOCOL, .again = true, .elsewhere = true};
    }
    if (line->answer.code != 0) {
        store_etcd_line_say(line, member, line->answer.message);
    }
    return store_etcd_meaning_of(line->answer.code, line->answer.message);
}

static void store_etcd_line_clear(struct store_etcd_line *line)
{
    if (line->text_room > STORE_ETCD_LINE_KEEP) {
        free(line->text);
        line->text = NULL;
        line->text_room = 0;
    }
    line->text_size = 0;
    line->text_overflow = false;
    arena_reset(&line->memory);
    line->answer = (struct store_etcd_answer){.code = 0};
}

/* One POST to one member. */
static struct store_etcd_meaning store_etcd_line_post(struct store_etcd_line *line, size_t member, const char *path,
                                                      const char *token, struct span body)
{
    struct curl_slist *lists[2] = {NULL, NULL};
    store_etcd_line_clear(line);
    line->why[0] = '\0';
    if (store_etcd_line_prepare(line->members, line->easy, member, path, token, lists) != ERR_OK) {
        store_etcd_line_say(line, member, err_text(ERR_NO_MEMORY));
        return (struct store_etcd_meaning){.outcome = STORE_ETCD_REFUSED, .err = ERR_NO_MEMORY};
    }
    char error[CURL_ERROR_SIZE] = "";
    const long timeout_ms = (long)store_etcd_member_config(line->members)->timeout_ms;
    curl_easy_setopt(line->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(line->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    curl_easy_setopt(line->easy, CURLOPT_POSTFIELDS, body.data);
    curl_easy_setopt(line->easy, CURLOPT_WRITEFUNCTION, store_etcd_line_receive);
    curl_easy_setopt(line->easy, CURLOPT_WRITEDATA, line);
    curl_easy_setopt(line->easy, CURLOPT_ERRORBUFFER, error);
    const CURLcode code = curl_easy_perform(line->easy);
    struct store_etcd_meaning meaning;
    if (code == CURLE_OK) {
        meaning = store_etcd_line_read(line, member);
    } else {
        meaning = store_etcd_line_failure(line, code, error);
        store_etcd_line_say(line, member, error[0] != '\0' ? error : curl_easy_strerror(code));
    }
    curl_easy_reset(line->easy); /* no pointers into this call, no token */
    curl_slist_free_all(lists[0]);
    curl_slist_free_all(lists[1]);
    return meaning;
}

/* -- authentication -- */

static char *store_etcd_line_credentials(const struct store_etcd_config *config)
{
    char password[CONFIG_SECRET_BYTES];
    if (config_secret_read(&config->password, password, sizeof password) != ERR_OK) {
        return NULL;
    }
    json_t *json = json_pack("{s:s, s:s}", "name", config->user, "password", password);
    explicit_bzero(password, sizeof password);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static struct store_etcd_meaning store_etcd_line_authenticate(struct store_etcd_line *line, size_t member,
                                                              uint64_t version)
{
    char *text = store_etcd_line_credentials(store_etcd_member_config(line->members));
    if (text == NULL) {
        store_etcd_line_say(line, member, "the password (store.password) cannot be read");
        return (struct store_etcd_meaning){.outcome = STORE_ETCD_REFUSED, .err = ERR_AUTH};
    }
    struct store_etcd_meaning meaning =
        store_etcd_line_post(line, member, STORE_ETCD_LINE_AUTHENTICATE, "", span_text(text));
    explicit_bzero(text, strlen(text));
    free(text);
    /* A token was given or not: for the request that waits for it, nothing was done. */
    if (meaning.outcome == STORE_ETCD_UNKNOWN) {
        meaning.outcome = STORE_ETCD_REFUSED;
    }
    if (meaning.err == ERR_UNSUPPORTED) {
        LOG_W("store: etcd has no authentication: store.user is not used, and everybody who reaches it can write");
        store_etcd_member_set_token(line->members, version, STORE_ETCD_LINE_NO_TOKEN);
        return (struct store_etcd_meaning){.outcome = STORE_ETCD_ANSWERED};
    }
    if (meaning.outcome == STORE_ETCD_ANSWERED) {
        if (line->answer.token == NULL || strlen(line->answer.token) >= STORE_ETCD_MEMBER_TOKEN) {
            return (struct store_etcd_meaning){.outcome = STORE_ETCD_REFUSED, .err = ERR_PROTOCOL, .elsewhere = true};
        }
        store_etcd_member_set_token(line->members, version, line->answer.token);
    }
    return meaning;
}

/* The token for a request; asks for one when there is none. */
static struct store_etcd_meaning store_etcd_line_find_token(struct store_etcd_line *line, size_t member, char *token,
                                                            uint64_t *ret_version)
{
    struct store_etcd_meaning meaning = {.outcome = STORE_ETCD_ANSWERED};
    store_etcd_member_token(line->members, token, ret_version);
    if (token[0] == '\0' && store_etcd_member_config(line->members)->user != NULL) {
        meaning = store_etcd_line_authenticate(line, member, *ret_version);
        store_etcd_member_token(line->members, token, ret_version);
    }
    return meaning;
}

enum err store_etcd_line_token(struct store_etcd_line *line, size_t member, char *token, uint64_t *ret_version)
{
    const struct store_etcd_meaning meaning = store_etcd_line_find_token(line, member, token, ret_version);
    return meaning.outcome == STORE_ETCD_ANSWERED ? ERR_OK : meaning.err;
}

/* -- one request to somebody -- */

/* With the token it takes. */
static struct store_etcd_meaning store_etcd_line_carry(struct store_etcd_line *line, size_t member, const char *path,
                                                       struct span body)
{
    char token[STORE_ETCD_MEMBER_TOKEN];
    uint64_t version = 0;
    struct store_etcd_meaning meaning = store_etcd_line_find_token(line, member, token, &version);
    if (meaning.outcome == STORE_ETCD_ANSWERED) {
        meaning = store_etcd_line_post(line, member, path, token, body);
    }
    explicit_bzero(token, sizeof token);
    const bool has_user = store_etcd_member_config(line->members)->user != NULL;
    if (meaning.token && has_user) {
        store_etcd_member_set_token(line->members, version, NULL);
    } else if (meaning.token) {
        meaning.again = false; /* etcd wants a user, and none is configured */
    }
    return meaning;
}

enum err store_etcd_line_tell(struct store_etcd_line *line, size_t member, const char *path)
{
    const struct store_etcd_meaning meaning =
        store_etcd_line_carry(line, member, path, span_of(line->body.data, line->body.size));
    return meaning.outcome == STORE_ETCD_ANSWERED ? ERR_OK : meaning.err;
}

/* And the conclusions about the member. */
static struct store_etcd_meaning store_etcd_line_send(struct store_etcd_line *line, size_t member, const char *path,
                                                      struct span body)
{
    const struct store_etcd_meaning meaning = store_etcd_line_carry(line, member, path, body);
    if (meaning.elsewhere) {
        store_etcd_member_mark(line->members, member, false, line->why);
    }
    return meaning;
}

static struct store_etcd_meaning store_etcd_line_probe(struct store_etcd_line *line, size_t member)
{
    const struct mono before = clock_mono();
    const struct span body = span_text(store_etcd_member_check_body(line->members));
    const struct store_etcd_meaning meaning = store_etcd_line_send(line, member, STORE_ETCD_LINE_RANGE, body);
    if (meaning.outcome == STORE_ETCD_ANSWERED) {
        store_etcd_member_measure(line->members, member, time_since_us(clock_mono(), before));
        store_etcd_member_mark(line->members, member, true, "");
    }
    return meaning;
}

enum err store_etcd_line_check(struct store_etcd_line *line, size_t member)
{
    const struct store_etcd_meaning meaning = store_etcd_line_probe(line, member);
    return meaning.outcome == STORE_ETCD_ANSWERED ? ERR_OK : meaning.err;
}

/* Members that refuse at once are not asked thousands of times a second. */
static void store_etcd_line_pause(struct store_etcd_line *line)
{
    const int64_t since_ms = time_since_ms(clock_mono(), line->paused);
    if (line->paused.us != 0 && since_ms < STORE_ETCD_LINE_PAUSE_MS) {
        const struct timespec pause = {.tv_nsec = (STORE_ETCD_LINE_PAUSE_MS - since_ms) * 1000000};
        nanosleep(&pause, NULL);
    }
    line->paused = clock_mono();
}

struct store_etcd_meaning store_etcd_line_try(struct store_etcd_line *line, const char *path, bool writes,
                                              struct mono deadline)
{
    const struct store_etcd_meaning late = {.outcome = STORE_ETCD_REFUSED, .err = ERR_UNAVAILABLE, .again = true};
    if (line->body.overflow) {
        return (struct store_etcd_meaning){.outcome = STORE_ETCD_REFUSED, .err = ERR_TOO_LARGE};
    }
    if (time_reached(clock_mono(), deadline)) {
        return late;
    }
    bool up = false;
    const size_t member = store_etcd_member_choose(line->members, &up);
    if (!up) {
        store_etcd_line_pause(line);
        struct store_etcd_meaning probe = {.outcome = STORE_ETCD_ANSWERED};
        if (writes) {
            probe = store_etcd_line_probe(line, member);
        }
        if (probe.outcome != STORE_ETCD_ANSWERED) {
            probe.outcome = STORE_ETCD_REFUSED; /* nothing was asked of it yet */
            return probe;
        }
    }
    const struct store_etcd_meaning meaning =
        store_etcd_line_send(line, member, path, span_of(line->body.data, line->body.size));
    if (!up && meaning.outcome == STORE_ETCD_ANSWERED) {
        store_etcd_member_mark(line->members, member, true, "");
    }
    return meaning;
}

enum err store_etcd_line_ask(struct store_etcd_line *line, const char *path, struct mono deadline)
{
    for (;;) {
        const struct store_etcd_meaning meaning = store_etcd_line_try(line, path, false, deadline);
        if (meaning.outcome == STORE_ETCD_ANSWERED) {
            return ERR_OK;
        }
        if (!meaning.again) {
            return meaning.err;
        }
        if (time_reached(clock_mono(), deadline)) {
            return ERR_UNAVAILABLE;
        }
    }
}
