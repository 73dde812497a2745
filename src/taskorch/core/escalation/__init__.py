"""Who must be told that a task cannot go on by itself: rules as data, records, ladders, and who has answered."""
