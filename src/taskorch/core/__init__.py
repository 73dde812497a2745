"""The ground floor: pure and synchronous. It answers; it never acts. ``now`` and chance are arguments."""
