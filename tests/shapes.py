"""Annotated shapes are checked at every call: its arguments before, what it returns after.

jaxtyping's own wrapper binds a signature and checks arguments twice in each call of every function.
This one wraps those alone that annotate a shape, and asks once about arrays of the same types and
sizes: an annotation speaks of nothing else.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Hashable, Iterator, Sequence
from types import NoneType
from typing import Any, NamedTuple, get_args

import jaxtyping
import numpy as np
import torch
from beartype.door import die_if_unbearable
from beartype.roar import BeartypeDoorHintViolation
from jaxtyping import jaxtyped

PLAIN = (NoneType, bool, int, float)
ARRAYS = (torch.Tensor, torch.nn.Parameter, np.ndarray)


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
    shapes = _shapes_of(thing)
    if not shapes.hints:
        return thing
    passed = shapes.passed

    @functools.wraps(thing)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if jaxtyping.config.jaxtyping_disable:
            return thing(*args, **kwargs)
        given = [*shapes.among(args, kwargs)]
        kinds = (*((name, _kind(value)) for name, value in given),)
        if kinds not in passed:
            shapes.check(given, kinds)
        found = thing(*args, **kwargs)
        if "return" in shapes.hints and (back := (*kinds, ("return", _kind(found)))) not in passed:
            shapes.check([*given, ("return", found)], back)
        return found

    return call


def _kind(value: Any) -> Hashable:
    """All that an annotation of a shape can speak of; None if that isn't known."""
    kind = type(value)
    if kind in ARRAYS:
        return kind, value.dtype, value.shape
    if kind is tuple:
        parts = (*map(_kind, value),)
        return None if None in parts else (kind, parts)
    return kind if kind in PLAIN else None


def _is_sampled(hint: Any) -> bool:
    """Of a tuple of any length beartype draws an item to look at, another one each time."""
    return ... in get_args(hint) or any(_is_sampled(part) for part in get_args(hint))


class Shapes(NamedTuple):
    """What a function says of its arguments' shapes."""

    name: str
    hints: dict[str, Any]
    order: list[str]
    """Names of its arguments."""
    passed: set[Hashable]
    """Kinds of arguments, and with them of what was returned, that were found right."""

    def among(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """The arguments that have one."""
        for name, value in zip(self.order, args, strict=False):  # too many are the call's mistake
            if name in self.hints:
                yield name, value
        for name, value in kwargs.items():
            if name in self.hints:
                yield name, value

    def check(self, given: list[tuple[str, Any]], kinds: tuple[tuple[str, Hashable], ...]) -> None:
        """Raises jaxtyping.TypeCheckError: a letter is one size throughout a call, and in no other."""
        with jaxtyped("context"):
            for name, value in given:
                try:
                    die_if_unbearable(value, self.hints[name])
                except BeartypeDoorHintViolation as error:
                    raise jaxtyping.TypeCheckError(f"{self.name}, {name}: {error}") from None
        if all(kind and not _is_sampled(self.hints[name]) for name, kind in kinds):
            self.passed.add(kinds)


_KNOWN: dict[Hashable, Shapes] = {}


def _shapes_of(function: Callable[..., Any]) -> Shapes:
    """Resolved once, also of a function that is made within another, again and again."""
    place = function.__module__, function.__qualname__, function.__code__.co_firstlineno
    if place not in _KNOWN:
        hints = _hints(function)
        if inspect.isgeneratorfunction(function):
            hints.pop("return", None)
        kinds = {name: one.kind for name, one in inspect.signature(function).parameters.items()}
        of_many = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
        assert not any(kinds.get(name) in of_many for name in hints), f"{place}: *args have a shape"
        _KNOWN[place] = Shapes(function.__qualname__, hints, [*kinds], set())
    return _KNOWN[place]


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
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
