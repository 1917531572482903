/* SPDX-License-Identifier: Apache-2.0
 * The process's log: one line per event on standard error, "2026-11-22T05:41:17.123Z LEVEL role: message key=value
 * ...".
 *
 * For people and log collectors; what explains a decision is a trace (core/trace.h) and goes to the journal as well.
 * Never pass secrets. Thread-safe; a line is one write(2). Lines longer than 2 kB are cut. */
#pragma once

#include <stdarg.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

/* Once, before threads exist. `role` is copied: "control", "agent taiwan-a", ... Lines above `level` are dropped. */
void log_init(const char *role, enum log_level level);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define LOG_E(...) log_write(LOG_ERROR, __VA_ARGS__)
#define LOG_W(...) log_write(LOG_WARNING, __VA_ARGS__)
#define LOG_N(...) log_write(LOG_NOTICE, __VA_ARGS__)
#define LOG_I(...) log_write(LOG_INFO, __VA_ARGS__)
#define LOG_D(...) log_write(LOG_DEBUG, __VA_ARGS__)
