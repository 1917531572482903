/* SPDX-License-Identifier: Apache-2.0
 * Parsing requests, printing answers. */
#include "breaker_lines.h"

#include <errno.h>
#include <holdfast.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BREAKER_LINES_WORDS = 32,
    BREAKER_LINES_REQUEST = 1024,
    BREAKER_LINES_EVENTS = 1 << 20,
    BREAKER_LINES_ANSWER = BREAKER_LINES_EVENTS + 512,
};

/* A whole second, so that `start_ms` is the phase inside it. */
#define BREAKER_LINES_START_US INT64_C(1000000000000)
#define BREAKER_LINES_MAX      9e15

struct breaker_lines {
    struct holdfast_breaker *breaker;
    int64_t now_us;
    char events[BREAKER_LINES_EVENTS];
    size_t events_size;
    char answer[BREAKER_LINES_ANSWER];
};

static int64_t breaker_lines_clock(void *context)
{
    return ((struct breaker_lines *)context)->now_us;
}

static void breaker_lines_event(void *context, const struct holdfast_breaker_event *event)
{
    struct breaker_lines *lines = (struct breaker_lines *)context;
    char text[80];
    int size = snprintf(text, sizeof text, "%s%s", lines->events_size > 0 ? "," : "",
                        holdfast_breaker_event_name(event->kind));
    if (event->kind == HOLDFAST_EVENT_STATE_TRANSITION) {
        size += snprintf(text + size, sizeof text - (size_t)size, ":%s>%s", holdfast_breaker_state_name(event->from),
                         holdfast_breaker_state_name(event->to));
    }
    if (lines->events_size + (size_t)size < sizeof lines->events) {
        memcpy(lines->events + lines->events_size, text, (size_t)size + 1);
        lines->events_size += (size_t)size;
    }
}

struct breaker_lines *breaker_lines_new(void)
{
    return (struct breaker_lines *)calloc(1, sizeof(struct breaker_lines));
}

void breaker_lines_free(struct breaker_lines *lines)
{
    holdfast_breaker_free(lines->breaker);
    free(lines);
}

/* A decimal number times `scale`, rounded. */
static bool breaker_lines_number(const char *text, double scale, int64_t *ret_value)
{
    char *end;
    if (text == NULL || *text == '\0' || strspn(text, "+-.0123456789eE") != strlen(text)) {
        return false;
    }
    errno = 0;
    const double value = strtod(text, &end) * scale;
    if (*end != '\0' || errno != 0 || !(fabs(value) < BREAKER_LINES_MAX)) {
        return false;
    }
    *ret_value = llround(value);
    return true;
}

static bool breaker_lines_integer(const char *text, int64_t *ret_value)
{
    char *end;
    if (text == NULL || *text == '\0' || strspn(text, "+-0123456789") != strlen(text)) {
        return false;
    }
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (*end != '\0' || errno != 0) {
        return false;
    }
    *ret_value = value;
    return true;
}

/* Percent to ppm. What rounding would move across a limit stays on its side. */
static bool breaker_lines_percent(const char *text, int64_t *ret_ppm)
{
    int64_t ppm;
    if (!breaker_lines_number(text, 10000.0, &ppm)) {
        return false;
    }
    const double percent = strtod(text, NULL);
    if (percent > 0.0 && ppm == 0) {
        ppm = 1;
    }
    *ret_ppm = percent > 100.0 && ppm <= 1000000 ? 1000001 : ppm;
    return true;
}

static bool breaker_lines_state(const char *text, enum holdfast_breaker_state *ret_state)
{
    for (int i = HOLDFAST_BREAKER_CLOSED; i <= HOLDFAST_BREAKER_METRICS_ONLY; i++) {
        if (strcmp(text, holdfast_breaker_state_name((enum holdfast_breaker_state)i)) == 0) {
            *ret_state = (enum holdfast_breaker_state)i;
            return true;
        }
    }
    return false;
}

