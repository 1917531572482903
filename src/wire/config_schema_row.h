/* SPDX-License-Identifier: Apache-2.0
 * How the files of the schema write their rows. Only they include it. */
#pragma once

#include "wire/config_schema.h"

#define MS(n)      ((n)*UINT64_C(1000))
#define SECONDS(n) ((n)*UINT64_C(1000000))
#define MINUTES(n) SECONDS((n)*60)
#define HOURS(n)   SECONDS((n)*3600)
#define DAYS(n)    HOURS((n)*24)

/* A row's key, type, and the member of its owner that takes the value; ROWS for a pointer with its count. */
#define ROW(row_key, row_type, owner, member, ...)                                                                     \
    {                                                                                                                  \
        .key = row_key, .type = CONFIG_SCHEMA_##row_type, .offset = offsetof(struct owner, member), __VA_ARGS__        \
    }
#define ROWS(row_key, row_type, owner, member, ...)                                                                    \
    ROW(row_key, row_type, owner, member, .count_offset = offsetof(struct owner, member##_count), __VA_ARGS__)
#define SECTION(section_name, owner, section_rows, ...)                                                                \
    {                                                                                                                  \
        .name = section_name, .size = sizeof(struct owner), .rows = section_rows, __VA_ARGS__                          \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        .key = NULL                                                                                                    \
    }
