"""The log in a SQLite file: one machine, one partition, one consumer at a time.

Read `log.py` first, then `consumer.py` and `reader.py`. All of them use `database.py`: one connection on a thread of its own,
where every operation is one transaction. `schema.py` has the tables and checks the file's format, `lease.py` decides which
process consumes, `standby.py` follows that process, `retention.py` deletes old records, and `errors.py` turns errors of SQLite
and the system into sentences.
"""
