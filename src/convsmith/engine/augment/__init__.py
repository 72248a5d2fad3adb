"""Training images varied at random, whole batches at once; one family of changes in each file."""

from .operation import OPERATIONS, Operation
from .policy import POLICIES, Policy, policy, strength

__all__ = ["OPERATIONS", "POLICIES", "Operation", "Policy", "policy", "strength"]
