"""Renderings of what the core knows: text for people and other programs, nothing else."""
