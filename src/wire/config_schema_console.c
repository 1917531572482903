/* SPDX-License-Identifier: Apache-2.0
 * The schema: the SQL proxy's console. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

static const struct config_schema_row config_schema_console_users_rows[] = {
    ROW("password", SECRET, config_proxy_operator, password, .required = true,
        .prose = "Asked for by SCRAM-SHA-256; it has nothing to do with the databases' roles."),
    END};
static const struct config_schema_section config_schema_console_users =
    SECTION("proxy_operator", config_proxy_operator, config_schema_console_users_rows, .key = CONFIG_SCHEMA_WORD,
            .prose = "Somebody who may use the proxies' admin console.");

static const struct config_schema_row config_schema_console_rows[] = {
    ROW("database", WORD, config_proxy_console, database, .fallback = "holdfast",
        .prose = "The database name of the start-up packet that leads to it."),
    ROWS("users", MAP, config_proxy_console, users, .max = 16, .section = &config_schema_console_users,
         .prose = "Who may use it; nobody: there is no console."),
    END};
const struct config_schema_section config_schema_console =
    SECTION("proxy_console", config_proxy_console, config_schema_console_rows,
            .prose = "The admin console: a database of the proxy's own, for psql. SHOW HELP names its commands.");
