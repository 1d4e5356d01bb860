"""Metric math: the expressions of GetMetricData and of alarms.

    expressions = {"e1": parse("SUM(METRICS()) / PERIOD(m1)")}
    for id in order(expressions, metrics=["m1", "m2"]):
        values[id] = evaluate(expressions[id], Known(window, values, metrics=["m1", "m2"]))

Who evaluates an expression first finds what its `searches()` ask for. Nothing here reads metrics,
and nothing is ever run as code.
"""
