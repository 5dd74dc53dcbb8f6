"""What happens to whom in an auth service's day: one generator a story, which pauses where time has to pass.

Each takes the stage, where everything is that it may use, and a person. It says what has to come of every token that
it touches, and looks at them as a reader would at the moments that matter.
"""

import time
from dataclasses import dataclass

from auth import configuration
from auth.scale import scaled
from auth.truth import NEVER

DONE = (200, 202)


@dataclass
class Stage:
    """What a story may use."""

    service: object
    prober: object
    approvals: object
    # tenant -> a person there, by a name
    stranger: object
    # What is told while the demo runs.
    say: object
    # Tokens of the one large account.
    account: list

    def look(self, moment, tokens):
        """Compares what a reader is told of these tokens with the truth."""
        return self.prober.look(moment, tokens)


def stays(stage, person):
    """Signs in, uses the session, stays."""
    login = stage.service.sign_in(person)
    stage.look("after a sign-in", login.in_service)
    yield 5
    stage.service.tell("issuer", person, "read", [login.session])
    yield 6
    stage.look("hours after a sign-in", login.in_service)


def never_uses_the_code(stage, person):
    """Asks for a code and goes away: the code ends by itself, with no write."""
    code = stage.service.issue(person, "auth_code", {"client": "web"}, seconds=4)
    yield 6
    stage.look("after a known end", [code])


def lets_it_expire(stage, person):
    """An access token ends by itself; its session and its refresh token do not go along."""
    knows_end = person.random.random() < 0.5
    login = stage.service.sign_in(person, access=5, knows_end=knows_end)
    yield 7
    stage.look("after an access token's end", login.in_service)


def refreshes(stage, person):
    """Refreshes twice: what is spent is out of service, and stays while its family lives."""
    login = stage.service.sign_in(person, access=5)
    for access in (5, None):
        yield 4
        spent = stage.service.rotate(login, **({"access": access} if access else {}))
        stage.service.tell("issuer", person, "rotated", [spent], trigger="rotated", facts={"stays": True})
    yield 5
    stage.look("after a refresh", login.in_service)


def refreshes_to_the_end(stage, person):
    """A family whose last member ends: then what was spent goes too."""
    login = stage.service.sign_in(person, access=20, refresh=20)
    yield 3
    spent = stage.service.rotate(login, access=15, refresh=20)
    made = stage.service.command(person, "rotated", tokens=[spent.id])
    stage.service.ask(person.auth, person, made, ("ended", "sentenced"), [spent], "rotated")
    yield 24
    stage.look("after a family's end", [spent, *login.in_service])


def two_tabs(stage, person):
    """Two tabs refresh at once: the second is told that it is too late, and nobody is compromised."""
    login = stage.service.sign_in(person)
    yield 2
    spent = stage.service.rotate(login)
    at = int(time.time())
    said = {"tokens": [spent.id], "at": at}
    first, second = (stage.service.command(person, "rotated", **said) for _ in range(2))
    facts = {"stays": True}
    stage.service.ask(person.auth, person, first, ("ended", "sentenced"), [spent], "rotated", facts)
    stage.service.ask(person.auth, person, second, ("kept",))
    yield 3
    stage.look("after two tabs refreshed at once", [spent, *login.in_service])


def is_stolen(stage, person, pause=None):
    """A spent refresh token is used again after the leeway: somebody has a copy, so the whole family ends."""
    login = stage.service.sign_in(person)
    old_access = login.access
    yield 2
    spent = stage.service.rotate(login)
    made = stage.service.command(person, "rotated", tokens=[spent.id], at=int(time.time()))
    stage.service.ask(person.auth, person, made, ("ended", "sentenced"), [spent], "rotated")
    yield pause or scaled(configuration.REUSE_LEEWAY) + 2
    family = [spent, old_access, login.access, login.refresh]
    stage.look("before a stolen token is used", [*family, login.session])
    made = stage.service.command(person, "rotated", tokens=[spent.id], at=int(time.time()))
    # Whether the words of the one who noticed stand at the others too is not said.
    facts = {"reason_text": None}
    stage.service.ask(person.auth, person, made, ("reuse",), family, "compromised", facts)
    stage.say(f"a spent refresh token was used again: {len(family)} tokens of its family are out of service")
    stage.look("after a stolen token was used", [*family, login.session])


def is_stolen_on_day_20(stage, person):
    """The same three weeks later: what was spent is still known."""
    return is_stolen(stage, person, scaled("20d"))


