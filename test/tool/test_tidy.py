# SPDX-License-Identifier: Apache-2.0
"""tool/tidy sees each thing it is there for: a small tree without problems, then one with exactly one."""
import json
import os
import shutil
import subprocess

import pytest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
HEAD = "/* SPDX-License-Identifier: Apache-2.0\n * {}. */\n"


def c(text, purpose="A file of the test"):
    return HEAD.format(purpose) + text


def h(text):
    return c("#pragma once\n\n" + text, "A header of the test")


GOOD = {
    "src/base/word.h": h("int word_count(const char *text);\n"),
    "src/base/word.c": c('#include "base/word.h"\n\nint word_count(const char *text)\n{\n    return text[0];\n}\n'),
    "src/core/rule.h": h("int rule_first(void);\n"),
    "src/core/rule.c": c('#include "core/rule.h"\n\n#include "base/word.h"\n\nint rule_first(void)\n{\n    return word_count("x");\n}\n'),
    "src/core/rule_room.c": c('#include "core/rule.h"\n\nint rule_second(void);\n\nint rule_second(void)\n{\n    return 2;\n}\n'),
    "src/edge/log.h": h("void log_line(void);\n"),
    "src/meson.build": "# SPDX-License-Identifier: Apache-2.0\nfiles('word.c', 'rule.c', 'rule_room.c', 'log.c')\n",
    "tool/script": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\necho good\n",
}


def tidy(directory, files):
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    shutil.copy(os.path.join(TOP, "tool", "tidy"), directory / "tool" / "tidy")
    # The list of exceptions belongs to the real tree.
    text = (directory / "tool" / "tidy").read_text()
    before, rest = text.split("RATCHET = {", 1)
    (directory / "tool" / "tidy").write_text(before + "RATCHET = {" + rest[rest.index("\n}\n"):])
    build = directory / "build"
    for path in files:
        if path.startswith("src/") and path.endswith(".c"):
            folder = build / os.path.dirname(path)
            folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cc", "-w", "-fno-builtin", "-I" + str(directory / "src"), "-c", str(directory / path), "-o",
                            str(folder / (os.path.basename(path) + ".o"))], check=True)
    (build / "compile_commands.json").write_text(json.dumps([]))
    done = subprocess.run(["/usr/bin/python3", str(directory / "tool" / "tidy"), str(build)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_good(tmp_path):
    assert tidy(tmp_path, GOOD) == (0, "tidy: 9 files, 0 problems\n")


LONG = "void rule_long(void);\n\nvoid rule_long(void)\n{\n" + "    rule_long();\n" * 71 + "}\n"
MANY = "void rule_many(int a, int b, int c, int d, int e, int f, int g);\n\nvoid rule_many(int a, int b, int c, int d, int e, int f, int g)\n{\n}\n"
BAD = {
    "upward": ({"src/core/rule_room.c": c('#include "edge/log.h"\n')}, "may not include src/edge/log.h"),
    "sideways": ({"src/dns/log.c": c('#include "web/web.h"\n'), "src/web/web.h": h("")}, "may not include src/web/web.h"),
    "unknown folder": ({"src/new/log.c": c('#include "base/word.h"\n')}, "has no place in the house"),
    "ring": ({"src/core/rule_room.c": c("int rule_first(void);\nint rule_second(void)\n{\n    return rule_first();\n}\n"),
              "src/core/rule.c": c("int rule_second(void);\nint rule_first(void)\n{\n    return rule_second();\n}\n")}, "ring of files"),
    "ring of includes": ({"src/core/rule.h": h('#include "core/log.h"\nint rule_first(void);\n'), "src/core/log.h": h('#include "core/rule.h"\n')},
                         "ring of includes"),
    "clock": ({"src/core/rule_room.c": c("long time(long *);\nlong rule_second(void)\n{\n    return time(0);\n}\n")}, "calls time: the core is pure"),
    "global": ({"src/core/rule_room.c": c("static int count;\nint rule_second(void)\n{\n    return ++count;\n}\n")}, "count is writable"),
    "float": ({"src/core/rule_room.c": c("void rule_second(double x);\n")}, "computes with integers"),
    "name": ({"src/core/rule_room.c": c("int other(void)\n{\n    return 1;\n}\n")}, "other does not begin with rule_room_"),
    "forbidden": ({"src/core/rule_room.c": c("char *strcpy(char *, const char *);\n")}, "strcpy(): use"),
    "long function": ({"src/core/rule_room.c": c(LONG)}, "71 lines, at most 70"),
    "parameters": ({"src/core/rule_room.c": c(MANY)}, "7 parameters, at most 6"),
    "long file": ({"src/core/rule_room.c": c("\n" * 700)}, "702 lines, at most 700"),
    "head": ({"src/core/rule_room.c": "int rule_second(void);\n"}, "no SPDX"),
    "pragma": ({"src/core/rule.h": c("int rule_first(void);\n")}, "no #pragma once"),
    "not alone": ({"src/core/rule.h": h("uint32_t rule_first(void);\n"), "src/core/rule.c": c(""), "src/core/rule_room.c": c("")}, "does not compile alone"),
    "unfinished": ({"src/core/rule_room.c": c("/* TO" "DO */\n")}, "unfinished work"),
    "machine": ({"tool/script": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\ncd /ho" "me/somebody\n"}, "a path of one machine"),
    "script": ({"tool/script": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\nif true\n"}, "tool/script:1:"),
    "not compiled": ({"src/base/lost.c": c("")}, "no meson.build compiles it"),
    "idle metric": ({"src/edge/metric.h": h("#define METRIC_TABLE(X) \\\n    X(USED, \"a\") \\\n    X(IDLE, \"b\")\n"),
                     "src/edge/log.c": c("/* METRIC_IDLE */\nenum { METRIC_USED };\n")}, "metric.h:7: METRIC_IDLE is touched nowhere"),
    "no corpus": ({"fuzz/fuzz_word.c": c(""), "fuzz/meson.build": "# SPDX-License-Identifier: Apache-2.0\nx = {'word': []}\n"}, "no corpus"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(tmp_path, name):
    files, words = BAD[name]
    code, said = tidy(tmp_path, GOOD | files)
    assert code == 1 and words in said, said
