"""Chance that repeats itself: a number drawn from a text, the same on every machine and in every run."""


def chance(key: str) -> float:
    """A number in [0, 1), evenly spread over keys and always the same for the same *key*."""
    import hashlib  # a run in which nothing is tried again does without it

    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()) / 2**64
