/* SPDX-License-Identifier: Apache-2.0
 * holdfast salvage: brings home what an old writer committed after the cluster went on without it. Started by the
 * agent, and by hand. */
#pragma once

int cli_salvage(int argc, char **argv);
