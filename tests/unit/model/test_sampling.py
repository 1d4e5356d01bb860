"""Which requests are traced when nobody before has decided it."""

from __future__ import annotations

from lambdad.model.sampling import Sampler


def test_the_first_request_of_each_second_is_taken() -> None:
    sampler = Sampler()
    taken = [sampler.takes("f", now, 0.9) for now in (1.0, 1.5, 1.9, 2.0, 2.1, 9.0, 2.0)]
    assert taken == [True, False, False, True, False, True, True]


def test_every_function_has_a_first_request() -> None:
    sampler = Sampler()
    taken = [sampler.takes(function, 1.0, 0.9) for function in ("f", "g", "f", "g")]
    assert taken == [True, True, False, False]


def test_five_percent_of_the_others_are_taken() -> None:
    sampler = Sampler()
    sampler.takes("f", 1.0, 0.9)
    assert sum(sampler.takes("f", 1.0, draw / 1000) for draw in range(1000)) == 50
