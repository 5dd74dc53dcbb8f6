"""Runs the operator's `lethe`, as a person at a shell would: apply a configuration, read a plan, approve it by hash."""

import json
import os
import subprocess

import principals
from cloud import LocalError, target_directory

SECONDS = 60
# Neither of them writes the configuration: what takes much at once needs two who did not.
PEOPLE = ("olga", "oskar")


def people(cloud, stack, home):
    """The people who approve, each with a user and a key of their own."""
    return [Operator(stack, home, principals.create(cloud, name)) for name in PEOPLE]


class Operator:
    """One person with the stack's settings, and their own key where they have one, in the environment."""

    def __init__(self, stack, home, user=None):
        self.program = target_directory() / "local" / "lethe"
        self.environment = {**os.environ, **stack["environment"], **stack["settings"]}
        self.name = user.name if user else "lethe"
        if user:
            self.environment |= {"AWS_ACCESS_KEY_ID": user.access_key, "AWS_SECRET_ACCESS_KEY": user.secret}
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
        return (done.stdout if done.returncode == 0 else done.stdout + done.stderr), done.returncode == 0

    def apply(self, path):
        """Stores the configuration; its first line of output."""
        output, succeeded = self.call("apply", path)
        if not succeeded:
            raise LocalError(f"`lethe apply {path}` refused: {output.strip()}")
        return f"lethe apply: {output.strip().splitlines()[0] if output.strip() else 'stored'}"

    def approve_what_waits(self, tenant):
        """Reads the tenant's plan and approves exactly what was read."""
        output, succeeded = self.call("plan", tenant, "--json")
        plan = json.loads(output) if succeeded else {}
        run, digest = plan.get("run"), plan.get("hash")
        if plan.get("stage") != "gated" or (tenant, run, digest) in self.approved:
            return
        answer, succeeded = self.call("approve", tenant, run, digest)
        if not succeeded:
            print(f"    {self.name}: lethe approve {tenant} {run}: {answer.strip()}", flush=True)
            return
        self.approved.add((tenant, run, digest))
        print(f"    {self.name} $ lethe approve {tenant} {run} {digest[:12]}…", flush=True)