def logs_out(stage, person):
    """Ends one session of two. Then somebody uses the session that ended, and that is on record."""
    here, there = (stage.service.sign_in(person, client) for client in ("web", "phone"))
    yield 4
    if person.random.random() < 0.5:
        # A token of the session is enough: the policy says how far a logout reaches.
        stage.service.tell("issuer", person, "logout", [here.session], here.in_service, "logout")
        yield 6
    else:
        made = stage.service.command(person, "logout", subject=person.subject, session=here.owner["session"])
        stage.service.ask(person.auth, person, made, DONE, here.in_service, "logout")
        stage.look("after a logout", here.in_service + there.in_service)
        yield 2
        made = stage.service.command(person, "read", tokens=[here.session.id], at=int(time.time()))
        stage.service.ask(person.auth, person, made, ("late",))
    stage.look("later after a logout", there.in_service)


def logs_out_everywhere(stage, person):
    """Every session ends with one write, before any token's row is touched; a sign-in right after it is good."""
    logins = [stage.service.sign_in(person, client) for client in ("web", "phone", "desktop")]
    issued = [token for login in logins for token in login.in_service]
    yield 4
    for login in logins:
        # A code that was not used up yet ends like everything else.
        login.code.end.instead |= {"logout"}
    made = stage.service.command(person, "logout", subject=person.subject, everywhere=True)
    stage.service.ask(person.auth, person, made, DONE, issued, "logout")
    after = stage.service.sign_in(person, "tv")
    stage.look("right after a logout everywhere", issued + after.in_service)
    stage.service.desk.follow(person.auth, made)
    yield 5
    stage.look("later after a logout everywhere", issued + after.in_service)


def loses_a_device(stage, person):
    """One device is logged out; the others stay."""
    lost, kept = (stage.service.sign_in(person, client) for client in ("phone", "web"))
    yield 4
    if person.random.random() < 0.5:
        made = stage.service.command(person, "device_logout", subject=person.subject, device=lost.owner["device"])
        stage.service.ask(person.auth, person, made, DONE, lost.in_service, "device_logout")
        stage.look("after a device was logged out", lost.in_service + kept.in_service)
    else:
        stage.service.tell("issuer", person, "device_logout", [lost.session], lost.in_service, "device_logout")
    yield 5
    stage.look("later after a device was logged out", kept.in_service)


def is_revoked(stage, person):
    """One access token is withdrawn. It never comes back, and it takes nothing along."""
    login = stage.service.sign_in(person)
    yield 4
    made = stage.service.command(person, "revoked", tokens=[login.access.id])
    stage.service.cleaned_up(person, "web")
    if person.random.random() < 0.5:
        ended = ("ended", "sentenced")
        stage.service.ask(person.desk, person, made, ended, [login.access], "revoked")
        stage.look("after a revocation", login.in_service)
        made = stage.service.command(person, "reinstate", tokens=[login.access.id])
        stage.service.ask(person.desk, person, made, (409, 410))
    else:
        stage.service.tell("operator", person, "revoked", [login.access], trigger="revoked")
    yield 5
    stage.look("later after a revocation", [login.session, login.refresh])


def is_issued_again(stage, person):
    """A new token for the same subject and client: what had ended before is superseded at once."""
    login = stage.service.sign_in(person, access=4)
    yield 7
    old = login.access
    old.ends("superseded")
    login.access = stage.service.issue(person, "access", login.owner)
    yield 4
    stage.look("after an issue for the same client", [old, *login.in_service])


def goes_idle(stage, person):
    """A session that nobody reads."""
    left = 12
    owner = {"session": person.name("session"), "client": "web"}
    age = configuration.idle_seconds() - left
    session = stage.service.issue(person, "session", owner, seconds=None, age=age)
    session.ends("idle", time.time() + left - 2, time.time() + left + 30)
    yield left + 8
    stage.look("after a session went idle", [session])


def is_read_in_time(stage, person):
    """A session that is read before it would be idle lives on."""
    left = 25
    owner = {"session": person.name("session"), "client": "web"}
    age = configuration.idle_seconds() - left
    session = stage.service.issue(person, "session", owner, seconds=None, age=age)
    yield 2
    made = stage.service.command(person, "read", tokens=[session.id])
    stage.service.ask(person.auth, person, made, ("stamped",))
    yield left + 8
    stage.look("after a session was read in time", [session])


def same_key_twice(stage, person):
    """A command that comes twice is done once; another one under the same key is a mistake of the sender's."""
    login = stage.service.sign_in(person)
    yield 3
    made = stage.service.command(person, "logout", subject=person.subject, session=login.owner["session"])
    first = stage.service.ask(person.auth, person, made, DONE, login.in_service, "logout")
    second = stage.service.desk.post(person.auth, made)
    if first.status == 200 and (second.status, second.body) != (first.status, first.body):
        stage.service.faults.append(f"{person.story}: the same command under the same key was answered otherwise")
    other = stage.service.command(person, "read", made["idempotency_key"], tokens=[login.refresh.id])
    stage.service.ask(person.auth, person, other, (409,))


