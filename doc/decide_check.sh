#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# doc/decide.md shows what the program really prints: its rules, and the answer to its example.
# usage: decide_check.sh HOLDFAST DECIDE.MD
set -eu
holdfast=$1
page=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$holdfast" decide --rules | sed 's/^\(.\)/    \1/' >"$work/rules"
sed '1,/^The output of/d' "$page" | sed 1d >"$work/page"
diff -u "$work/page" "$work/rules"
grep '^    {"id"' "$page" | sed 's/^    //' >"$work/lines"
sed -n 1p "$work/lines" | "$holdfast" decide >"$work/answer"
sed -n 2p "$work/lines" | diff -u - "$work/answer"
