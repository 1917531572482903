/* SPDX-License-Identifier: Apache-2.0
 * C strings in fixed arrays. */
#pragma once

#include <stddef.h>
#include <string.h>

/* Copies what fits, always terminated, the rest zeroed so that equal texts are equal bytes. What does not fit is cut
 * between two characters of UTF-8: half of one would make every JSON text around it unreadable. */
static inline void text_copy(char *ret_text, size_t size, const char *text)
{
    size_t length = 0;
    while (length < size - 1 && text[length] != 0) {
        length++;
    }
    if (text[length] != 0) {
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    memmove(ret_text, text, length);
    memset(ret_text + length, 0, size - length);
}
