/* SPDX-License-Identifier: Apache-2.0
 * The manual page holdfast.yaml(5), from the schema table. */
#include "wire/config_manual.h"

#include <string.h>

#include "base/assert.h"
#include "wire/config_key.h"
#include "wire/config_schema.h"

enum {
    CONFIG_MANUAL_PATH = 128, /* bytes of "databases.NAME.durability" */
};

/* Text of the table; scdoc's own marks are escaped. */
static void config_manual_text(struct buf *page, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (strchr("_*\\#<>[]", *c) != NULL) {
            buf_u8(page, '\\');
        }
        buf_u8(page, (uint8_t)*c);
    }
}

static void config_manual_choices(struct buf *page, const struct config_schema_choice *choices)
{
    for (const struct config_schema_choice *choice = choices; choice->name != NULL; choice++) {
        buf_text(page, "\t- *");
        config_manual_text(page, choice->name);
        buf_text(page, "*: ");
        config_manual_text(page, choice->prose);
        buf_text(page, "\n");
    }
}

static void config_manual_expected(struct buf *page, const struct config_schema_row *row)
{
    char memory[600];
    struct buf expected;
    buf_init(&expected, memory, sizeof memory);
    config_key_expected(row, &expected);
    ASSERT(!expected.overflow);
    config_manual_text(page, memory);
}

static void config_manual_row(struct buf *page, const struct config_schema_row *row)
{
    buf_text(page, "*");
    config_manual_text(page, row->key);
    buf_text(page, "* (");
    if (row->type == CONFIG_SCHEMA_ENUM || row->type == CONFIG_SCHEMA_FLAGS) {
        buf_text(page, row->type == CONFIG_SCHEMA_ENUM ? "choice" : "list of choices");
    } else {
        config_manual_expected(page, row);
    }
    if (row->required) {
        buf_text(page, ", required");
    }
    if (row->fallback != NULL) {
        buf_text(page, ", default ");
        config_manual_text(page, row->fallback);
    }
    buf_text(page, ")++\n");
    if (row->kinds != 0) {
        buf_text(page, "Kind ");
        config_key_kinds(row->kinds, page);
        buf_text(page, ". ");
    }
    config_manual_text(page, row->prose);
    buf_text(page, "\n\n");
    if (row->choices != NULL) {
        config_manual_choices(page, row->choices);
        buf_text(page, "\n");
    }
}

/* The section's heading is its path; sections inside follow it. */
static void config_manual_section(struct buf *page, const struct config_schema_section *section, const char *path)
{
    buf_text(page, "# ");
    config_manual_text(page, *path == '\0' ? "TOP LEVEL" : path);
    buf_text(page, "\n\n");
    config_manual_text(page, section->prose);
    buf_text(page, "\n\n");
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (!section->bare) {
            config_manual_row(page, row);
        } else {
            buf_text(page, "Each is ");
            config_manual_expected(page, row);
            buf_text(page, ". ");
            config_manual_text(page, row->prose);
            buf_text(page, "\n\n");
        }
    }
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (row->section != NULL) {
            char memory[CONFIG_MANUAL_PATH];
            struct buf inner;
            buf_init(&inner, memory, sizeof memory);
            const char *name = row->section->key == CONFIG_SCHEMA_REFERENCE ? "REGION" : "NAME";
            buf_printf(&inner, "%s%s%s%s%s", path, *path == '\0' ? "" : ".", row->key,
                       row->type == CONFIG_SCHEMA_MAP ? "." : "", row->type == CONFIG_SCHEMA_MAP ? name : "");
            ASSERT(!inner.overflow);
            config_manual_section(page, row->section, memory);
        }
    }
}

void config_manual(struct buf *ret_text)
{
    buf_text(
        ret_text,
        "holdfast.yaml(5)\n\n"
        "# NAME\n\n"
        "holdfast.yaml - the configuration of Holdfast\n\n"
        "# DESCRIPTION\n\n"
        "One YAML file for every process of every site: */etc/holdfast/holdfast.yaml*, or the file named by the\n"
        "environment variable *HOLDFAST\\_CONFIG*. *holdfast config check* tells everything that is wrong with it, "
        "with\n"
        "line and column; *holdfast config show* prints what holds, defaults included; *holdfast config schema* "
        "prints its\n"
        "JSON Schema for editors.\n\n"
        "Unknown keys are errors. Durations: 500ms, 10s, 5m, 1h, 14d. Percentages: 2%, 0.5%. Sizes: 64kB, 64MB\n"
        "(powers of 1,024). Addresses are literal: they are never looked up. A secret is never written here, only\n"
        "where it is: { file: /path } or { env: NAME }. Anchors, aliases, tags and several documents are refused.\n"
        "Limits: 1 MiB, 8 regions, 16 sites, 64 checks with 256 targets, 4 databases, 32 nodes.\n\n");
    config_manual_section(ret_text, &config_schema_root, "");
    buf_text(ret_text, "# SEE ALSO\n\n*holdfast*(1)\n");
}
