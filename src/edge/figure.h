/* SPDX-License-Identifier: Apache-2.0
 * Figures: what a data plane counts, for the /metrics of controllers.
 *
 * A data plane has no HTTP server and no token. It writes its figures into a small file of the site's state_dir that it
 * has mapped (a sheet), and asks nobody. The observer or controller of the host reads the sheets of living processes
 * now and then and tells them to the controllers (POST /v1/figures), which show them with the site's name
 * (doc/decisions/029). Nothing is decided by them.
 *
 * A sheet is written by one thread. A process that starts puts a new file in the place of the old one. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/limits.h"
#include "edge/figure_table.h"

enum figure {
#define FIGURE_PROXY_ENUM(symbol, name, type, help)          FIGURE_PROXY_##symbol,
#define FIGURE_PROXY_FILE_ENUM(symbol, name, type, help)     FIGURE_PROXY_FILE_##symbol,
#define FIGURE_PROXY_DATABASE_ENUM(symbol, name, type, help) FIGURE_PROXY_DATABASE_##symbol,
#define FIGURE_SERVICE_ENUM(symbol, name, type, help)        FIGURE_SERVICE_##symbol,
    FIGURE_TABLE_PROXY(FIGURE_PROXY_ENUM) FIGURE_TABLE_PROXY_DATABASE(FIGURE_PROXY_DATABASE_ENUM)
        FIGURE_TABLE_SERVICE(FIGURE_SERVICE_ENUM) FIGURE_TABLE_PROXY_FILE(FIGURE_PROXY_FILE_ENUM)
#undef FIGURE_PROXY_FILE_ENUM
#undef FIGURE_SERVICE_ENUM
#undef FIGURE_PROXY_DATABASE_ENUM
#undef FIGURE_PROXY_ENUM
            FIGURE_COUNT
};

enum figure_type { FIGURE_COUNTER, FIGURE_GAUGE, FIGURE_COUNTER_US, FIGURE_GAUGE_US };

enum {
    FIGURE_SHEET = 1024,            /* rows of one sheet; what is beyond is not told */
    FIGURE_SITE = 2 * FIGURE_SHEET, /* rows of one site */
    FIGURE_LABEL = 64,              /* bytes of a label's value, terminator included; longer ones are cut */
    FIGURE_FORMAT = 1,
};

/* The sheets' names inside a state_dir. */
#define FIGURE_PROXY_NAME   "proxy.figures"
#define FIGURE_SERVICE_NAME "service.figures"

struct figure_row {
    uint32_t figure;          /* enum figure */
    char label[FIGURE_LABEL]; /* empty: of the whole process */
    uint64_t value;
};

/* One site's, as a controller has them. */
struct figure_site {
    char site[LIMITS_NAME];
    char region[LIMITS_NAME];
    struct figure_row *rows; /* malloc'ed */
    uint32_t count;
};

/* What is behind "holdfast_", the label's name ("": it has none), the type and the help. */
const char *figure_name(enum figure figure);
const char *figure_label(enum figure figure);
enum figure_type figure_type(enum figure figure);
const char *figure_help(enum figure figure);

/* The figure of that name; FIGURE_COUNT: there is none. */
enum figure figure_find(const char *name);

/* ---- the process that counts ---- */

struct figure_page;

struct figure_sheet {
    struct figure_page *page; /* NULL: it could not be opened, and nothing is told */
    uint32_t count;           /* rows; what the file says is for others */
    uint32_t next;            /* the one that is probably meant next */
};

/* A new file in the place of `path`. Errors: those of open(2) and mmap(2). */
ERR_CHECK enum err figure_open(struct figure_sheet *sheet, const char *path);

/* Cheapest when rows are put in the same order each time. `label` is "" where the figure has none. */
void figure_put(struct figure_sheet *sheet, enum figure figure, const char *label, uint64_t value);

/* From now on nothing is told. */
void figure_close(struct figure_sheet *sheet);

/* ---- who tells them ---- */

/* The rows of all sheets of living processes in this directory, at most FIGURE_SITE. Opens and closes the files. */
uint32_t figure_collect(const char *state_dir, struct figure_row *ret_rows);
