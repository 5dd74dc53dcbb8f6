"""The chaos's closing table. Pure but for printing."""

from report import shown

MUST_BE_ZERO = ("live_lost", "undead", "unaudited", "wrong_voids")
PLAIN = ("tokens", "tenants", "minutes", "seconds", "tokens_archived")
COUNTED = ("faults_injected", "traffic", "runs")


def is_wrong(summary):
    """Whether one of the four is not zero."""
    return any(summary[name] for name in MUST_BE_ZERO)


def table(summary):
    """The lines of the table."""
    lines = [line("", name, summary[name]) for name in PLAIN]
    for title in COUNTED:
        for number, (name, count) in enumerate(sorted(summary[title].items())):
            lines.append(line(title if number == 0 else "", name, count))
    for name in MUST_BE_ZERO:
        lines.append(line("must be zero", name, summary[name]) + ("  <- must be 0" if summary[name] else ""))
    return lines


def line(title, name, value):
    """One figure."""
    return f"  {title.replace('_', ' '):<16} {name.replace('_', ' '):<24} {shown(value):>12}"


def close(summary, path):
    """Prints the table and what is wrong."""
    print("\n" + "\n".join(table(summary)))
    for note, count in sorted(summary["void_notes"].items()):
        print(f"  void, {count} times: {note}")
    for fault in summary["faults"]:
        print(f"  - {fault}")
    if not is_wrong(summary):
        print("\nNo token in use was lost, nothing was left behind, everything is on record.")
    print(f"\n  {path}  these figures, with examples")
