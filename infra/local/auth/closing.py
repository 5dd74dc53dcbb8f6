"""The closing table of the auth scenario: by trigger what was planted and what became of it. Pure but for printing."""

import report
from auth.judge import CHECKS
from auth.truth import TRIGGERS

COLUMNS = ("planted", "ended", "archived", "erased", "purged", "kept")
REQUIRED_ZERO = (*CHECKS, "wrong_answers", "overdue", "dead_letters")
ROWS = (
    ("tokens", ("tokens", "kept_in_service", "came_back")),
    ("must be zero", REQUIRED_ZERO),
    ("readers", ("answers_checked",)),
    ("commands", ("commands_asked", "commands_told", "refused", "waited", "approved")),
    ("cost", ("requests", "seconds")),
    ("evidence", ("archive_objects", "audit_items")),
)


def trigger_table(by_trigger):
    """The lines by trigger."""
    lines = ["  " + "".join([f"{'trigger':<18}", *(f"{column:>10}" for column in COLUMNS)])]
    for trigger in TRIGGERS:
        figures = by_trigger[trigger]
        lines.append("  " + "".join([f"{trigger:<18}", *(f"{figures[column]:>10,}" for column in COLUMNS)]))
    return lines


def table(summary):
    """All lines of the closing table."""
    lines = [*trigger_table(summary["by_trigger"]), ""]
    for title, names in ROWS:
        for number, name in enumerate(names):
            wrong = name in REQUIRED_ZERO and summary[name] != 0
            mark = "  <- must be 0" if wrong else ""
            shown = report.shown(summary[name])
            lines.append(f"  {title if number == 0 else '':<13} {name.replace('_', ' '):<26} {shown:>12}{mark}")
    return lines


def close(summary, path):
    """Prints the table, the verdict and where to look next."""
    print("\n" + "\n".join(table(summary)))
    if summary["faults"]:
        print("\nThe checker found:")
        for fault in summary["faults"]:
            print(f"  - {fault}")
    else:
        print("\nEvery token that ended was invalid from the moment that Lethe said so, is gone, and is on record;")
        print("every other one is in service.")
    print("\nWhere to look next")
    print(f"  {path}  these figures")
    print("  target/demo/lethe.toml  the configuration, with everybody who may say what")
    print("  infra/local/auth/stories.py  what happened to whom")
    print("  target/cloud/demo/ministack.log  what the functions logged")
