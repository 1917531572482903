# SPDX-License-Identifier: Apache-2.0
"""Tables of bench/ha."""
import json
import os
import statistics
import subprocess

from ha_fault import FAULTS
from ha_system import debian


def time_text(us):
    return "%d ms" % round(us / 1000) if us < 10000000 else "%.1f s" % (us / 1000000)


def line(result):
    head = "%-10s %-17s %-8s" % (result["fault"], result["system"], result["profile"])
    if "failed" in result:
        return head + " FAILED: " + result["failed"][:300]
    notes = []
    if not result["back"]:
        notes.append("never served again")
    for key in ("problem", "rejoin_problem"):
        if key in result:
            notes.append(result[key][:120])
    if result.get("phases"):
        notes.append(" ".join("%s %d" % (name, round(us / 1000)) for name, us in result["phases"].items() if us >= 500))
    return head + " outage %9s  lost %d of %d  errors %d  %s, later silence %s, rejoin %s  %s" % (
        time_text(result["outage_us"]), result["lost"], result["acknowledged"], result["errors"],
        "moved" if result.get("moved") else "in place", time_text(result["after_us"]),
        time_text(result["rejoin_us"]) if "rejoin_us" in result else "never", "; ".join(notes))


def save(report, results, systems):
    with open(os.path.join(report, "results.json"), "w", encoding="utf-8") as file:
        json.dump({"versions": versions(systems), "results": results}, file, indent=1)


def versions(systems):
    packages = sorted({package for system, _ in systems for package in system.packages})
    found = {package: debian(package) for package in packages}
    done = subprocess.run(["git", "-C", os.path.dirname(os.path.abspath(__file__)), "rev-parse", "--short", "HEAD"],
                          capture_output=True, text=True)
    found["holdfast"] = done.stdout.strip() or "?"
    return found


def join(paths):
    """What several runs of bench/ha measured: results, versions."""
    results, found = [], {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            one = json.load(file)
        results += one["results"]
        for name, version in one["versions"].items():
            if version not in found.setdefault(name, version).split(" and "):
                found[name] += " and " + version
    return results, found


def of(results, system, profile, fault):
    return [r for r in results if (r["system"], r["profile"], r["fault"]) == (system, profile, fault)]


def figure(cells):
    """One field of the table: median / worst, lost rows, what did not work."""
    good = [cell for cell in cells if "failed" not in cell]
    if not good:
        return "failed" if cells else "-"
    outages = sorted(cell["outage_us"] for cell in good)
    text = "%s / %s" % (time_text(statistics.median(outages)), time_text(outages[-1]))
    lost, silent = sum(cell["lost"] for cell in good), sum(1 for cell in good if not cell["back"])
    if lost:
        text += ", LOST %d" % lost
    if silent:
        text += ", %d x no service" % silent
    if len(good) < len(cells):
        text += ", %d failed" % (len(cells) - len(good))
    return text


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(field.ljust(width) for field, width in zip(row, widths)).rstrip() for row in rows]


def phases(results, systems, faults):
    """Medians of each phase for the systems that keep a record."""
    out = []
    for system, profile in systems:
        columns = {fault: [cell["phases"] for cell in of(results, system.name, profile, fault) if cell.get("phases")] for fault in faults}
        names = []
        for cells in columns.values():
            for cell in cells:
                names += [name for name in cell if name not in names]
        if names:
            rows = [["%s, %s" % (system.name, profile)] + list(faults)]
            rows += [[name] + ["%.1f" % (statistics.median(cell.get(name, 0) for cell in columns[fault]) / 1000) if columns[fault] else "-"
                               for fault in faults] for name in names]
            out += ["", "where the time went, ms, medians"] + table(rows)
    return out


def text(results, systems, runs, found):
    faults = [fault for fault in FAULTS if any(result["fault"] == fault for result in results)]
    rows = [["outage: median / worst of %d" % runs] + faults]
    rows += [["%s, %s" % (system.name, profile)] + [figure(of(results, system.name, profile, fault)) for fault in faults]
             for system, profile in systems]
    settings = {}
    for result in results:
        if result.get("settings"):
            settings["%s, %s" % (result["system"], result["profile"])] = result["settings"]
    out = [""] + table(rows) + phases(results, systems, faults) + ["", "faults"]
    out += ["  %-11s %s" % (fault, FAULTS[fault].about) for fault in faults] + ["", "settings"]
    out += ["  %s: %s" % (name, ", ".join("%s %s" % pair for pair in one.items())) for name, one in settings.items()]
    out += ["", "versions: " + ", ".join("%s %s" % pair for pair in found.items())]
    return "\n".join(out)
