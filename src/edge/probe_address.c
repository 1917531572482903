/* SPDX-License-Identifier: Apache-2.0
 * Literal addresses of probes: edge/address.h, and unix sockets. */
#include "edge/probe_address.h"

#include <string.h>
#include <sys/un.h>

#include "edge/address.h"

static enum err probe_address_unix(const char *text, struct probe_address *ret_address)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    const size_t size = strlen(text);
    if (size >= sizeof local.sun_path) {
        return ERR_INVALID;
    }
    struct probe_address address = {.local = true, .size = sizeof local};
    memcpy(local.sun_path, text, size);
    memcpy(&address.storage, &local, sizeof local);
    *ret_address = address;
    return ERR_OK;
}

enum err probe_address_parse(const char *text, struct probe_address *ret_address)
{
    if (text[0] == '/') {
        return probe_address_unix(text, ret_address);
    }
    struct address inner;
    const enum err err = address_parse(text, &inner);
    if (err != ERR_OK || address_port(&inner) == 0) {
        return ERR_INVALID;
    }
    *ret_address = (struct probe_address){.storage = inner.storage, .size = inner.size};
    return ERR_OK;
}
