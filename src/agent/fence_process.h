/* SPDX-License-Identifier: Apache-2.0
 * The fence process: a small process of its own that kills every PostgreSQL process of this node when it must.
 *
 * It kills when `fence_at` passes, when the agent's end of the pipe closes (the agent died) while `fence_at` is armed,
 * when the agent's beat is older than a lease allows (the agent is frozen), or on request. While `fence_at` lies in the
 * past nothing of the node may live: what shows up later is killed as well. Disarmed (FENCE_PROCESS_NEVER) it leaves
 * PostgreSQL alone: a standby acknowledges nothing and outlives its agent.
 *
 * How processes are found: backends call setsid(), outlive a killed postmaster, go on acknowledging, and overwrite
 * their environment with their title. So neither process groups, parents nor a mark in the environment find them all.
 * What every one has is the data directory as its working directory and `postgres` as its program; the postmaster,
 * before it has changed its directory, has the mark in its environment. Only the postmaster forks: once it is gone, two
 * scans in a row that find nothing prove that nothing remains.
 *
 * It survives SIGKILL and SIGSTOP of the agent. When the fence process itself is stopped together with PostgreSQL (the
 * whole machine paused), the first thing it does after it wakes is to read the clock; PostgreSQL, woken in the same
 * instant, may acknowledge for the microseconds until it is killed: that is what the proxy's epoch check is for.
 *
 * Runs after fork() of a process with threads: only system calls, no allocation, no locks, no log. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/time.h"

#define FENCE_PROCESS_NEVER INT64_MAX

/* What is marked at exec: "HOLDFAST_NODE=<data directory>". */
#define FENCE_PROCESS_MARK "HOLDFAST_NODE"

enum fence_process_reason {
    FENCE_PROCESS_NOTHING,
    FENCE_PROCESS_DEADLINE, /* the right was about to end */
    FENCE_PROCESS_BEAT,     /* the agent is frozen */
    FENCE_PROCESS_ORPHAN,   /* the agent died */
    FENCE_PROCESS_REQUEST,  /* the agent asked */
};

/* Shared between agent and fence process, one page. */
struct fence_process_page {
    _Atomic int64_t fence_at_us; /* CLOCK_BOOTTIME; FENCE_PROCESS_NEVER: disarmed */
    _Atomic int64_t beat_us;     /* written by the agent each 50 ms */
    int64_t beat_limit_us;
    _Atomic uint64_t data_device; /* of the data directory, set before PostgreSQL starts */
    _Atomic uint64_t data_inode;
    _Atomic uint32_t request;  /* the agent adds one and kicks the pipe */
    _Atomic uint32_t answered; /* the last request after which none remains */
    _Atomic uint32_t fired;    /* kills that found something */
    _Atomic uint32_t reason;   /* of the last, enum fence_process_reason */
    _Atomic int64_t proven_us; /* when none remained, last time */
    /* The child set this before it looked whether it must kill, and goes on until it is cleared: who opens the fence
     * waits for that, or what starts now would be killed on a judgement of before. */
    _Atomic uint32_t acting;
    char mark[1024]; /* "HOLDFAST_NODE=...", complete */
};

/* The child's life; never returns. `pipe_fd` is the reading end. */
__attribute__((noreturn)) void fence_process_main(struct fence_process_page *page, int pipe_fd);

/* Kills until none remains or `deadline`; the number that remain (0: proof). For the child, and for an agent that
 * cannot have one. */
uint32_t fence_process_kill(struct fence_process_page *page, struct mono deadline);

/* How many PostgreSQL processes of the node live now. */
uint32_t fence_process_count(struct fence_process_page *page);
