/* SPDX-License-Identifier: Apache-2.0
 * holdfast serve: the supervisor of a site's roles; holdfast observer: that one role alone.
 *
 * Each role is a process of its own, restarted alone: when the thinking one dies, the answering ones go on from the
 * last view. */
#pragma once

int serve_main(int argc, char **argv);
int serve_observer_main(int argc, char **argv);
