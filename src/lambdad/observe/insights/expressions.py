"""From expressions of a query to SQL."""

from __future__ import annotations

from typing import Protocol

from lambdad.model.insights.malformed import MalformedQuery
from lambdad.model.insights.syntax import (
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Field,
    In,
    Like,
    Logic,
    Negative,
    Not,
    Number,
    Period,
    Regexp,
    Text,
)
from lambdad.observe.insights import aggregates
from lambdad.observe.insights.functions import FUNCTIONS, ceil_time, floor_time
from lambdad.observe.insights.sql import Kind, Sql, compare, number, one_of, text, truth


class Scope(Protocol):
    """What names mean at some place of the query."""

    now: float  # seconds since 1970

    def resolve(self, field: Field) -> Sql:
        """The column that a name stands for; MalformedQuery if it stands for none."""

    def parameter(self, value: str) -> str:
        """How SQL refers to a text of the query, which never becomes part of it."""

    def aggregate(self, call: Call) -> Sql:
        """The SQL of a function of many events; MalformedQuery where there cannot be one."""

    def known(self, source: str) -> Sql | None:
        """The column that an earlier command made of this very text, such as `bin(5m)`."""


def compile_expression(expression: Expression, scope: Scope) -> Sql:
    """The SQL of an expression."""
    match expression:
        case Number(value):
            return Sql(f"CAST({value!r} AS DOUBLE)", Kind.NUMBER)
        case Text(value):
            return Sql(f"CAST({scope.parameter(value)} AS VARCHAR)", Kind.TEXT)
        case Field():
            return scope.resolve(expression)
        case Call():
            return scope.known(expression.source) or _call(expression, scope)
        case Negative(operand):
            return Sql(f"(- {number(compile_expression(operand, scope))})", Kind.NUMBER)
        case Arithmetic():
            return _arithmetic(expression, scope)
        case Period():
            raise MalformedQuery("a period can only stand in bin, datefloor and dateceil", (0, 0))
        case _:
            return Sql(_condition(expression, scope), Kind.TRUTH)


def compile_condition(expression: Expression, scope: Scope) -> str:
    """The SQL of whether an expression is true; never NULL."""
    return truth(compile_expression(expression, scope))


def _condition(expression: Expression, scope: Scope) -> str:
    match expression:
        case Not(operand):
            return f"(NOT {compile_condition(operand, scope)})"
        case Logic(operator, operands):
            conditions = [compile_condition(operand, scope) for operand in operands]
            return "(" + f" {operator.upper()} ".join(conditions) + ")"
        case Comparison():
            return f"({_comparison(expression, scope)})"
        case Like(operand, pattern):
            value = text(compile_expression(operand, scope))
            function = "regexp_matches" if isinstance(pattern, Regexp) else "contains"
            sought = pattern.pattern if isinstance(pattern, Regexp) else pattern.value
            return f"coalesce({function}({value}, {scope.parameter(sought)}), false)"
        case In(operand, choices):
            value_sql = compile_expression(operand, scope)
            return one_of(value_sql, [compile_expression(each, scope) for each in choices])
    raise MalformedQuery("a star can only stand in count(*)", (0, 0))


def _comparison(comparison: Comparison, scope: Scope) -> str:
    left = compile_expression(comparison.left, scope)
    right = compile_expression(comparison.right, scope)
    match comparison.operator:
        case "!=":
            return f"NOT {compare('=', left, right)}"
        case ">":
            return compare("<", right, left)
        case ">=":
            return compare("<=", right, left)
        case operator:
            return compare(operator, left, right)


def _arithmetic(expression: Arithmetic, scope: Scope) -> Sql:
    result = number(compile_expression(expression.first, scope))
    for operator, operand in expression.rest:
        right = number(compile_expression(operand, scope))
        match operator:
            case "^":
                result = f"TRY(pow({result}, {right}))"
            case "/" | "%":
                result = f"({result} {operator} nullif({right}, 0))"
            case _:
                result = f"({result} {operator} {right})"
    return Sql(result, Kind.NUMBER)


def _call(call: Call, scope: Scope) -> Sql:
    if call.name in aggregates.NAMES:
        return scope.aggregate(call)
    if call.name in ("bin", "datefloor", "dateceil"):
        return _rounded_time(call, scope)
    if call.name == "now" and not call.arguments:
        return Sql(f"CAST({int(scope.now)} AS DOUBLE)", Kind.NUMBER)
    function = FUNCTIONS.get(call.name)
    if function is None:
        raise MalformedQuery(f"lambdad knows no function {call.name}", call.span)
    if not function.least <= len(call.arguments) <= function.most:
        raise MalformedQuery(
            f"{call.name} takes {_range(function.least, function.most)}", call.span
        )
    return function.build([compile_expression(each, scope) for each in call.arguments])


def _range(least: int, most: int) -> str:
    count = str(least) if least == most else f"{least} to {most}"
    return f"{count} value{'' if most == 1 else 's'}"


def _rounded_time(call: Call, scope: Scope) -> Sql:
    match call.name, call.arguments:
        case "bin", (Period() as period,):
            return floor_time(scope.resolve(Field("@timestamp", call.span)), period)
        case "datefloor", (value, Period() as period):
            return floor_time(compile_expression(value, scope), period)
        case "dateceil", (value, Period() as period):
            return ceil_time(compile_expression(value, scope), period)
    usage = "bin(5m)" if call.name == "bin" else f"{call.name}(@timestamp, 1h)"
    raise MalformedQuery(f"{call.name} is used like {usage}", call.span)
