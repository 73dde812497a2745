"""Never run, only type-checked: what a host may write against the front door, and what it is told."""
