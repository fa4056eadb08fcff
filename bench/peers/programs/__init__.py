"""The programs that `python -m bench.peers` compares, each a process of its own with the options of `job.Options`."""
