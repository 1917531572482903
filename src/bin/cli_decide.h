/* SPDX-License-Identifier: Apache-2.0
 * holdfast decide: what-if questions from standard input, answers on standard output (doc/decide.md). */
#pragma once

int cli_decide(int argc, char **argv);
