"""aiokafka's transactional producer, changed in one respect: the request that ends a transaction is sent once.

The protocol that aiokafka speaks, before transaction version 2 (KIP-890), assumes that requests arrive in the order in which
they were sent. An EndTxn names the producer and its epoch, not the transaction. aiokafka repeats it silently after a broken
connection; if the first one was only delayed on its way, it may arrive within the next transaction and end that one in the
middle. So an EndTxn without an answer counts as a failure: the caller opens a new producer, whose InitProducerId raises the
epoch, and the broker refuses what the old one has sent. docs/decisions/one-end-per-transaction.md covers all other requests.
"""

import asyncio

from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.producer import sender


class OnceSentEnd(sender.EndTxnHandler):  # type: ignore[misc]  # aiokafka has no types
    """Sends an EndTxn; again only if it has not left this process, or if the broker has answered that it did nothing."""

    async def do(self, node_id: int) -> bool:
        """Return True if the transaction has ended or has failed, False if the request has to be sent again.

        A failure is raised to the caller of `commit_transaction` or `abort_transaction`; the producer can't be used after it.
        """
        try:
            response = await self._sender.client.send(node_id, self.create_request(), group=self.group)
        except NodeNotReadyError:  # there was no connection: nothing was sent
            pause_s = self.handle_error()
        except KafkaError as error:
            self._sender._txn_manager.fatal_error(error)  # noqa: SLF001  # there is no public one
            return True
        else:
            pause_s = self.handle_response(response)
        if pause_s is None:
            return True
        await asyncio.sleep(pause_s)
        return False


def end_transactions_once() -> None:
    """Make all producers of this process end transactions by `OnceSentEnd`."""
    sender.EndTxnHandler = OnceSentEnd
