"""What every scenario of the demo needs of a running line: the deployed stack, ticks in the Scheduler's place, copies
of what is archived, and threads that do such things until told to stop."""

import argparse
import json
import threading
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

import codec
import deploy
from cloud import LocalError, ROOT, target_directory

TICKING = ("survey", "expire", "reconcile")
TICK_SECONDS = 1.0
COLLECT_SECONDS = 1.0
# A function that fails this often in a row will not get better.
FAILURES_IN_A_ROW = 20


def deploy_stack(arguments, time_scale, tables, buckets, name="demo"):
    """Deploys the real template with what it may scan; the stack's description, which is kept under this name."""
    stack_file = target_directory() / "cloud" / name / "stack.json"
    deploy.deploy(
        argparse.Namespace(
            endpoint=arguments.endpoint,
            stack=arguments.stack,
            time_scale=time_scale,
            template=ROOT / "template.yaml",
            binaries=target_directory() / "local",
            output=stack_file,
            source_table=tables,
            source_bucket=buckets,
        )
    )
    return json.loads(stack_file.read_text())


class Background:
    """Threads that repeat a step until told to stop; the first fault of any of them ends the demo."""

    def __init__(self):
        self.stopping = threading.Event()
        self.threads, self.faults = [], []

    def repeat(self, name, step, pause):
        """Runs `step` over and over, `pause` seconds apart."""

        def loop():
            try:
                while not self.stopping.is_set():
                    step()
                    self.stopping.wait(pause)
            except Exception as fault:  # noqa: BLE001 - handed over to the main thread, whatever it is
                self.faults.append(LocalError(f"{name}: {fault}"))

        thread = threading.Thread(target=loop, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def check(self):
        """Raises the first fault."""
        if self.faults:
            raise self.faults[0]

    def stop(self):
        """Ends all threads after their present step."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=60)


class Ticker:
    """Invokes one scheduled function, as the Scheduler would."""

    def __init__(self, cloud, stack, function):
        self.client = cloud.client("lambda")
        self.function, self.name = function, stack["functions"][function]
        self.in_a_row, self.count, self.said = 0, 0, set()

    def tick(self):
        """One invocation; a failure is told once and counts towards giving up."""
        answer = self.client.invoke(FunctionName=self.name, Payload=b"{}")
        body = answer["Payload"].read()
        self.count += 1
        if "FunctionError" not in answer:
            self.in_a_row = 0
            return
        self.in_a_row += 1
        fault = body.decode(errors="replace")[:400]
        if fault not in self.said:
            self.said.add(fault)
            print(f"    {self.function} failed: {fault}", flush=True)
        if FAILURES_IN_A_ROW <= self.in_a_row:
            raise LocalError(f"failed {self.in_a_row} times in a row, last with: {fault}")


class Collector:
    """Copies every archive object while it exists."""

    def __init__(self, cloud, stack):
        self.s3, self.bucket = cloud.client("s3"), stack["outputs"]["ArchiveBucket"]
        self.archived, self.present = {}, 0

    def collect(self):
        """Fetches the versions that were not seen before."""
        places = []
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket):
            places += [(version["Key"], version["VersionId"]) for version in page.get("Versions", [])]
        self.present = len(places)
        new = [place for place in places if place not in self.archived]
        with ThreadPoolExecutor(4) as pool:
            for place, records in zip(new, pool.map(self.fetch, new)):
                if records is not None:
                    self.archived[place] = records

    def fetch(self, place):
        """The records of one version; None when it has just gone."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=place[0], VersionId=place[1])
        except self.s3.exceptions.NoSuchKey:
            return None
        except ClientError as fault:
            if fault.response["Error"]["Code"] in ("NoSuchVersion", "404"):
                return None
            raise
        return codec.decode_archive(answer["Body"].read())
