/* SPDX-License-Identifier: Apache-2.0
 * holdfast ledger: what became of the commits that a failover left behind. */
#pragma once

int cli_ledger(int argc, char **argv);
