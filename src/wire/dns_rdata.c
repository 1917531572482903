/* SPDX-License-Identifier: Apache-2.0
 * Record data from the words of a master file. */
#include "wire/dns_rdata.h"

#include "base/assert.h"
#include "wire/dns_rdata_check.h"
#include "wire/dns_rdata_code.h"
#include "wire/dns_rdata_field.h"
#include "wire/dns_rdata_loc.h"
#include "wire/dns_rdata_svcb.h"
#include "wire/dns_type.h"

static void dns_rdata_strings(struct dns_rdata_field *field)
{
    do {
        dns_rdata_field_string(field);
    } while (dns_rdata_field_more(field) && field->problem == NULL);
}

static void dns_rdata_simple(struct dns_rdata_field *field, char letter)
{
    switch (letter) {
    case 'd':
        dns_rdata_field_name(field);
        return;
    case '1':
    case '2':
    case '4':
        dns_rdata_field_integer(field, (uint32_t)(letter - '0'));
        return;
    case 't':
        dns_rdata_field_seconds(field);
        return;
    case 'a':
    case 'A':
        dns_rdata_field_address(field, letter == 'A');
        return;
    case 's':
        dns_rdata_field_string(field);
        return;
    case 'S':
        dns_rdata_strings(field);
        return;
    case 'v':
        dns_rdata_field_rest(field);
        return;
    case 'g':
        dns_rdata_field_tag(field);
        return;
    case 'X':
        dns_rdata_field_hex(field);
        return;
    case 'B':
        dns_rdata_field_base64(field);
        return;
    default:
        ASSERT(false);
    }
}

static void dns_rdata_one(struct dns_rdata_field *field, char letter)
{
    switch (letter) {
    case 'C':
        dns_rdata_code_certificate(field);
        return;
    case 'K':
        dns_rdata_code_algorithm(field);
        return;
    case 'T':
        dns_rdata_code_type(field);
        return;
    case 'D':
        dns_rdata_code_date(field);
        return;
    case 'M':
        dns_rdata_code_bitmap(field);
        return;
    case 'H':
        dns_rdata_code_salt(field);
        return;
    case 'e':
        dns_rdata_code_eui(field, 6);
        return;
    case 'E':
        dns_rdata_code_eui(field, 8);
        return;
    case 'L':
        dns_rdata_loc_write(field);
        return;
    case 'P':
        dns_rdata_svcb_write(field);
        return;
    default:
        dns_rdata_simple(field, letter);
        return;
    }
}

/* RFC 3597, 5: "\# LENGTH HEX..." */
static void dns_rdata_generic(struct dns_rdata_field *field, uint16_t type)
{
    uint64_t size = 0;
    const size_t start = field->buf->size;
    field->at++;
    if (dns_word_number(dns_rdata_field_next(field).text, UINT16_MAX, &size) != ERR_OK) {
        dns_rdata_field_fail(field, "not a length after \\#; expected 0 to 65535");
    }
    if (dns_rdata_field_more(field)) {
        dns_rdata_field_hex(field);
    }
    if (field->buf->overflow) {
        return;
    }
    if (field->buf->size - start != size) {
        dns_rdata_field_fail(field, "the length after \\# does not fit the data; expected two digits for each byte");
    }
    if (!dns_rdata_check(type, span_of(field->buf->data + start, field->buf->size - start))) {
        dns_rdata_field_fail(field, "these bytes are not data of this type");
    }
}

/* By the words of the type's form. */
static void dns_rdata_formed(struct dns_rdata_field *field, uint16_t type, const char *form)
{
    const size_t start = field->buf->size;
    for (size_t i = 0; form[i] != 0 && field->problem == NULL; i++) {
        dns_rdata_one(field, form[i]);
    }
    if (field->problem == NULL && !field->buf->overflow &&
        !dns_rdata_check_digest(type, span_of(field->buf->data + start, field->buf->size - start))) {
        dns_rdata_field_fail(field, "the digest has not the length of its kind; expected 40 digits for SHA-1, 64 for "
                                    "SHA-256, 96 for SHA-384, 128 for SHA-512");
    }
}

enum err dns_rdata_parse(uint16_t type, const struct dns_word *words, size_t words_count, const struct dns_name *origin,
                         struct buf *buf, struct dns_rdata_problem *ret_problem)
{
    struct dns_rdata_field field = {.words = words, .count = words_count, .origin = origin, .buf = buf};
    const char *form = dns_type_form(type);
    if (words_count > 0 && !words[0].quoted && span_is(words[0].text, "\\#")) {
        dns_rdata_generic(&field, type);
    } else if (form == NULL || form[0] == 0) {
        dns_rdata_field_fail(&field, form == NULL ? "type is not known; expected the generic form \\# LENGTH HEX"
                                                  : "this type stands in no zone");
    } else {
        dns_rdata_formed(&field, type, form);
    }
    if (field.problem == NULL && field.at < field.count) {
        field.at++;
        dns_rdata_field_fail(&field, "more words than the type has; a text with blanks wants quotes");
    }
    if (field.problem == NULL && buf->overflow) {
        dns_rdata_field_fail(&field, "record data is too large");
    }
    if (field.problem != NULL) {
        *ret_problem = (struct dns_rdata_problem){field.problem, field.wrong};
        return ERR_INVALID;
    }
    return ERR_OK;
}
