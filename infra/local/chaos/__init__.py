"""Chaos on the local cloud: tenants at work, functions that die, messages that come twice and late, stores that lie, and
a checker of its own that says whether a token in use was lost.

    schedule   which fault is in force when; pure
    front      stands before the cloud: refuses a source, doubles and delays messages
    journal    what the tenants did, the truth that the checker holds the cloud against
    stores     the tenants' stores, every write of them in the journal
    traffic    what the tenants do all the while
    harm       puts the schedule's faults into the stores and the front, and takes them out again
    evidence   what the cloud says at the end: raw tables, objects, audit
    judge      compares the two; pure
    scenario   runs all of it
"""
