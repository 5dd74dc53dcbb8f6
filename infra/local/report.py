"""The closing table of the demo: what was planted, what became of it, what it cost, and where to look next. Pure but for printing."""

REQUIRED_ZERO = ("live_lost", "overdue", "survivors_written", "odd_rows_changed", "dead_letters")
ROWS = (
    ("planted", ("tokens", "referenced", "unreferenced", "expired", "kept_in_use")),
    ("went", ("cooled", "sentenced", "archived", "purged")),
    ("must be zero", REQUIRED_ZERO),
    ("cost", ("writes_per_purged_token", "removing_deletes", "transaction_doubling", "requests", "seconds")),
    ("runs", ("runs_applied", "runs_void", "refused")),
    ("rails", ("slices", "runs_shadow", "approvals", "canaries", "fewest_witnesses", "lowest_recall_percent")),
    ("evidence", ("archive_objects", "audit_items", "reissued_while_cooling", "planted_purged_identical")),
)


def requests(before, after):
    """Requests that the functions and the operator's command made, by service; None where nobody counted."""
    if before is None or after is None:
        return {"requests": None, "requests_by_operation": None}
    made = {}
    for name, count in after.items():
        caller, _, operation = name.partition(" ")
        grown = count - before.get(name, 0)
        if caller == "rust" and grown:
            made[operation] = grown
    ranked = dict(sorted(made.items(), key=lambda pair: -pair[1]))
    return {"requests": sum(made.values()), "requests_by_operation": ranked}


def shown(value):
    """A figure as people read it."""
    if value is None:
        return "not counted here"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
    return f"{value:,}"


def table(summary):
    """The lines of the closing table."""
    lines = []
    for title, names in ROWS:
        for number, name in enumerate(names):
            wrong = name in REQUIRED_ZERO and summary[name] != 0
            mark = "  <- must be 0" if wrong else ""
            lines.append(f"  {title if number == 0 else '':<13} {name.replace('_', ' '):<26} {shown(summary[name]):>12}{mark}")
    return lines


def close(summary, path):
    """Prints the table, the verdict and where to look next."""
    print("\n" + "\n".join(table(summary)))
    if summary["requests_by_operation"]:
        top = list(summary["requests_by_operation"].items())[:6]
        print("  requests by  " + ", ".join(f"{name} {count:,}" for name, count in top))
    if summary["faults"]:
        print("\nThe checker found:")
        for fault in summary["faults"]:
            print(f"  - {fault}")
    else:
        print("\nEvery planted token that nobody needed is gone and on record; every other one is untouched.")
    print("\nWhere to look next")
    print(f"  {path}  these figures")
    print("  target/demo/lethe.toml  the configuration; README.md says what each line means")
    print("  target/cloud/demo/ministack.log  what the functions logged")
    print("  cargo xtask demo --keep  leaves the cloud up; then `lethe status`, `lethe explain TENANT TOKEN`")