/* initial_ms:multiplier:max_ms */
static bool breaker_lines_growing(char *text, struct holdfast_breaker_config *config)
{
    char *multiplier = strchr(text, ':');
    char *max = multiplier != NULL ? strchr(multiplier + 1, ':') : NULL;
    if (max == NULL) {
        return false;
    }
    *multiplier = '\0';
    *max = '\0';
    return breaker_lines_integer(text, &config->wait_initial_ms) && config->wait_initial_ms != HOLDFAST_NOT_GIVEN &&
           breaker_lines_number(multiplier + 1, 1e6, &config->wait_multiplier_ppm) &&
           breaker_lines_integer(max + 1, &config->wait_max_ms);
}

static bool breaker_lines_window(const char *text, struct holdfast_breaker_config *config)
{
    const bool seconds = strcmp(text, "TIME") == 0;
    config->window_type = seconds ? HOLDFAST_BREAKER_TIME : HOLDFAST_BREAKER_COUNT;
    return seconds || strcmp(text, "COUNT") == 0;
}

static bool breaker_lines_flag(const char *text, int *ret_flag)
{
    *ret_flag = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
    return *ret_flag == 1 || strcmp(text, "0") == 0 || strcmp(text, "false") == 0;
}

static bool breaker_lines_wait(const char *text, int64_t *ret_ms)
{
    return breaker_lines_integer(text, ret_ms) && *ret_ms != HOLDFAST_NOT_GIVEN;
}

static bool breaker_lines_integers(const char *key, const char *value, struct holdfast_breaker_config *config,
                                   bool *ret_known)
{
    const struct {
        const char *key;
        int64_t *field;
    } fields[] = {
        {"window_size", &config->window_size},
        {"minimum_calls", &config->minimum_calls},
        {"permitted_half_open", &config->permitted_half_open},
        {"max_wait_half_open_ms", &config->max_wait_half_open_ms},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(key, fields[i].key) == 0) {
            *ret_known = true;
            return breaker_lines_integer(value, fields[i].field);
        }
    }
    *ret_known = false;
    return false;
}

static bool breaker_lines_key(const char *key, char *value, struct holdfast_breaker_config *config,
                              int64_t *ret_start_ms)
{
    bool known;
    const bool set = breaker_lines_integers(key, value, config, &known);
    if (known) {
        return set;
    }
    if (strcmp(key, "failure_rate_threshold") == 0) {
        return breaker_lines_percent(value, &config->failure_rate_threshold_ppm);
    }
    if (strcmp(key, "slow_call_rate_threshold") == 0) {
        return breaker_lines_percent(value, &config->slow_call_rate_threshold_ppm);
    }
    if (strcmp(key, "slow_call_duration_us") == 0) {
        return breaker_lines_number(value, 1000.0, &config->slow_call_duration_ns);
    }
    if (strcmp(key, "window_type") == 0) {
        return breaker_lines_window(value, config);
    }
    if (strcmp(key, "wait_open_ms") == 0) {
        return breaker_lines_wait(value, &config->wait_open_ms);
    }
    if (strcmp(key, "wait_open_exp") == 0) {
        return breaker_lines_growing(value, config);
    }
    if (strcmp(key, "automatic") == 0) {
        return breaker_lines_flag(value, &config->automatic);
    }
    if (strcmp(key, "after_half_open_wait") == 0) {
        return breaker_lines_state(value, &config->after_half_open_wait);
    }
    if (strcmp(key, "initial_state") == 0) {
        return breaker_lines_state(value, &config->initial_state);
    }
    if (strcmp(key, "start_ms") == 0) {
        return breaker_lines_integer(value, ret_start_ms) && *ret_start_ms >= 0 && *ret_start_ms < 1000000;
    }
    return strcmp(key, "preset") == 0 && strcmp(value, "regional") == 0;
}

static bool breaker_lines_config(char **words, size_t count, struct holdfast_breaker_config *config,
                                 int64_t *ret_start_ms)
{
    holdfast_breaker_config_default(config);
    bool waits = false;
    for (size_t i = 1; i < count; i++) {
        waits = waits || strncmp(words[i], "wait_open_", 10) == 0;
    }
    for (size_t i = 1; i < count; i++) {
        if (strcmp(words[i], "preset=regional") == 0) {
            holdfast_breaker_config_regional(config);
            config->wait_open_ms = waits ? HOLDFAST_NOT_GIVEN : config->wait_open_ms;
        }
    }
    for (size_t i = 1; i < count; i++) {
        char *value = strchr(words[i], '=');
        if (value == NULL) {
            return false;
        }
        *value = '\0';
        if (!breaker_lines_key(words[i], value + 1, config, ret_start_ms)) {
            return false;
        }
    }
    return true;
}

