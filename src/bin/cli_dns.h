/* SPDX-License-Identifier: Apache-2.0
 * holdfast dns: explain, serve. */
#pragma once

int cli_dns(int argc, char **argv);
