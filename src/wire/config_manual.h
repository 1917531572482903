/* SPDX-License-Identifier: Apache-2.0
 * The manual page holdfast.yaml(5) in scdoc's language, from the schema table. */
#pragma once

#include "base/buf.h"

enum {
    CONFIG_MANUAL_BYTES = 128 * 1024, /* bytes that hold it */
};

void config_manual(struct buf *ret_text);
