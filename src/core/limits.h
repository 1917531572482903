/* SPDX-License-Identifier: Apache-2.0
 * What the core holds at most. The configuration is refused beyond these; nothing grows at run time. */
#pragma once

enum {
    LIMITS_NAME = 32,      /* bytes of a name, terminator included */
    LIMITS_REGIONS = 8,    /* regions */
    LIMITS_SITES = 16,     /* sites: observers and votes */
    LIMITS_CHECKS = 64,    /* named checks */
    LIMITS_PROBES = 256,   /* check x region */
    LIMITS_DATABASES = 4,  /* PostgreSQL clusters */
    LIMITS_NODES = 32,     /* PostgreSQL nodes over all clusters */
    LIMITS_ENDPOINTS = 64, /* addresses that DNS answers */
    LIMITS_NETWORKS = 64,  /* client networks with a home region */
    LIMITS_READERS = 64,   /* processes that read the view */
    LIMITS_SERVICES = 16,  /* TCP services */
    LIMITS_TARGETS = 64,   /* servers over all services */
};

/* "none" for every index into one of these tables. */
#define LIMITS_NONE UINT32_MAX
