# SPDX-License-Identifier: Apache-2.0
"""What the client of bench/ha saw: its journal, and the figures that come from it."""


class Journal:
    def __init__(self, path):
        self.path, self.offset, self.rest = path, 0, ""
        self.acknowledged = []  # (when, number, server)
        self.errors = []        # when
        self.attempts = 0

    def read(self):
        """Takes in what is new."""
        with open(self.path, encoding="ascii") as file:
            file.seek(self.offset)
            text = self.rest + file.read()
            self.offset = file.tell()
        lines = text.split("\n")
        self.rest = lines.pop()
        for line in lines:
            kind, number, _, end, outcome, _, server = line.split()
            if kind == "row" and outcome == "ok":
                self.acknowledged.append((int(end), int(number), server))
            elif kind == "row":
                self.errors.append(int(end))
            else:
                self.attempts += 1
        return self

    def flows(self, now_us, rate):
        """`rate` acknowledgements in the last second, the latest of them fresh."""
        recent = [end for end, _, _ in self.acknowledged[-rate:] if end > now_us - 1000000]
        return len(recent) >= rate and recent[-1] > now_us - 200000

    def longest(self, begin_us, end_us):
        """The longest silence between two acknowledgements that lies, in part, in this time: (length, its end). The end is
        None when nothing came after it."""
        longest, before = (0, None), begin_us
        for end, _, _ in self.acknowledged:
            if end >= begin_us:
                if before < end_us and end - before > longest[0]:
                    longest = (end - before, end)
                if end >= end_us:
                    return longest
            before = end
        return max(longest, (end_us - before, None), key=lambda entry: entry[0])
