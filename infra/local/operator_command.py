"""Runs the operator's `lethe`, as a person at a shell would: apply a configuration, read a plan, approve it by hash."""

import os
import re
import subprocess

from cloud import LocalError, target_directory

SECONDS = 60
RUN_ID = re.compile(r"\b\d{9,11}-\d{2}\b")
HASH = re.compile(r"\b[0-9a-f]{64}\b")


class Operator:
    """One person with the stack's settings in the environment."""

    def __init__(self, stack, home):
        self.program = target_directory() / "local" / "lethe"
        self.environment = {**os.environ, **stack["environment"], **stack["settings"]}
        self.home = home
        self.approved = set()

    def call(self, *words):
        """Runs `lethe …`; its output and whether it succeeded."""
        command = [str(self.program), *(str(word) for word in words)]
        try:
            done = subprocess.run(
                command, env=self.environment, cwd=self.home, text=True, capture_output=True, timeout=SECONDS, check=False
            )
        except FileNotFoundError:
            raise LocalError(f"{self.program}: no such file; build it first (`cargo build --profile local`)") from None
        except subprocess.TimeoutExpired:
            raise LocalError(f"`lethe {words[0]}` gave no answer in {SECONDS} s") from None
        return done.stdout + done.stderr, done.returncode == 0

    def apply(self, path):
        """Stores the configuration; its first line of output."""
        output, succeeded = self.call("apply", path)
        if not succeeded:
            raise LocalError(f"`lethe apply {path}` refused: {output.strip()}")
        return f"lethe apply: {output.strip().splitlines()[0] if output.strip() else 'stored'}"

    def approve_what_waits(self, tenant):
        """Reads the tenant's plan and approves exactly what was read."""
        output, succeeded = self.call("plan", tenant)
        run, digest = RUN_ID.search(output), HASH.search(output)
        if not (succeeded and run and digest) or (tenant, run.group(), digest.group()) in self.approved:
            return
        answer, succeeded = self.call("approve", tenant, run.group(), digest.group())
        if not succeeded:
            print(f"    lethe approve {tenant} {run.group()}: {answer.strip()}", flush=True)
            return
        self.approved.add((tenant, run.group(), digest.group()))
        print(f"    $ lethe approve {tenant} {run.group()} {digest.group()[:12]}…", flush=True)
