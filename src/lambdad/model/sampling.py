"""Which requests are traced when nobody before has decided it: AWS's default rule."""

from __future__ import annotations

from dataclasses import dataclass, field

SHARE = 0.05  # of what comes after the first one of a second


@dataclass(slots=True)
class Sampler:
    """POLICY: of each function, the first request of every second and 5 % of the others."""

    _second: int = 0
    _sampled: set[str] = field(default_factory=set)  # functions, in this second

    def takes(self, function_arn: str, now: float, draw: float) -> bool:
        """Decide one request; `draw` is from 0 to just below 1."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._sampled.clear()
        if function_arn in self._sampled:
            return draw < SHARE
        self._sampled.add(function_arn)
        return True
