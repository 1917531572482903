/* SPDX-License-Identifier: Apache-2.0
 * The verbs of the one binary: a row each, and the exit codes they share (documented in holdfast(1), stable). */
#pragma once

enum verb_exit {
    VERB_OK = 0,
    VERB_FAILED = 1,
    VERB_USAGE = 2,
    VERB_REFUSED = 3,     /* by a safety rule */
    VERB_PRECHECK = 4,    /* a pre-check failed */
    VERB_UNREACHABLE = 5, /* no quorum, or no controller reachable */
    VERB_TIMEOUT = 6,     /* timed out, still running */
    VERB_ABORTED = 7,     /* aborted and compensated */
    VERB_CONFIG = 8,      /* invalid or drifted configuration */
    VERB_DEGRADED = 10,   /* status: degraded */
};

struct verb {
    const char *name;
    const char *summary;
    /* argv[0] is the verb. Returns an enum verb_exit. */
    int (*run)(int argc, char **argv);
};

/* Ends with a row whose name is NULL. */
extern const struct verb verb_table[];

int verb_version(int argc, char **argv);
