"""What keeps an archive small and quick to open, called once a day, beside archivers and readers.

`compaction.py` makes one file of the many of a day. `retention.py` removes days that are old, and deletes objects that no commit
names any more.
"""
