/* SPDX-License-Identifier: Apache-2.0
 * The reads at the end: without them nothing can be said about what was lost. */
#pragma once

#include "load_work.h"

/* Everything that is stored, read at the writer, when nobody works any more; again until it was answered by a writer.
 * False: not within the configured patience. */
bool load_end_read(struct load_work *work);