static bool breaker_lines_make(struct breaker_lines *lines, char **words, size_t count)
{
    struct holdfast_breaker_config config;
    int64_t start_ms = 0;
    holdfast_breaker_free(lines->breaker);
    lines->breaker = NULL;
    if (!breaker_lines_config(words, count, &config, &start_ms)) {
        return false;
    }
    lines->now_us = BREAKER_LINES_START_US + start_ms * 1000;
    config.clock_us = breaker_lines_clock;
    config.clock_context = lines;
    config.publish = breaker_lines_event;
    config.publish_context = lines;
    return holdfast_breaker_new(&config, &lines->breaker) == HOLDFAST_OK;
}

static const char *breaker_lines_outcome(struct breaker_lines *lines, const char *verb, const char *duration,
                                         bool *ret_known)
{
    static const struct {
        const char *verb;
        enum holdfast_breaker_outcome outcome;
    } verbs[] = {
        {"success", HOLDFAST_SUCCESS},
        {"error", HOLDFAST_ERROR},
        {"ignored", HOLDFAST_IGNORED_ERROR},
        {"unrecorded", HOLDFAST_UNRECORDED_ERROR},
        {"result_failed", HOLDFAST_FAILED_RESULT},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].verb) == 0) {
            int64_t duration_ns = 0;
            *ret_known = true;
            if (duration != NULL && !breaker_lines_number(duration, 1000.0, &duration_ns)) {
                return "INVALID_REQUEST";
            }
            holdfast_breaker_record(lines->breaker, verbs[i].outcome, duration_ns);
            return NULL;
        }
    }
    *ret_known = false;
    return NULL;
}

static const char *breaker_lines_moved(enum holdfast_error error)
{
    if (error == HOLDFAST_ILLEGAL_TRANSITION) {
        return "ILLEGAL_TRANSITION";
    }
    return error == HOLDFAST_OK ? NULL : "INVALID_REQUEST";
}

static const char *breaker_lines_move(struct breaker_lines *lines, const char *verb, const char *argument)
{
    static const struct {
        const char *verb;
        enum holdfast_breaker_state state;
    } verbs[] = {
        {"to_open", HOLDFAST_BREAKER_OPEN},
        {"to_closed", HOLDFAST_BREAKER_CLOSED},
        {"to_half_open", HOLDFAST_BREAKER_HALF_OPEN},
        {"to_disabled", HOLDFAST_BREAKER_DISABLED},
        {"to_metrics_only", HOLDFAST_BREAKER_METRICS_ONLY},
        {"to_forced_open", HOLDFAST_BREAKER_FORCED_OPEN},
    };
    int64_t open_for_ms;
    if (strcmp(verb, "to_open_for") == 0 && breaker_lines_integer(argument, &open_for_ms)) {
        return breaker_lines_moved(holdfast_breaker_open_for(lines->breaker, open_for_ms));
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i].verb) == 0) {
            return breaker_lines_moved(holdfast_breaker_move(lines->breaker, verbs[i].state));
        }
    }
    return "INVALID_REQUEST";
}

static const char *breaker_lines_trip(struct breaker_lines *lines, const char *duration, const char *open_for)
{
    int64_t duration_ns;
    int64_t open_for_ms;
    if (!breaker_lines_number(duration, 1000.0, &duration_ns) || !breaker_lines_integer(open_for, &open_for_ms)) {
        return "INVALID_REQUEST";
    }
    return breaker_lines_moved(holdfast_breaker_error_open_for(lines->breaker, duration_ns, open_for_ms));
}

static const char *breaker_lines_advance(struct breaker_lines *lines, const char *argument)
{
    int64_t us;
    if (!breaker_lines_number(argument, 1000.0, &us) || us < 0 || us > INT64_MAX / 2 - lines->now_us) {
        return "INVALID_REQUEST";
    }
    lines->now_us += us;
    holdfast_breaker_advance(lines->breaker);
    return NULL;
}

