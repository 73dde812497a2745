"""How the team is doing: D0's seven metrics as a fold over events, within a window."""
