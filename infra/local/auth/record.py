"""What the audit says of each token: its items, folded by fingerprint. Pure."""

from collections import defaultdict
from dataclasses import dataclass, field

import codec

ENDING = ("cooled", "sentenced", "archived", "erased")


@dataclass(frozen=True)
class Mention:
    """One entry about one token, with what its item says."""

    event: str
    reason: str
    version: int
    at: float
    actor: str | None
    reason_text: str | None
    place: tuple


@dataclass
class Record:
    """The whole audit, by token."""

    # token id -> mentions, oldest version first
    mentions: dict = field(default_factory=lambda: defaultdict(list))
    # (object, version) -> tokens archived in it
    objects: dict = field(default_factory=lambda: defaultdict(set))
    # (object, version) of `purged` items
    gone: set = field(default_factory=set)
    # entries that name no token of the day
    unknown: int = 0
    # actors of `refused` items about commands; those with entries are late reads
    refused: list = field(default_factory=list)

    def of(self, token, *events):
        """A token's mentions in items of these events."""
        return [mention for mention in self.mentions.get(token.id, ()) if mention.event in events]

    @property
    def purged(self):
        """Tokens whose every archive object is gone."""
        held = set().union(*(tokens for place, tokens in self.objects.items() if place not in self.gone))
        return set().union(*self.objects.values()) - held

    @property
    def erased(self):
        """Tokens that left without a copy."""
        return {id for id, found in self.mentions.items() if any(one.event == "erased" for one in found)}


def follow(audit, names):
    """Folds the audit's items; `names` maps fingerprints to token ids."""
    record = Record()
    for item in audit:
        event, place = item.get("event"), (item.get("object"), item.get("object_version"))
        if event == "purged":
            record.gone.add(place)
        if event == "refused" and not item.get("entries"):
            record.refused.append(item.get("actor") or "")
        for entry in codec.decode_entries(item.get("entries", b"")):
            token = names.get(entry.fingerprint)
            if token is None:
                record.unknown += 1
                continue
            if event == "archived":
                record.objects[place].add(token)
            record.mentions[token].append(mention_of(item, event, entry, place))
    for found in record.mentions.values():
        found.sort(key=order)
    return record


def order(mention):
    """Mentions in the order of what happened: a removal is on record with the version of the change before it."""
    return mention.version, mention.event in ("archived", "erased")


def mention_of(item, event, entry, place):
    """One entry with its item's facts."""
    return Mention(
        event, entry.reason, entry.version, time_of(item), item.get("actor"), item.get("reason_text"), place
    )


def time_of(item):
    """When it happened, in seconds: items of tokens are sorted by it."""
    first = str(item.get("sk", "")).partition("#")[0]
    return int(first) / 1_000 if first.isdigit() else 0.0


def names_of(tokens, keys):
    """Which fingerprint is whose, for the tenants whose keys there are."""
    return {
        codec.fingerprint(keys[token.tenant], token.id): token.id for token in tokens if keys.get(token.tenant)
    }
