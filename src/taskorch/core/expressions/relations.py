"""How two values may stand to each other: ``== != < <= > >= in``, ``not in``."""

import ast
import operator
from collections.abc import Callable
from enum import StrEnum


class Relation(StrEnum):
    """How two values may stand to each other."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    IN = "in"
    NOT_IN = "not in"

    @property
    def is_order(self) -> bool:
        """Whether it asks which of two comes first."""
        return self in PRECEDES


# Any two values may be given to these, for they are asked of like kinds only.
PRECEDES: dict[Relation, Callable[..., bool]] = {
    Relation.LESS: operator.lt,
    Relation.AT_MOST: operator.le,
    Relation.GREATER: operator.gt,
    Relation.AT_LEAST: operator.ge,
}
RELATIONS: dict[type[ast.cmpop], Relation] = {
    ast.Eq: Relation.EQUAL,
    ast.NotEq: Relation.UNEQUAL,
    ast.Lt: Relation.LESS,
    ast.LtE: Relation.AT_MOST,
    ast.Gt: Relation.GREATER,
    ast.GtE: Relation.AT_LEAST,
    ast.In: Relation.IN,
    ast.NotIn: Relation.NOT_IN,
}
MIRRORED = {
    Relation.LESS: Relation.GREATER,
    Relation.AT_MOST: Relation.AT_LEAST,
    Relation.GREATER: Relation.LESS,
    Relation.AT_LEAST: Relation.AT_MOST,
}
"""What a relation is seen from the other side, where that is another one."""
