"""The local stand-in for AWS's Function URL of intake: checks who signed a request, then invokes the function.

The emulator's own URLs take any signature and tell the function of no caller, and who may say what is half of what
intake does. This takes any method, path and body on a loopback port, refuses what AWS refuses (with AWS's words), and
hands the function the event that a Function URL makes. With `--as USER` it signs for whoever does not sign, for tools
that cannot.
"""

import argparse
import base64
import json
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import principals
import signing
from cloud import ACCOUNT, Cloud

# A Function URL takes no larger request.
MAX_BODY_BYTES = 6 * 1024 * 1024
# What AWS hands on as text; everything else is encoded.
TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
UNSIGNED = "Forbidden"
UNKNOWN_KEY = "The security token included in the request is invalid."
BAD_SIGNATURE = "The request signature we calculated does not match the signature you provided."
# Headers that this server writes itself, or that belong to one connection only.
OWN_HEADERS = ("connection", "content-length", "date", "server", "transfer-encoding")


class Refused(Exception):
    """What AWS answers before the function is asked."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


def event_of(method, target, headers, body, caller, now):
    """The event of one request, payload format 2.0. `headers` by their lower-case names."""
    path, _, query = target.partition("?")
    is_text = headers.get("content-type", "").lower().startswith(TEXT_TYPES)
    try:
        text = body.decode() if is_text or not body else None
    except UnicodeDecodeError:
        text = None
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "authorizer": {"iam": {"accountId": ACCOUNT, "callerId": caller.rpartition("/")[2], "userArn": caller}},
            "http": http | {"userAgent": headers.get("user-agent", "")},
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(now * 1_000),
        },
        "isBase64Encoded": text is None,
    }
    if body:
        event["body"] = base64.b64encode(body).decode() if text is None else text
    return event


def reply_of(payload, failed):
    """`(status, headers, body)` of what the function returned."""
    if failed:
        return error(502, "Internal Server Error")
    answer = json.loads(payload)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return 200, {"content-type": "application/json"}, payload
    body = answer.get("body") or ""
    body = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    headers = {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
    kept = {name: value for name, value in headers.items() if name not in OWN_HEADERS}
    return int(answer["statusCode"]), {"content-type": "application/json"} | kept, body


def error(status, message):
    """An answer of AWS's own."""
    return status, {"content-type": "application/json"}, json.dumps({"Message": message}).encode()


class FrontDoor:
    """The server and the users that it knows."""

    def __init__(self, cloud, function, users, stand_in=None):
        self.cloud, self.function = cloud, function
        self.users = {user.access_key: user for user in users}
        self.stand_in = stand_in
        self.names = {}
        self.counts = {}
        self.lock = threading.Lock()
        # Made here, since threads must not make the first one at the same time.
        self.lambda_client = cloud.client("lambda")
        handler = type("Handler", (Handler,), {"door": self})
        self.server = Server(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever, name="front door", daemon=True)

    @property
    def url(self):
        """Where it answers."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    def start(self):
        """Begins to serve."""
        self.thread.start()
        return self

    def stop(self):
        """Ends after the requests under way."""
        self.server.shutdown()
        self.server.server_close()

    def caller_of(self, method, target, headers, body):
        """The ARN of whoever signed the request; raises what AWS answers to others."""
        signature = signing.read(headers.get("authorization"))
        if signature is None:
            if self.stand_in is None:
                raise Refused(403, UNSIGNED)
            return self.arn_of(self.stand_in)
        user = self.users.get(signature.access_key)
        if user is None:
            raise Refused(403, UNKNOWN_KEY)
        if not signing.holds(signature, user.secret, method, target, headers, body):
            raise Refused(403, BAD_SIGNATURE)
        return self.arn_of(user)

    def arn_of(self, user):
        """Asks the cloud once who holds this key."""
        if user.access_key not in self.names:
            self.names[user.access_key] = principals.identify(self.cloud.endpoint, user)
        return self.names[user.access_key]

    def answer(self, method, target, headers, body):
        """`(status, headers, body)` for one request."""
        if MAX_BODY_BYTES < len(body):
            return error(413, "Request Too Long")
        try:
            caller = self.caller_of(method, target, headers, body)
        except Refused as refused:
            return error(refused.status, refused.message)
        event = event_of(method, target, headers, body, caller, time.time())
        answer = self.lambda_client.invoke(FunctionName=self.function, Payload=json.dumps(event).encode())
        return reply_of(answer["Payload"].read(), "FunctionError" in answer)

    def count(self, status):
        """Notes an answer, for whoever asks how many there were."""
        with self.lock:
            self.counts[status] = self.counts.get(status, 0) + 1


class Server(ThreadingHTTPServer):
    """One thread a connection; a burst of callers waits in line instead of being turned away."""

    daemon_threads = True
    request_queue_size = 128


class Handler(BaseHTTPRequestHandler):
    """One connection. Methods are not listed, because the function decides which it knows."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes; without this the second waits for the first to be acknowledged.
    disable_nagle_algorithm = True
    door = None

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.pass_on
        raise AttributeError(name)

    def pass_on(self):
        """Reads the request, has it answered, writes the answer."""
        body = self.read_body()
        headers = {}
        for name, value in self.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        try:
            status, sent, body = self.door.answer(self.command, self.path, headers, body)
        except Exception as fault:  # noqa: BLE001 - the caller needs an answer, whatever happened here
            print(f"front door: {fault}", file=sys.stderr, flush=True)
            status, sent, body = error(502, "Bad Gateway")
        self.door.count(status)
        self.send_response(status)
        for name, value in sent.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def read_body(self):
        """The request's body, sent whole or in chunks."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return b"".join(iter(self.read_chunk, b""))
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def read_chunk(self):
        """One chunk; empty at the end."""
        size = int(self.rfile.readline().split(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def log_message(self, format, *arguments):  # noqa: A002 - the base class's name
        """Nothing: a request may hold a token."""


def main():
    """Serves until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--function", default="lethe-intake")
    parser.add_argument("--user", action="append", default=[], help="a user to create; its key is printed")
    parser.add_argument("--as", dest="stand_in", help="the user who signs for whoever does not")
    arguments = parser.parse_args()
    cloud = Cloud(arguments.endpoint)
    users = [principals.create(cloud, name) for name in arguments.user]
    stand_in = principals.create(cloud, arguments.stand_in) if arguments.stand_in else None
    door = FrontDoor(cloud, arguments.function, users, stand_in).start()
    keys = {user.name: {"access_key": user.access_key, "secret": user.secret} for user in users}
    print(json.dumps({"url": door.url, "users": keys}), flush=True)
    sys.stdin.buffer.read()
    door.stop()


if __name__ == "__main__":
    main()
