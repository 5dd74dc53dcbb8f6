"""Writes references down as tenants really keep them: in free text, escapes, quotes, nested attributes, packed files.

Pure: tokens in, DynamoDB items or object bodies out. Every shape here has hidden a live token from some scanner once.
Look-alikes are mixed in; none of them contains a whole token, so none may count as a reference.
"""

import base64
import gzip
import json

import zstandard

import codec

# The local profile scans big objects in ranges of this size; tokens are placed over its edges.
RANGE = 1 << 20
# How many characters of a token lie before the edge: none, one, the prefix, half, all but one, all.
CUTS = (0, 1, 4, 14, 27, 28)
LINES_PER_OBJECT = 3_000
WORDS = "the customer asked again about an invoice that nobody could find in the archive of last year".split()


def lookalike(token, number):
    """Something that a careless pattern takes for this token."""
    body = token[len(codec.PREFIX) :]
    wrong = codec.ALPHABET[(codec.ALPHABET.index(body[-1]) + 1) % len(codec.ALPHABET)]
    return (
        token[:-1] + wrong,  # checksum
        token[:-1],  # one character short
        "tik_" + body,  # prefix
        "tok-" + body,  # separator
        token[:12] + "-" + token[13:],  # alphabet
        token[:10].upper() + token[10:],  # case
    )[number % 6]


def prose(random, *parts):
    """A sentence with the parts inside it."""
    words = random.choices(WORDS, k=6)
    return " ".join(words[:3] + list(parts) + words[3:])


def escaped(text, random):
    """JSON text of a string in which one character of the token is written as an escape."""
    place = random.choice((3, 0, random.randrange(4, len(text))))
    return json.dumps(text[:place])[:-1] + f"\\u{ord(text[place]):04x}" + json.dumps(text[place + 1 :])[1:]


def item_of(number, tokens, random):
    """One DynamoDB item in boto3's low-level form; its shape goes round with `number`."""
    first = tokens[0]
    item = {"id": {"S": f"order#{number:07d}"}, "at": {"S": "v0"}, "total": {"N": str(random.randint(1, 90_000))}}
    shape = number % 9
    if shape == 0:
        item["note"] = {"S": prose(random, "card", first + ",", "paid")}
    elif shape == 1:
        item["payment"] = {"M": {"method": {"M": {"card": {"S": first}, "ok": {"BOOL": True}}}, "none": {"NULL": True}}}
    elif shape == 2:
        item["lines"] = {"L": [{"N": "1"}, {"L": [{"M": {"ref": {"S": first}}}]}, {"S": "x"}]}
    elif shape == 3:
        item["cards"] = {"SS": sorted({*tokens, "cash"})}
    elif shape == 4:
        item["blob"] = {"B": b"\x00\x9f" + first.encode() + b"\xff\x00"}
    elif shape == 5:
        item["at"] = {"S": f"card#{first}"}
    elif shape == 6:
        item["blobs"] = {"BS": [b"\x01" + first.encode() + b"\x02", b"\x00\x00"]}
    elif shape == 7:
        item["document"] = {"S": json.dumps({"lines": [{"card": first}], "text": "a\nb"})}
    else:
        item["by_card"] = {"M": {first: {"N": "3"}}}
    if 1 < len(tokens) and shape != 3:
        item["others"] = {"L": [{"S": prose(random, token)} for token in tokens[1:]]}
    return item


def items(tokens, lookalikes, random):
    """All items of a DynamoDB store: one to three tokens each, and look-alikes beside them."""
    rest, made = list(tokens), []
    while rest:
        size = random.choice((1, 1, 2, 3))
        part, rest = rest[:size], rest[size:]
        made.append(item_of(len(made), part, random))
    for number, token in enumerate(lookalikes):
        item = item_of(len(made), [lookalike(token, number)], random)
        item["note"] = {"S": prose(random, lookalike(token, number + 1))}
        made.append(item)
    return made


