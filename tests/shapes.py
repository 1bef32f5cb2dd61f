"""Annotated shapes are checked at every call: its arguments before, what it returns after.

jaxtyping's own wrapper binds a signature and checks arguments twice in each call, of every function;
this one wraps those alone that annotate a shape.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, get_args

import jaxtyping
from beartype import beartype
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import jaxtyped


def check_shapes_of(modules: Sequence[str]) -> None:
    """Wrap what these modules define as they are imported."""
    jaxtyping.jaxtyped = _as_it_is  # the import hook writes @jaxtyping.jaxtyped(typechecker=...)
    jaxtyping.install_import_hook(modules, f"{__name__}.{checked.__name__}")


def _as_it_is(*, typechecker: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return typechecker


def checked(thing: Any) -> Any:
    """The function, or the class whose fields, if it is a dataclass, are arguments of its __init__.

    What a function yields isn't checked, nor what is annotated without a shape: mypy sees to that.
    """
    if inspect.isclass(thing):
        if dataclasses.is_dataclass(thing):
            thing.__init__ = checked(thing.__init__)  # type: ignore[misc]
        return thing
    hints = _shapes(thing)
    yields = inspect.isgeneratorfunction(thing)
    if yields:
        hints.pop("return", None)
    if not hints:
        return thing
    annotations, thing.__annotations__ = thing.__annotations__, hints
    # beartype alone would look at a generator's arguments when it is first asked for something.
    strict = jaxtyped(thing, typechecker=beartype) if yields else beartype(thing)
    thing.__annotations__ = annotations

    @functools.wraps(thing)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if jaxtyping.config.jaxtyping_disable:
            return thing(*args, **kwargs)
        with jaxtyped("context"):  # a letter is one size throughout the call, and in no other
            try:
                return strict(*args, **kwargs)
            except BeartypeCallHintViolation as error:
                raise jaxtyping.TypeCheckError(str(error)) from None

    return call


def _shapes(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotations that have a shape. None is in one that only a type checker can read."""
    found = {}
    for name, hint in function.__annotations__.items():
        if isinstance(hint, str):
            try:
                hint = eval(hint, function.__globals__)
            except NameError:
                continue
        if _has_shape(hint):
            found[name] = hint
    return found


def _has_shape(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(_has_shape(part) for part in get_args(hint))
