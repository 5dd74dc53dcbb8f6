"""One place that knows how to reach the local cloud: clients, the stack's names, and waiting with a deadline."""

import json
import os
import pathlib
import time
import urllib.error
import urllib.request

import boto3
import botocore.config

REGION = "us-east-1"
ACCOUNT = "000000000000"
ROOT = pathlib.Path(__file__).resolve().parents[2]


class LocalError(Exception):
    """A fault worth one clear line; the scripts print it and exit with 1."""


def session_environment(endpoint):
    """Environment for child processes (the operator's command, tests) that speak to this cloud."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Cloud:
    """The endpoint and its boto3 clients, made once each."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.session = boto3.session.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION
        )
        self.clients = {}

    def client(self, service):
        """The client of one service; safe to share between threads."""
        if service not in self.clients:
            config = botocore.config.Config(
                retries={"max_attempts": 5, "mode": "standard"},
                max_pool_connections=32,
                connect_timeout=5,
                read_timeout=120,
                s3={"addressing_style": "path"},
            )
            self.clients[service] = self.session.client(service, endpoint_url=self.endpoint, config=config)
        return self.clients[service]

    def request_counts(self):
        """What serve.py counted, by caller, service and operation; None on a cloud that xtask did not start."""
        try:
            with urllib.request.urlopen(self.endpoint + "/_lethe/requests", timeout=10) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None


def wait_for(what, check, seconds, pause=0.1):
    """Polls `check` until it returns something true; a named error when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise LocalError(f"{what}: not so after {seconds:.0f} s")
        time.sleep(pause)


def pages(call, key, **arguments):
    """Every item under `key` of a DynamoDB Scan or Query, over all its pages."""
    while True:
        answer = call(**arguments)
        yield from answer.get(key, [])
        if "LastEvaluatedKey" not in answer:
            return
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def target_directory():
    """Where builds and everything made locally live."""
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
