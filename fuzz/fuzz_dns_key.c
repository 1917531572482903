/* SPDX-License-Identifier: Apache-2.0
 * Private keys and state files from arbitrary bytes: what is accepted can be written and read again. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "wire/dns_key.h"
#include "wire/dns_keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_file(struct span text)
{
    static struct dns_keyfile file;
    static struct dns_keyfile again;
    static uint8_t memory[DNS_KEYFILE_BYTES];
    struct buf buf;
    uint32_t line = 0;
    if (dns_keyfile_parse(text, &file, &line) != ERR_OK) {
        return;
    }
    buf_init(&buf, memory, sizeof memory);
    dns_keyfile_write(&file, &buf);
    const enum err err = dns_keyfile_parse(span_of(buf.data, buf.size), &again, &line);
    ASSERT(!buf.overflow && err == ERR_OK && again.count == file.count);
    for (uint32_t i = 0; i < file.count; i++) {
        ASSERT(file.rows[i].tag == again.rows[i].tag && strcmp(file.rows[i].file, again.rows[i].file) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_key key;
    check_file(span_of(data, size));
    if (dns_key_read(span_of(data, size), DNS_KEY_ZONE, &key) == ERR_OK) {
        uint8_t signature[DNS_KEY_SIGNATURE];
        const enum err err = dns_key_sign(&key, span_text("message"), signature);
        ASSERT(err == ERR_OK && key.data_size >= 36 && key.data_size <= DNS_KEY_DATA);
        dns_key_fini(&key);
    }
    return 0;
}
