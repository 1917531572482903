/* SPDX-License-Identifier: Apache-2.0
 * holdfast latency: how far client networks are from the regions, as the proxies have measured it. */
#pragma once

int cli_latency(int argc, char **argv);