/* Does the operation. Returns the word after error=, or NULL. */
static const char *breaker_lines_operate(struct breaker_lines *lines, char **words, int *ret_permit)
{
    bool known;
    const char *error = breaker_lines_outcome(lines, words[0], words[1], &known);
    if (known) {
        return error;
    }
    if (strcmp(words[0], "acquire") == 0) {
        *ret_permit = holdfast_breaker_acquire(lines->breaker);
    } else if (strcmp(words[0], "error_trip") == 0) {
        error = breaker_lines_trip(lines, words[1], words[1] != NULL ? words[2] : NULL);
    } else if (strcmp(words[0], "release") == 0) {
        holdfast_breaker_release(lines->breaker);
    } else if (strcmp(words[0], "reset") == 0) {
        holdfast_breaker_reset(lines->breaker);
    } else if (strcmp(words[0], "advance") == 0) {
        error = breaker_lines_advance(lines, words[1]);
    } else {
        error = breaker_lines_move(lines, words[0], words[1]);
    }
    return error;
}

/* "50", "33.333333", or "-1" below the minimum. */
static void breaker_lines_rate(char text[32], int64_t ppm, int64_t part, int64_t buffered)
{
    if (ppm < 0) {
        snprintf(text, 32, "-1");
        return;
    }
    snprintf(text, 32, "%.6f", (double)part * 100.0 / (double)buffered);
    char *end = text + strlen(text) - 1;
    while (*end == '0') {
        *end-- = '\0';
    }
    if (*end == '.') {
        *end = '\0';
    }
}

static void breaker_lines_print(struct breaker_lines *lines, int permit, const char *error)
{
    struct holdfast_breaker_metrics metrics;
    char failure_rate[32];
    char slow_rate[32];
    holdfast_breaker_read(lines->breaker, &metrics);
    breaker_lines_rate(failure_rate, metrics.failure_rate_ppm, metrics.failed, metrics.buffered);
    breaker_lines_rate(slow_rate, metrics.slow_rate_ppm, metrics.slow, metrics.buffered);
    const char *permits[] = {"permit=0 ", "permit=1 "};
    snprintf(lines->answer, sizeof lines->answer,
             "%sstate=%s failure_rate=%s slow_rate=%s buffered=%lld failed=%lld slow=%lld slow_failed=%lld "
             "not_permitted=%lld events=%s%s%s",
             permit < 0 ? "" : permits[permit], holdfast_breaker_state_name(metrics.state), failure_rate, slow_rate,
             (long long)metrics.buffered, (long long)metrics.failed, (long long)metrics.slow,
             (long long)metrics.slow_failed, (long long)metrics.not_permitted, lines->events,
             error != NULL ? " error=" : "", error != NULL ? error : "");
    lines->events[0] = '\0';
    lines->events_size = 0;
}

const char *breaker_lines_answer(struct breaker_lines *lines, const char *request)
{
    char copy[BREAKER_LINES_REQUEST];
    char *words[BREAKER_LINES_WORDS + 1] = {NULL};
    char *rest = NULL;
    size_t count = 0;
    int permit = -1;
    const char *error = NULL;
    snprintf(copy, sizeof copy, "%s", request);
    for (char *word = strtok_r(copy, " \t\r", &rest); word != NULL && count < BREAKER_LINES_WORDS;
         word = strtok_r(NULL, " \t\r", &rest)) {
        words[count++] = word;
    }
    if (count > 0 && strcmp(words[0], "new") == 0) {
        if (!breaker_lines_make(lines, words, count)) {
            snprintf(lines->answer, sizeof lines->answer, "state=NONE error=INVALID_CONFIG");
            return lines->answer;
        }
    } else if (lines->breaker == NULL) {
        snprintf(lines->answer, sizeof lines->answer, "state=NONE error=NO_BREAKER");
        return lines->answer;
    } else {
        error = count == 0 ? "INVALID_REQUEST" : breaker_lines_operate(lines, words, &permit);
    }
    breaker_lines_print(lines, permit, error);
    return lines->answer;
}
