"""Other programs on the workloads of `overhead.py`, each in an environment of its own.

`nox -s bench_peers` measures them all, `nox -s "bench_peers(dask)"` one; alone, from the folder above, in an
environment with what the header of the module asks for: `python -m peers.dask [ROUNDS] [SHAPE …]`. Each prints a JSON
line for each workload; `peer_table.py` makes a table of them. Bodies do nothing: async where the peer is async.
"""
