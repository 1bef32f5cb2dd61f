"""What is said of a wrong value, and a bank, a model and a learner that it is given to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jaxtyping
from scripted import tiny_hrm

from hrm_rl.agents.learners import learner
from hrm_rl.agents.learners.protocol import play_on
from hrm_rl.banks.synthetic import bank_a

BANK = bank_a(6, 3)
MODEL = tiny_hrm()


def learn(name: str, **arguments: Any) -> Any:
    return learner(name)(
        play_on(BANK, observation="o", slots=2), **{"steps": 2, "seed": 0} | arguments
    )


def sentence(call: Callable[[Any], Any], value: Any) -> str:
    """What is said of the value; "" if it is taken."""
    try:
        call(value)
    except (ValueError, TypeError) as error:
        assert not isinstance(error, jaxtyping.TypeCheckError)
        said = str(error)
        assert said and "\n" not in said, said
        raised = error.__traceback__
        while raised is not None and raised.tb_next is not None:
            raised = raised.tb_next
        assert raised is not None
        where = raised.tb_frame.f_code.co_filename
        assert "hrm_rl" in where and "site-packages" not in where, f"{where} says {said}"
        return said
    return ""
