/* SPDX-License-Identifier: Apache-2.0
 * The layout of what an application's libholdfast tells the process that serves the view on its host. Constants only:
 * libholdfast writes it, edge/feedback.h reads it (doc/decisions/029).
 *
 * A datagram to the Unix socket beside the view. Numbers are in network order.
 *
 *     0  "HFF" and the version
 *     4  zero
 *     8  entries of 36 bytes, at most FEEDBACK_MESSAGE_ENTRIES:
 *        0  a server's address (16 bytes, IPv4 in the first four), port (2), family (2): as the view has it
 *       20  calls that it answered since the last datagram (4)
 *       24  calls that it could not be reached for, or that broke (4)
 *       28  calls for which it was not what the view says (4)
 *       32  microseconds that an answered one took on average (4)
 */
#pragma once

#define FEEDBACK_MESSAGE_SOCKET "feedback.sock" /* in the state_dir */

enum {
    FEEDBACK_MESSAGE_VERSION = 1,
    FEEDBACK_MESSAGE_HEAD = 8,
    FEEDBACK_MESSAGE_ENTRY = 36,
    FEEDBACK_MESSAGE_ENTRIES = 32,
    FEEDBACK_MESSAGE_BYTES = FEEDBACK_MESSAGE_HEAD + FEEDBACK_MESSAGE_ENTRIES * FEEDBACK_MESSAGE_ENTRY,
};
