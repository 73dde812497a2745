"""What the benchmarks of runs share: the graphs, the bodies, the floors, the clock. It knows nothing of taskorch."""
