/* SPDX-License-Identifier: Apache-2.0
 * The number of the language between agents and controllers (doc/protocol.md, REPORT). It changes when one release
 * would misunderstand what another one reports or answers; what is only added does not change it. A controller takes no
 * report of another number: such an agent counts as silent, is promoted by nobody, and a writer keeps its lease. */
#pragma once

enum { AGENT_PROTOCOL = 1 };
