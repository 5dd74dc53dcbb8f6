"""Runs the chaos on a local cloud that stands behind the chaos's front, and says what came of it in JSON."""

import argparse
import json
import pathlib
import sys

from botocore.exceptions import BotoCoreError, ClientError

from chaos import closing, scenario
from cloud import LocalError


def main():
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--stack", default="lethe")
    parser.add_argument("--tokens", type=int, default=50_000)
    parser.add_argument("--tenants", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        summary, home = scenario.Chaos(arguments).run()
    except (LocalError, BotoCoreError, ClientError, OSError) as fault:
        sys.exit(f"chaos: {fault}")
    written = arguments.json or home / "summary.json"
    for path in {home / "summary.json", written}:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(summary, indent=2) + "\n")
    closing.close(summary, written)
    sys.exit(1 if closing.is_wrong(summary) else 0)


if __name__ == "__main__":
    main()
