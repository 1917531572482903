/* SPDX-License-Identifier: Apache-2.0
 * Paint, tables, lengths of time. */
#include "bin/cli_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

enum {
    CLI_TEXT_ROWS = 1024,
    CLI_TEXT_CELL = 256,
};

struct cli_text_cell {
    char text[CLI_TEXT_CELL];
    enum cli_text_paint paint;
};

struct cli_text_table {
    const char *titles[CLI_TEXT_COLUMNS];
    uint32_t columns;
    uint32_t rows;
    uint32_t at; /* next cell of the last row */
    uint32_t room;
    struct cli_text_cell *cells;
};

static const char *cli_text_code(enum cli_text_paint paint)
{
    static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[1;31m", "\033[1m", "\033[2m"};
    return codes[paint];
}

static void cli_text_put(struct cli_text *text, enum cli_text_paint paint, const char *content)
{
    const bool painted = text->color && paint != CLI_TEXT_PLAIN && content[0] != 0;
    buf_printf(&text->out, "%s%s%s", painted ? cli_text_code(paint) : "", content, painted ? "\033[0m" : "");
}

void cli_text_print(struct cli_text *text, enum cli_text_paint paint, const char *format, ...)
{
    char content[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(content, sizeof content, format, arguments);
    va_end(arguments);
    cli_text_put(text, paint, content);
}

void cli_text_field(struct cli_text *text, const char *name, const char *format, ...)
{
    char content[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(content, sizeof content, format, arguments);
    va_end(arguments);
    buf_printf(&text->out, "%-8s %s\n", name, content);
}

const char *cli_text_span(int64_t ms, char ret_span[CLI_TEXT_SPAN])
{
    const long long s = (long long)(ms / 1000);
    if (ms < 0) {
        snprintf(ret_span, CLI_TEXT_SPAN, "-");
    } else if (ms < 1000) {
        snprintf(ret_span, CLI_TEXT_SPAN, "%lld ms", (long long)ms);
    } else if (s < 100) {
        snprintf(ret_span, CLI_TEXT_SPAN, "%lld.%lld s", s, (long long)(ms % 1000) / 100);
    } else if (s < 3600) {
        snprintf(ret_span, CLI_TEXT_SPAN, "%lld min", s / 60);
    } else if (s < 86400) {
        snprintf(ret_span, CLI_TEXT_SPAN, "%lld h %lld min", s / 3600, s / 60 % 60);
    } else {
        snprintf(ret_span, CLI_TEXT_SPAN, "%lld d %lld h", s / 86400, s / 3600 % 24);
    }
    return ret_span;
}

const char *cli_text_time(int64_t wall_ms, char ret_time[CLI_TEXT_SPAN])
{
    const time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    if (wall_ms <= 0 || gmtime_r(&seconds, &parts) == NULL) {
        snprintf(ret_time, CLI_TEXT_SPAN, "-");
    } else {
        strftime(ret_time, CLI_TEXT_SPAN, "%Y-%m-%d %H:%M:%S", &parts);
    }
    return ret_time;
}

/* ---- tables ---- */

struct cli_text_table *cli_text_table_new(const char *const *titles)
{
    struct cli_text_table *table = calloc(1, sizeof *table);
    ASSERT(table != NULL);
    while (titles[table->columns] != NULL) {
        ASSERT(table->columns < CLI_TEXT_COLUMNS);
        table->titles[table->columns] = titles[table->columns];
        table->columns++;
    }
    return table;
}

void cli_text_table_row(struct cli_text_table *table)
{
    ASSERT(table->rows == 0 || table->at == table->columns);
    if (table->rows == table->room) {
        table->room = table->room == 0 ? 16 : table->room * 2;
        table->cells = reallocarray(table->cells, (size_t)table->room * table->columns, sizeof *table->cells);
        ASSERT(table->cells != NULL);
    }
    table->rows++;
    table->at = 0;
}

void cli_text_table_cell(struct cli_text_table *table, enum cli_text_paint paint, const char *format, ...)
{
    ASSERT(table->rows > 0 && table->at < table->columns);
    struct cli_text_cell *cell = &table->cells[(table->rows - 1) * table->columns + table->at++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cell->text, sizeof cell->text, format, arguments);
    va_end(arguments);
    cell->paint = paint;
}

/* Characters, not bytes. */
static size_t cli_text_length(const char *text)
{
    size_t length = 0;
    for (; *text != 0; text++) {
        length += ((unsigned char)*text & 0xc0U) != 0x80U;
    }
    return length;
}

static void cli_text_pad(struct cli_text *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_text(&text->out, " ");
    }
}

/* One cell and the gap behind it; the last column ends where its text ends. */
static void cli_text_place(struct cli_text *text, const struct cli_text_table *table, uint32_t column, size_t width,
                           const struct cli_text_cell *cell)
{
    const bool last = column + 1 == table->columns;
    const bool right = table->titles[column][0] == '>';
    const size_t length = cli_text_length(cell->text);
    const size_t gap = width > length ? width - length : 0;
    if (right) {
        cli_text_pad(text, gap);
    }
    cli_text_put(text, cell->paint, cell->text);
    if (!last) {
        cli_text_pad(text, (right ? 0 : gap) + 2);
    }
}

/* Ends a line without blanks at its end. */
static void cli_text_line(struct cli_text *text)
{
    while (text->out.size > 0 && text->out.data[text->out.size - 1] == ' ') {
        text->out.size--;
    }
    buf_text(&text->out, "\n");
}

void cli_text_table_end(struct cli_text_table *table, const char *indent, struct cli_text *text)
{
    size_t widths[CLI_TEXT_COLUMNS] = {0};
    for (uint32_t column = 0; column < table->columns; column++) {
        const char *title = table->titles[column] + (table->titles[column][0] == '>');
        widths[column] = cli_text_length(title);
        for (uint32_t row = 0; row < table->rows; row++) {
            const size_t length = cli_text_length(table->cells[row * table->columns + column].text);
            widths[column] = length > widths[column] ? length : widths[column];
        }
    }
    buf_text(&text->out, indent);
    for (uint32_t column = 0; column < table->columns; column++) {
        struct cli_text_cell cell = {.paint = CLI_TEXT_DIM};
        snprintf(cell.text, sizeof cell.text, "%s", table->titles[column] + (table->titles[column][0] == '>'));
        cli_text_place(text, table, column, widths[column], &cell);
    }
    cli_text_line(text);
    for (uint32_t row = 0; row < table->rows; row++) {
        buf_text(&text->out, indent);
        for (uint32_t column = 0; column < table->columns; column++) {
            cli_text_place(text, table, column, widths[column], &table->cells[row * table->columns + column]);
        }
        cli_text_line(text);
    }
    free(table->cells);
    free(table);
}

/* ---- members ---- */

const char *cli_text_member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value != NULL ? value : "";
}

int64_t cli_text_integer(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : otherwise;
}

double cli_text_real(const json_t *object, const char *name, double otherwise)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

bool cli_text_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

const json_t *cli_text_find(const json_t *array, const char *member, const char *value)
{
    size_t index = 0;
    const json_t *object = NULL;
    json_array_foreach(array, index, object)
    {
        if (strcmp(cli_text_member(object, member), value) == 0) {
            return object;
        }
    }
    return NULL;
}

const json_t *cli_text_named(const json_t *array, const char *name)
{
    return cli_text_find(array, "name", name);
}

/* ---- YAML ---- */

static void cli_text_yaml_at(struct buf *out, const json_t *json, uint32_t depth, bool inside_list);

static void cli_text_yaml_indent(struct buf *out, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) {
        buf_text(out, "  ");
    }
}

/* JSON's way to write a scalar is YAML's as well. */
static void cli_text_yaml_scalar(struct buf *out, const json_t *json)
{
    char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    buf_text(out, text != NULL ? text : "null");
    buf_text(out, "\n");
    free(text);
}

static void cli_text_yaml_object(struct buf *out, const json_t *json, uint32_t depth, bool inside_list)
{
    bool first = inside_list; /* its first key stands behind the dash */
    for (void *at = json_object_iter((json_t *)(uintptr_t)json); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
        if (!first) {
            cli_text_yaml_indent(out, depth);
        }
        first = false;
        buf_printf(out, "%s:", json_object_iter_key(at));
        cli_text_yaml_at(out, json_object_iter_value(at), depth + 1, false);
    }
}

static void cli_text_yaml_at(struct buf *out, const json_t *json, uint32_t depth, bool inside_list)
{
    const bool filled = json_object_size(json) + json_array_size(json) > 0;
    if (!filled) {
        buf_text(out, inside_list || depth == 0 ? "" : " ");
        cli_text_yaml_scalar(out, json);
    } else if (json_is_object(json)) {
        buf_text(out, inside_list || depth == 0 ? "" : "\n");
        cli_text_yaml_object(out, json, depth, inside_list);
    } else {
        size_t index = 0;
        const json_t *element = NULL;
        buf_text(out, depth == 0 ? "" : "\n");
        json_array_foreach(json, index, element)
        {
            cli_text_yaml_indent(out, depth);
            buf_text(out, "- ");
            cli_text_yaml_at(out, element, depth + 1, true);
        }
    }
}

void cli_text_yaml(struct buf *out, const json_t *json)
{
    cli_text_yaml_at(out, json, 0, false);
}
