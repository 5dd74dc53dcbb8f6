"""Runs MiniStack for xtask: on one port, counting the requests the functions make, never outliving its caller.

MiniStack has no access log, and what Lethe costs is made of requests, so this wraps its ASGI application with a
counter. Requests are told apart by the SDK that signed them: the functions and the operator's command are written
in Rust, everything under infra/local is boto3. `GET /_lethe/requests` answers the counts.

With `--follow-stdin` the process group ends when standard input closes, and its temporary files with it: a caller
that is killed leaves nothing behind. With `--faults` the functions reach the cloud through the chaos's front.
"""

import argparse
import collections
import json
import os
import shutil
import signal
import socketserver
import sys
import threading

import ministack.app as cloud

from chaos.front import Front

COUNTS_PATH = "/_lethe/requests"

# MiniStack's runtime API writes head and body apart; each invocation would wait 40 ms for an acknowledgement between.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True


class Counting:
    """ASGI application that counts requests by caller, service and operation, then hands them on."""

    def __init__(self, inner):
        self.inner = inner
        self.counts = collections.Counter()
        self.lock = threading.Lock()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        if scope["path"] == COUNTS_PATH:
            await self.answer(send)
            return
        name = operation(scope)
        with self.lock:
            self.counts[name] += 1
        await self.inner(scope, receive, send)

    async def answer(self, send):
        """Writes the counts as JSON, `{"rust dynamodb Query": 12, …}`."""
        with self.lock:
            body = json.dumps(dict(sorted(self.counts.items()))).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def operation(scope):
    """Names one request `caller service operation`; services without a target header are named by method."""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    agent = headers.get(b"user-agent", "") + headers.get(b"x-amz-user-agent", "")
    caller = "rust" if "aws-sdk-rust" in agent else "boto3" if "Boto3" in agent else "other"
    target = headers.get(b"x-amz-target", "")
    if target:
        service, _, action = target.partition(".")
        return f"{caller} {service.split('_')[0].lower()} {action}"
    signed = headers.get(b"authorization", "").split("/")
    service = signed[3] if len(signed) > 3 else "http"
    return f"{caller} {service} {scope['method']}"


def end_with_stdin():
    """Ends this process group, functions included, as soon as the caller's end of the pipe is closed."""
    sys.stdin.buffer.read()
    if "TMPDIR" in os.environ:
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main():
    """Starts the counting cloud in the foreground."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--follow-stdin", action="store_true")
    parser.add_argument("--faults", action="store_true", help="stand between the functions and the cloud")
    arguments = parser.parse_args()
    sys.argv = [sys.argv[0]]
    if arguments.follow_stdin:
        threading.Thread(target=end_with_stdin, daemon=True).start()
    cloud.app = Counting(Front(cloud.app) if arguments.faults else cloud.app)
    cloud.main()


if __name__ == "__main__":
    main()
