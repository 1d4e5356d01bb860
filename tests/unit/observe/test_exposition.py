"""What Prometheus reads."""

from __future__ import annotations

from lambdad.observe.exposition import Exposition, Gauge
from lambdad.observe.function_totals import FunctionTotals


async def text_of(totals: FunctionTotals, *gauges: Gauge) -> list[str]:
    async def tell() -> tuple[Gauge, ...]:
        return gauges

    return (await Exposition(totals, tell).text()).splitlines()


async def test_counts_and_times_of_each_function_have_labels() -> None:
    totals = FunctionTotals()
    totals.add("Invocations", ("1", "r", "f"))
    totals.add("Duration", ("1", "r", "f"), 2.5)
    totals.add("Duration", ("1", "r", "f"), 1.5)
    lines = await text_of(totals)
    labels = '{account="1",region="r",function="f"}'
    assert f"lambdad_invocations_total{labels} 1" in lines
    assert f"lambdad_duration_milliseconds_sum{labels} 4" in lines
    assert f"lambdad_duration_milliseconds_count{labels} 2" in lines
    assert "# TYPE lambdad_invocations_total counter" in lines


async def test_names_cannot_break_out_of_their_labels() -> None:
    totals = FunctionTotals()
    totals.add("Errors", ("1", "r", 'f"\n\\'))
    lines = await text_of(totals)
    assert any(r'function="f\"\n\\"} 1' in line for line in lines)


async def test_figures_of_the_node_follow() -> None:
    lines = await text_of(FunctionTotals(), Gauge("environments", "How many there are.", 3))
    assert lines[-3:] == [
        "# HELP lambdad_environments How many there are.",
        "# TYPE lambdad_environments gauge",
        "lambdad_environments 3",
    ]
