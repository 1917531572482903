# SPDX-License-Identifier: Apache-2.0
# `holdfast config` as an operator uses it, and the JSON Schema against an independent validator.
import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = Path(os.environ["HOLDFAST_BUILD"]) / "src/bin/holdfast"
EXAMPLES = [path for path in sorted((ROOT / "etc").glob("*.yaml")) if path.name != "prometheus-alerts.yaml"]


def run(*arguments, **options):
    return subprocess.run([HOLDFAST, "config", *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(run("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def failures(validator, text):
    return [error.message for error in validator.iter_errors(yaml.safe_load(text))]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_good(path, validator):
    checked = run("check", path)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.startswith(f"{path}: good: 2 regions, 3 sites, 1 database, ")
    assert failures(validator, path.read_text()) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_shown_is_good_and_the_same(path, validator, tmp_path):
    shown = tmp_path / "shown.yaml"
    shown.write_text(run("show", path).stdout)
    assert failures(validator, shown.read_text()) == []
    assert run("show", shown).stdout == shown.read_text()
    hashes = {run("check", file).stdout.rsplit("(hash ", 1)[1] for file in (path, shown)}
    assert len(hashes) == 1


def test_commented_checks_of_the_example_are_good(tmp_path, validator):
    """What the example shows behind '#' must work as well once it is uncommented."""
    lines = (ROOT / "etc/holdfast.example.yaml").read_text().split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("  # Further kinds"))
    for i in range(start + 1, len(lines)):
        if not lines[i].startswith("  # "):
            break
        lines[i] = "  " + lines[i][4:]
    text = "\n".join(lines)
    path = tmp_path / "all.yaml"
    path.write_text(text)
    checked = run("check", path)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "11 checks" in checked.stdout
    assert failures(validator, text) == []


@pytest.mark.parametrize(
    "find, replace",
    [
        ("cooldown: 1h", "cooldown: 1"),
        ("capacity: 1.5  ", "capacity: lots  "),
        ("kind: redis", "kind: rediss"),
        ("topic: holdfast-health", "backend: shop"),
        ("failure_threshold: 3", "failure_treshold: 3"),
        ("approval: true", "approval: perhaps"),
        ("address: \"127.1.0.21:6379\"", "adress: \"127.1.0.21:6379\""),
        ("name: shop", "name: Shop"),
    ],
)
def test_schema_and_check_refuse_the_same(find, replace, validator, tmp_path):
    text = (ROOT / "etc/holdfast.example.yaml").read_text()
    assert find in text
    text = text.replace(find, replace, 1)
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    checked = run("check", path)
    assert checked.returncode == 8
    assert ": error: " in checked.stderr
    assert failures(validator, text) != []


def test_default_file_and_usage(tmp_path):
    environment = dict(os.environ, HOLDFAST_CONFIG=str(ROOT / "etc/minimal.yaml"))
    assert run("check", env=environment).returncode == 0
    environment["HOLDFAST_CONFIG"] = str(tmp_path / "missing.yaml")
    missing = run("check", env=environment)
    assert missing.returncode == 8
    assert "missing.yaml: error: not found" in missing.stderr
    assert run().returncode == 2
    assert run("chekc").returncode == 2
    assert run("check", "a", "b").returncode == 2
    assert run("--help").returncode == 0


def test_a_file_from_a_pipe():
    text = (ROOT / "etc/minimal.yaml").read_text()
    assert run("check", "/dev/stdin", input=text).returncode == 0
    assert run("check", "/dev/stdin", input="name: [").returncode == 8


def test_secrets_are_not_shown(tmp_path):
    """Neither the value of a variable nor one written by mistake where a reference belongs."""
    environment = dict(os.environ, HOLDFAST_TOKEN="super-secret-token")
    shown = run("show", ROOT / "etc/minimal.yaml", env=environment)
    assert shown.returncode == 0
    assert "super-secret-token" not in shown.stdout
    assert 'token: { env: "HOLDFAST_TOKEN" }' in shown.stdout


def test_manual_names_every_key(validator):
    page = run("manual").stdout.replace("\\", "")
    keys = set()

    def walk(schema):
        if isinstance(schema, dict):
            keys.update(schema.get("properties", {}))
            for value in schema.values():
                walk(value)
        elif isinstance(schema, list):
            for value in schema:
                walk(value)

    walk(validator.schema)
    missing = [key for key in keys - {"file", "env"} if f"*{key}* (" not in page]
    assert missing == []
