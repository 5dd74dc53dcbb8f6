"""How commands travel to Lethe: over the front door, signed by a user, or over the queue of a class of callers."""

import json
import threading
import time
from dataclasses import dataclass

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import urllib3

from auth import commands
from cloud import LocalError, REGION

# An answer "try again" is followed that often.
ATTEMPTS = 40
# A group that is worked off in pieces is asked about that often.
COMPLETE_ATTEMPTS = 200
PAUSE_SECONDS = 0.3
QUEUES = ("issuer", "tenant", "operator")


@dataclass
class Answer:
    """What intake answered."""

    status: int
    body: dict

    @property
    def words(self):
        """What became of each token, as single words."""
        return [result.get("result") for result in self.body.get("results", [])]


class Desk:
    """Sends commands and counts the answers by status."""

    def __init__(self, cloud, stack, door_url, users):
        self.sqs, self.door_url = cloud.client("sqs"), door_url
        self.users = {user.name: user for user in users}
        self.urls = {name: commands.queue_url(stack["outputs"], name) for name in QUEUES}
        missing = sorted(name for name, url in self.urls.items() if url is None)
        if missing:
            raise LocalError(f"the stack has no one output *QueueUrl for the callers' queues {', '.join(missing)}")
        self.http = urllib3.PoolManager(maxsize=16, timeout=60.0, retries=False)
        self.statuses, self.n_sent, self.lock = {}, 0, threading.Lock()

    def post(self, user, command):
        """Sends one command as a user; comes back as long as Lethe says that it should."""
        for _ in range(ATTEMPTS):
            answer = self.post_once(user, commands.text(command).encode())
            if answer.status not in (429, 503):
                return answer
            time.sleep(min(2.0, answer.body.get("retry_after_seconds", PAUSE_SECONDS)))
        raise LocalError(f"a command `{command['command']}` got {answer.status} for {ATTEMPTS} times")

    def post_once(self, user, body):
        """One signed request."""
        request = botocore.awsrequest.AWSRequest(
            "POST", self.door_url, {"content-type": "application/json"}, body
        )
        who = self.users[user]
        credentials = botocore.credentials.Credentials(who.access_key, who.secret)
        botocore.auth.SigV4Auth(credentials, "lambda", REGION).add_auth(request)
        reply = self.http.request("POST", self.door_url, body=body, headers=dict(request.headers.items()))
        with self.lock:
            self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
        try:
            found = json.loads(reply.data)
        except ValueError:
            raise LocalError(f"intake answered {reply.status} with no JSON") from None
        return Answer(reply.status, found if isinstance(found, dict) else {})

    def follow(self, user, command):
        """Sends a group's command again, with the same idempotency key, until it is complete; the last answer."""
        for _ in range(COMPLETE_ATTEMPTS):
            answer = self.post(user, command)
            if answer.status != 202:
                return answer
            time.sleep(PAUSE_SECONDS)
        raise LocalError(f"a command `{command['command']}` was not complete after {COMPLETE_ATTEMPTS} looks")

    def send(self, queue, *made):
        """Puts commands into the queue of a class of callers."""
        for start in range(0, len(made), 10):
            entries = [
                {"Id": str(number), "MessageBody": commands.text(command)}
                for number, command in enumerate(made[start : start + 10])
            ]
            failed = self.sqs.send_message_batch(QueueUrl=self.urls[queue], Entries=entries).get("Failed")
            if failed:
                raise LocalError(f"the {queue} queue took {len(entries) - len(failed)} of {len(entries)} messages")
        with self.lock:
            self.n_sent += len(made)
