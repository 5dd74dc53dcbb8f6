"""Reads tokens as any reader of the vault would, at moments during the day, and compares the answers with the truth."""

import threading
import time
from dataclasses import dataclass

import codec
import reader
from auth import rows
from cloud import LocalError

KEYS_A_READ = 100
ATTEMPTS = 20
SHOWN = 3


@dataclass
class Look:
    """What one look at some tokens found."""

    n_tokens: int
    # Rows that still say `isValid`, whatever else makes them invalid.
    n_marked_valid: int
    # Tokens that the read rule calls good.
    n_good: int
    wrong: list


def judge(found, tokens, began, done, now):
    """Compares the read rule's answers with what must be. `found` maps key pairs to rows, subject rows among them."""
    n_marked, n_good, wrong = 0, 0, []
    for token, subject_key in tokens:
        row = found.get((token.key["pk"], token.key["sk"]))
        subject = found.get(subject_key)
        answer = reader.answer(row, subject, True, now)
        n_marked += bool(row and row.get("isValid"))
        n_good += answer.valid
        wanted = token.expected(began, done, now)
        if wanted is not None and wanted != answer.valid:
            wrong.append((token, wanted, answer.state))
    return Look(len(tokens), n_marked, n_good, wrong)


class Prober:
    """Looks at tokens and keeps every answer that was wrong."""

    def __init__(self, cloud, vault, shards):
        self.dynamodb, self.vault, self.shards = cloud.client("dynamodb"), vault, shards
        self.n_answers, self.moments, self.lock = 0, {}, threading.Lock()
        # moment -> token ids of whom the read rule said something wrong
        self.wrong, self.lines = {}, []

    def look(self, moment, tokens):
        """Looks at these tokens now; a wrong answer is kept under the moment's name."""
        pairs = [(token, self.subject_of(token)) for token in tokens]
        began = time.time()
        found = self.read({(token.key["pk"], token.key["sk"]) for token in tokens})
        # As every reader: the tokens first, then their subjects' rows.
        found |= self.read({key for _, key in pairs if key})
        done = time.time()
        look = judge(found, pairs, began, done, int(done))
        with self.lock:
            self.n_answers += look.n_tokens
            self.moments[moment] = self.moments.get(moment, 0) + look.n_tokens
            self.wrong.setdefault(moment, set()).update(token.id for token, _, _ in look.wrong)
            for token, wanted, state in look.wrong[:SHOWN]:
                good = "good" if wanted else "out of service"
                self.lines.append(f"{moment}: {token.story}, {token.row['kind']}: must be {good}, is {state}")
        return look

    def subject_of(self, token):
        """The key of the row of a token's subject; None where it has none."""
        if token.subject is None:
            return None
        key = rows.subject_key(token.tenant, token.subject, self.shards[token.tenant])
        return key["pk"], key["sk"]

    def read(self, keys):
        """The rows under these keys, each consistently read."""
        found, keys = {}, sorted(keys)
        for start in range(0, len(keys), KEYS_A_READ):
            found |= self.read_page(keys[start : start + KEYS_A_READ])
        return found

    def read_page(self, keys):
        """One page of rows; what the table did not get to is asked for again."""
        wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys]
        found = {}
        for _ in range(ATTEMPTS):
            request = {self.vault: {"Keys": wanted, "ConsistentRead": True}}
            answer = self.dynamodb.batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(self.vault, []):
                row = codec.plain_item(item)
                found[row["pk"], row["sk"]] = row
            wanted = answer.get("UnprocessedKeys", {}).get(self.vault, {}).get("Keys")
            if not wanted:
                return found
        raise LocalError(f"{self.vault}: keys stay unprocessed")
