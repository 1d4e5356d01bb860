"""Queries over log lines: CloudWatch Logs Insights on DuckDB.

    query ──▶ compiler ──▶ plan ──▶ a process: lines of segments ──▶ DuckDB ──▶ file of rows
              (in the node)         (worker)                        (engine)    (history)

The plan is SQL that is ours alone: what a query says stands in its parameters. The process has
limits of memory, time and files, and whatever happens to it happens to one query.
"""
