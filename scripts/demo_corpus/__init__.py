"""The instruction text of the demo: eight capabilities of an invented world, made from nothing but seeds."""

from demo_corpus.corpus import GENERATORS, POOL_SHARES, in_domain, pool, training
from demo_corpus.defects import QUALITIES
from demo_corpus.draft import Draft

__all__ = ["GENERATORS", "POOL_SHARES", "QUALITIES", "Draft", "in_domain", "pool", "training"]
