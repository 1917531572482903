/* SPDX-License-Identifier: Apache-2.0
 * A program under another name, for tests of who ends processes by their name. Include it behind cmocka. */
#pragma once

#include <stdio.h>
#include <sys/stat.h>

static inline void program_copy(const char *from, const char *to)
{
    char bytes[65536];
    FILE *in = fopen(from, "rbe");
    FILE *out = fopen(to, "wbe");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, in)) > 0;) {
        assert_int_equal(fwrite(bytes, 1, size, out), size);
    }
    fclose(in);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(to, 0700), 0);
}
