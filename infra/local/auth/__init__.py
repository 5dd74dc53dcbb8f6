"""An auth service's day: the demo's second scenario (`cargo xtask demo --scenario auth`).

Plays everybody around Lethe and holds Lethe to what it promises, in layers that look downwards only:

    scenario.py   sets the cloud up, runs the day, waits for the ends, has everything judged
    stories.py    what happens to whom: one generator a story, which pauses where time has to pass
    cast.py       how many of each story, for which tenant, and when; pure: one seed, one day
    service.py    the auth service: writes rows at issue, says what ended, and keeps the truth
    desk.py       how commands travel: three queues and the front door
    clockwork.py  runs stories side by side
    probe.py      reads rows as any reader would, during the day, and compares them with the truth
    approvals.py  the operator: approves plans and the commands of a day
    progress.py   where everything stands while it runs
    truth.py      what became of each token, or must; pure
    rows.py       a vault row as an issuer writes it; commands.py  a command's text; both pure
    judge.py      the independent checker: from the raw tables, bucket and audit, by identity; pure
    closing.py    the closing table

Nothing here does Lethe's work, and nothing but the written design is shared with it.
"""
