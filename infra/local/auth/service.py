"""The auth service that the scenario plays: it issues tokens as rows, says what ended, and keeps the truth.

Every method is one thing that a service does; the stories put them together.
"""

import time
from dataclasses import dataclass

import load
from auth import commands, configuration, rows
from auth.truth import NEVER, Token

# Long after the demo: a token with this end is in service while anybody looks.
FAR = 3_600
# By then a command that was put into a queue has been carried out, or something is wrong.
QUEUE_SECONDS = 60.0


@dataclass
class Person:
    """A user of the auth service, and where their rows are."""

    tenant: str
    shards: int
    subject: str
    story: str
    random: object

    @property
    def auth(self):
        """The user under which the tenant's auth service calls."""
        return configuration.auth_user(self.tenant)

    @property
    def desk(self):
        """The user under which the tenant's security desk calls."""
        return configuration.desk_user(self.tenant)

    @property
    def app(self):
        """The user under which the tenant's applications call."""
        return configuration.app_user(self.tenant)

    def name(self, what):
        """A name that nobody else has, for a session, device or family."""
        return f"{what}-{self.random.randrange(16**8):08x}"


@dataclass
class Login:
    """What one sign-in issued."""

    person: Person
    owner: dict
    session: Token
    access: Token
    refresh: Token
    code: Token | None

    @property
    def in_service(self):
        """What the sign-in leaves in service."""
        return [self.session, self.access, self.refresh]


class Service:
    """Issues, refreshes and ends tokens."""

    def __init__(self, cloud, vault, desk, truth, faults):
        self.dynamodb, self.vault = cloud.client("dynamodb"), vault
        self.desk, self.truth, self.faults = desk, truth, faults

    # -- issue ---------------------------------------------------------------------------------------------------

    def draft(self, person, kind, owner=None, seconds=FAR, knows_end=True, token=None, age=0):
        """A token and its row, issued `age` seconds ago, before it is written; it ends by itself `seconds` from now."""
        created_ms = int((time.time() - age) * 1_000)
        expires_at = None if seconds is None else int(time.time()) + seconds
        owner = {"subject": person.subject} | (owner or {})
        token = token or rows.bearer(person.random)
        row = rows.issue(person.tenant, person.shards, token, kind, owner, created_ms, expires_at, knows_end)
        made = Token(row, person.tenant, person.story)
        if seconds is not None and seconds < FAR:
            # A clean-up that comes late, even that of its own issue, finds it expired and puts it away at once.
            made.may_leave_early = "client" in owner
            made.ends("expired", instead=frozenset({"superseded"} if made.may_leave_early else ()))
        return self.truth.add(made)

    def issue(self, person, kind, owner=None, **how):
        """Issues one token with one write."""
        made = self.draft(person, kind, owner, **how)
        self.dynamodb.put_item(
            TableName=self.vault, Item=load.wire(made.row), ConditionExpression="attribute_not_exists(pk)"
        )
        made.written_at = time.time()
        if owner and owner.get("client"):
            self.cleaned_up(person, owner["client"], made)
        return made

    def sign_in(self, person, client="web", access=FAR, refresh=FAR, knows_end=True, with_code=True):
        """A sign-in, mostly with an authorization code, which is used up at once."""
        code = self.issue(person, "auth_code", {"client": client}) if with_code else None
        owner = {"session": person.name("session"), "device": person.name("device"), "client": client}
        session = self.issue(person, "session", owner, seconds=None)
        family = owner | {"family": person.name("family")}
        first = self.issue(person, "access", family, seconds=access, knows_end=knows_end)
        login = Login(person, family, session, first, self.issue(person, "refresh", family, seconds=refresh), code)
        if code:
            self.tell("issuer", person, "consumed", [code], trigger="consumed")
        return login

    def rotate(self, login, access=FAR, refresh=FAR):
        """Issues the successors of a login's tokens; returns the refresh token that is spent by that."""
        spent = login.refresh
        login.access = self.issue(login.person, "access", login.owner, seconds=access)
        login.refresh = self.issue(login.person, "refresh", login.owner, seconds=refresh)
        return spent

    def cleaned_up(self, person, client, issued=None):
        """An issue or a revocation lets what the same subject and client have left behind go at once."""
        for token in self.truth.of_subject(person.tenant, person.subject):
            if token.row.get("client") == client and token is not issued:
                token.may_leave_early = True

    # -- ends ----------------------------------------------------------------------------------------------------

    def command(self, person, word, key=None, **fields):
        """A command of this story, with a reason for the record and an idempotency key of its own."""
        tenant = fields.pop("tenant", person.tenant)
        key = key or f"{person.subject}.{person.name(word)}"
        return commands.command(tenant, word, key, f"{person.story}: {word}", **fields)

    def tell(self, queue, person, word, named, ended=None, trigger=None, facts=None, **fields):
        """Says something about tokens over the queue of a class of callers. `ended` is what ends by it, as far as it
        is more than the tokens that are named; `facts` are the end's."""
        made = [
            self.command(person, word, tokens=[token.id for token in part], **fields) for part in commands.parts(named)
        ]
        asked_at = time.time()
        said = {"actor": queue, "reason_text": f"{person.story}: {word}"} | (facts or {})
        for token in (named if ended is None else ended) if trigger else ():
            token.ends(trigger, asked_at, asked_at + QUEUE_SECONDS, **said)
        self.desk.send(queue, *made)

    def ask(self, user, person, made, expect, ended=(), trigger=None, facts=None):
        """Asks over the front door; notes what ends by it, when it was asked and when it was answered. `expect` holds
        the answers that are right, statuses as numbers and results as words."""
        asked_at = time.time()
        said = {"actor": self.desk.users[user].arn, "reason_text": made.get("reason_text")} | (facts or {})
        for token in ended:
            token.ends(trigger, asked_at, NEVER, **said)
        answer = self.desk.post(user, made)
        for token in ended:
            token.end.certain_at = min(token.end.certain_at, time.time())
        self.expect(person, made["command"], answer, expect)
        return answer

    def expect(self, person, word, answer, expect):
        """Notes a fault when the answer is none of those that are right."""
        if not {answer.status, *answer.words} & set(expect):
            given = " ".join(filter(None, [str(answer.status), *map(str, answer.words), answer.body.get("error")]))
            wanted = " or ".join(map(str, expect))
            self.faults.append(f"{person.story}: `{word}` was answered {given}, expected {wanted}")