def deletes_the_account(stage, person):
    """One account with thousands of tokens: all are invalid when the answer is there, whatever rows say by then."""
    tokens = stage.account
    stage.look("before an account is deleted", tokens)
    made = stage.service.command(person, "account_deleted", subject=person.subject)
    stage.service.ask(person.desk, person, made, DONE, tokens, "account_deleted", {"erased": True})
    look = stage.look("right after an account was deleted", tokens)
    stage.say(
        f"an account was deleted: {look.n_tokens:,} tokens, {look.n_marked_valid:,} rows of them not touched yet, "
        f"{look.n_good:,} good by the read rule"
    )
    yield 1
    answer = stage.service.desk.follow(person.desk, made)
    stage.service.expect(person, "account_deleted", answer, (200,))


def deletes_at_once(stage, person):
    """The owner of an account wants no time for regret."""
    login = stage.service.sign_in(person, with_code=False)
    yield 3
    made = stage.service.command(person, "account_deleted", subject=person.subject, erase_now=True)
    stage.service.ask(person.desk, person, made, DONE, login.in_service, "account_deleted", {"erased": True})
    for token in login.in_service:
        token.may_leave_early = True
    stage.look("right after an account was deleted at once", login.in_service)
    stage.service.desk.follow(person.desk, made)
    yield 0


def is_on_hold(stage, person):
    """A held subject: what ends stays in the vault, what is in service stays in service."""
    login = stage.service.sign_in(person, access=7, with_code=False)
    made = stage.service.command(person, "hold", subject=person.subject, hold_id="case-7")
    stage.service.ask(person.desk, person, made, DONE)
    stage.service.desk.follow(person.desk, made)
    login.access.end.stays = True
    yield 15
    stage.look("under hold", login.in_service)


def is_released(stage, person):
    """Logged out everywhere under hold: nothing leaves. After the release it does."""
    login = stage.service.sign_in(person, with_code=False)
    held = stage.service.command(person, "hold", subject=person.subject, hold_id="case-8")
    stage.service.ask(person.desk, person, held, DONE)
    stage.service.desk.follow(person.desk, held)
    made = stage.service.command(person, "logout", subject=person.subject, everywhere=True)
    # They may not leave at all until somebody says otherwise.
    for token in login.in_service:
        token.not_before = NEVER
    stage.service.ask(person.auth, person, made, DONE, login.in_service, "logout")
    stage.service.desk.follow(person.auth, made)
    yield 10
    stage.look("logged out under hold", login.in_service)
    for token in login.in_service:
        token.not_before = time.time()
    made = stage.service.command(person, "release", subject=person.subject, hold_id="case-8")
    stage.service.ask(person.desk, person, made, DONE)
    stage.service.desk.follow(person.desk, made)


def reaches_too_far(stage, person):
    """A caller that commands another tenant, or what it may not: 403, on record, and nothing happens."""
    login = stage.service.sign_in(person)
    neighbour = stage.stranger(person)
    foreign = stage.service.sign_in(neighbour) if neighbour else None
    yield 3
    auth = stage.service.desk.users[person.auth].arn
    if foreign:
        made = stage.service.command(person, "logout", tenant=neighbour.tenant, tokens=[foreign.session.id])
        stage.service.ask(person.auth, person, made, (403,))
        stage.service.truth.refusals.append(auth)
    made = stage.service.command(person, "account_deleted", subject=person.subject)
    stage.service.ask(person.auth, person, made, (403,))
    stage.service.truth.refusals.append(auth)
    # A queue is its senders' word: what its class may not say is refused, however it got there.
    stage.service.tell("tenant", person, "revoked", [login.session])
    stage.service.truth.refusals.append("tenant")
    yield 6
    stage.look("after a caller reached too far", login.in_service + (foreign.in_service if foreign else []))


def revokes_too_much(stage, person, count=400):
    """More in a day than the command budget allows: out of service at once, and removed when a person has approved."""
    tokens = [stage.service.issue(person, "access") for _ in range(count)]
    stage.approvals.hold_back(person.tenant)
    yield 3
    stage.service.tell("operator", person, "revoked", tokens, trigger="revoked")
    yield 9
    waiting = stage.approvals.waiting(tokens)
    stage.look("while removals wait for a person", tokens)
    now = time.time()
    for token in waiting:
        token.not_before = now
    stage.say(f"{len(waiting):,} of {count:,} revoked tokens wait for a person; all are out of service")
    if not waiting:
        stage.service.faults.append(f"{person.story}: no removal waited for a person")
    stage.approvals.allow(person.tenant)
