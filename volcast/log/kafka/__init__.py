"""The log on Kafka, over aiokafka; the only package, with those in it, that imports it.

Read `log.py` first, which creates the others: `topics.py` (created and checked at the start), `writer.py` (transactions, the
appender), `consumer.py` (a member of the group, which opens and commits partitions) and `state.py` (how a partition is restored).
`reader.py` reads without a group. `client.py` makes aiokafka's clients, and starts and stops them around its defects;
`producer.py` ends transactions once; `errors.py` sorts aiokafka's errors. `standby/` follows the partitions of others.
`access/` is about TLS, sign-in, aiokafka's messages, and topics that are deleted while they are in use.
"""
