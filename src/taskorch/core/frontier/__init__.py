"""Which steps of a run may start, and why not: the plan, the facts, and the fold of both."""
