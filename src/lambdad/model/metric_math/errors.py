"""What is wrong with an expression, told as CloudWatch tells it."""

from __future__ import annotations


class ExpressionError(ValueError):
    """An expression that cannot be read or computed; the sentence says why."""

    def told_of(self, expression_id: str) -> str:
        """The message of the ValidationError about the expression with this id."""
        return f"Error in expression '{expression_id}': {self}"
