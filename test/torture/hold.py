#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds one fault, and ends it: after SECONDS, when standard input ends (whoever asked for it is gone), or on SIGTERM.

usage: hold.py SECONDS stop PID...      SIGSTOP, then SIGCONT
       hold.py SECONDS fill DIRECTORY   every byte of its file system, then none
       hold.py SECONDS lock FILE        an SQLite store that nobody else may write

Says "held" when the fault is there and "ended" when it is not any more. A process that ended meanwhile is left alone: what is held
is the process, not its number.
"""
import os
import select
import signal
import sqlite3
import sys


def hold_stop(words):
    held = []
    for word in words:
        try:
            held.append(os.pidfd_open(int(word)))
        except ProcessLookupError:
            continue

    def send(number):
        for pidfd in held:
            try:
                signal.pidfd_send_signal(pidfd, number)
            except ProcessLookupError:
                pass
    send(signal.SIGSTOP)
    return lambda: send(signal.SIGCONT)


def hold_fill(words):
    path = os.path.join(words[0], "torture.fill")
    with open(path, "wb", buffering=0) as file:
        size = 1 << 20
        while size >= 512:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2
    return lambda: os.unlink(path)


def hold_lock(words):
    store = sqlite3.connect(words[0], timeout=5, isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    return store.close


def main():
    seconds, kind, words = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    end = {"stop": hold_stop, "fill": hold_fill, "lock": hold_lock}[kind](words)
    try:
        print("held", flush=True)
        select.select([sys.stdin, reader], [], [], seconds)
    finally:
        end()
    print("ended", flush=True)


main()
