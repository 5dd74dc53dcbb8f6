"""Holds the running intake function to its published OpenAPI page, with schemathesis and all of its checks.

Schemathesis makes up commands, good ones and wrong ones, from the page alone; each answer must be one that the page
declares, with the declared content, and never a server error. It sends them to the front door, which signs for it as a
user who may send every command. One seed gives the same cases again.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from botocore.exceptions import BotoCoreError, ClientError

import load
import principals
import schemathesis_tokens
from cloud import Cloud, LocalError, ROOT
from front_door import FrontDoor
from operator_command import Operator

PAGE = ROOT / "shared" / "domain" / "schema" / "openapi.v1.json"
HOOKS = pathlib.Path(__file__).with_name("schemathesis_hooks.py")
USER = "schema"
SECONDS = 300
# The front door signs for whoever does not, so a request without a signature is let in here as it never is on AWS.
LEFT_OUT = "ignored_auth"
# What a good command may be answered, as things stand: tokens that are gone or that nobody understands, a text that is
# too long as a whole, too much at once. Never 400.
SETTINGS = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "403", "404", "409", "410", "413", "422", "429"]
"""
# Answers that the page declares and that such a run has to meet; without them it would have tried little.
TO_MEET = (200, 400, 403, 404, 405)


def words(program, url, examples, seed):
    """The command line of schemathesis."""
    return [
        str(program),
        "run",
        str(PAGE),
        *("--url", url),
        *("--checks", "all", "--exclude-checks", LEFT_OUT),
        *("--phases", "examples,coverage,fuzzing", "--mode", "all"),
        *("--max-examples", str(examples), "--seed", str(seed)),
        *("--generation-database", "none", "--generation-with-security-parameters", "false"),
        *("--suppress-health-check", "all", "--request-timeout", "60"),
        *("--continue-on-failure", "--warnings", "off", "--no-color"),
    ]


def run(arguments):
    """Sets up, runs, counts; the faults."""
    stack = json.loads(arguments.stack_file.read_text())
    cloud = Cloud(arguments.endpoint)
    user = principals.create(cloud, USER)
    with tempfile.TemporaryDirectory() as home:
        file = pathlib.Path(home) / "lethe.toml"
        file.write_text(schemathesis_tokens.configuration(user.arn))
        (pathlib.Path(home) / "schemathesis.toml").write_text(SETTINGS)
        print("    " + Operator(stack, home).apply(file), flush=True)
        rows = [load.wire(row) for row in schemathesis_tokens.rows(int(time.time() * 1_000))]
        load.write_items(cloud, stack["outputs"]["VaultTable"], rows)
        door = FrontDoor(cloud, stack["functions"]["intake"], [], stand_in=user).start()
        began = time.monotonic()
        try:
            code = call(words(arguments.program, door.url, arguments.examples, arguments.seed), home)
        finally:
            door.stop()
        seconds = time.monotonic() - began
    statuses = dict(sorted(door.counts.items()))
    counted = ", ".join(f"{status} {count:,}" for status, count in statuses.items())
    print(f"    {sum(statuses.values()):,} cases in {seconds:.0f} s, answered {counted}", flush=True)
    return faults(code, statuses)


def call(command, home):
    """Runs schemathesis with our hooks, where it may leave what it leaves; its exit code."""
    environment = os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(command, cwd=home, env=environment, timeout=SECONDS, check=False).returncode
    except FileNotFoundError:
        raise LocalError(f"{command[0]}: no such program") from None
    except subprocess.TimeoutExpired:
        raise LocalError(f"schemathesis was not done after {SECONDS} s") from None


def faults(code, statuses):
    """What is wrong with the outcome."""
    found = []
    if code != 0:
        found.append(f"schemathesis ended with {code}; what it found stands above")
    server_errors = sum(count for status, count in statuses.items() if 500 <= status)
    if server_errors:
        found.append(f"{server_errors} server error(s)")
    unmet = [str(status) for status in TO_MEET if status not in statuses]
    if unmet:
        found.append(f"no case was answered {', '.join(unmet)}: the run tried too little")
    return found


def main():
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--stack-file", type=pathlib.Path, required=True)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="schemathesis, in its own environment")
    parser.add_argument("--examples", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    try:
        found = run(parser.parse_args())
    except (LocalError, BotoCoreError, ClientError, OSError) as fault:
        sys.exit(f"schemathesis: {fault}")
    for fault in found:
        print(f"    {fault}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