def jsonl_line(number, token, random):
    """One JSON line."""
    head = f'{{"n":{number},"text":'
    shape = number % 8
    if shape == 0:
        return head + json.dumps(prose(random, token)) + "}"
    if shape == 1:
        return head + escaped(token, random) + "}"
    if shape == 2:
        return head + f'"first line\\n{token}\\ttail"}}'
    if shape == 3:
        return head + f'[[{{"card":"{token}"}}],null,1.5]}}'
    if shape == 4:
        return head + f'"https:\\/\\/shop.example\\/pay\\/{token}\\/done"}}'
    if shape == 5:
        return head + json.dumps(json.dumps({"card": token})) + "}"
    if shape == 6:
        return head + f'"caf\\u00e9 \u00fcber {token}\\"quoted\\""}}'
    return head + f'"x\\\\{token}"}}'


def csv_line(number, token, random):
    """One CSV record; some have quoted quotes, commas and line ends inside."""
    shape = number % 5
    if shape == 0:
        return f'{number},"Doe, ""J.""","{token}",ok'
    if shape == 1:
        return f'{number},"two\nlines, {token}\nand more",,ok'
    if shape == 2:
        return f"{number},{token},{prose(random)},ok"
    if shape == 3:
        return f'{number},"says ""{token}"" today",x,ok'
    return f'{number},="{token}",;{prose(random)};,ok'


def text_line(number, token, random):
    """One line of a log or a letter."""
    shape = number % 5
    if shape == 0:
        return f"2026-01-02T03:04:05Z INFO charge card={token};amount={number}"
    if shape == 1:
        return prose(random, f"({token})")
    if shape == 2:
        return f"\u201e{token}\u201c \u2014 {prose(random)}"
    if shape == 3:
        return f"<card id='{token}'/>\t{prose(random)}"
    return f"{token}"


def export_line(number, token, random):
    """One line of a DynamoDB export to S3: typed JSON with binary as base64, now and then with escapes."""
    item = item_of(number, [token], random)
    text = json.dumps({"Item": item}, default=lambda raw: base64.b64encode(raw).decode())
    return text.replace(token, escaped(token, random)[1:-1]) if number % 4 == 3 else text


LINES = {"jsonl": jsonl_line, "csv": csv_line, "text": text_line, "dynamodb-export": export_line}


def packed(key, body, number, fmt):
    """The body as stored: plain, gzip, zstd, or gzip under a name that does not say so."""
    if fmt == "dynamodb-export":
        return f"{key}.json.gz", gzip.compress(body, 1, mtime=0)
    if fmt == "text":
        return f"{key}.txt", body
    name = f"{key}.{fmt}"
    way = number % 4
    if way == 1:
        return f"{name}.gz", gzip.compress(body, 1, mtime=0)
    if way == 2:
        return f"{name}.zst", zstandard.compress(body, 1)
    if way == 3:
        return name, gzip.compress(body, 1, mtime=0)
    return name, body


def is_packed(number, fmt):
    """Whether the object of this number is compressed, so that half of it is no object."""
    return fmt == "dynamodb-export" or (fmt != "text" and number % 4 != 0)


def objects(fmt, tokens, lookalikes, random):
    """All objects of an S3 store as `(key, body)`, without the store's prefix."""
    line = LINES[fmt]
    edge = list(tokens)[: len(CUTS)] if fmt == "text" and 2 * len(CUTS) <= len(tokens) else []
    lines = [line(number, token, random) for number, token in enumerate(tokens[len(edge) :])]
    lines += [line(number, lookalike(token, number), random) for number, token in enumerate(lookalikes)]
    random.shuffle(lines)
    made = []
    # A few objects even when there is little to write, so that each way of packing occurs.
    size = max(1, min(LINES_PER_OBJECT, -(-len(lines) // 5)))
    for number, start in enumerate(range(0, len(lines), size)):
        body = ("\n".join(lines[start : start + size]) + "\n").encode()
        made.append(packed(f"2026/part-{number:05d}", body, number, fmt))
    if edge:
        made.append(("2026/long.txt", over_edges(edge, random)))
    return made


def over_edges(tokens, random):
    """One long text with a token at every edge between two ranges, each cut at another place."""
    filler = (prose(random) + "\n").encode()
    body = bytearray()
    for number, (token, cut) in enumerate(zip(tokens, CUTS)):
        start = (number + 1) * RANGE - cut
        while len(body) + len(filler) < start:
            body += filler
        body += b"." * (start - len(body) - 1) + b" " + token.encode() + b"\n"
    return bytes(body + filler)
