"""Signing in with a password: which way the brokers take, and a clear word where they refuse.

aiokafka says no more than that it could not reach a broker, and would be asked again for ever.
"""

from dataclasses import replace

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import AuthenticationFailedError, KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

from volcast.log.contract import Mismatch, Unavailable

from .client import Client

MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
"""Ways to sign in with a password; the last one sends it as it is."""


async def sasl_options(client: Client) -> Client:
    """-> the client with the mechanism that the first broker that answers takes.

    Raises Unavailable where none answers, Mismatch where user or password are refused, or no mechanism is taken.
    """
    if not client.username:
        return client
    for mechanism in MECHANISMS:
        if await _is_taken(candidate := replace(client, mechanism=mechanism)):
            return candidate
    raise Mismatch(f"Kafka at {client.bootstrap} takes none of our ways to sign in, {', '.join(MECHANISMS)}: enable one there")


async def _is_taken(client: Client) -> bool:
    reason: BaseException | None = None
    for host, port, _ in collect_hosts(client.bootstrap):
        settings = {name: value for name, value in client.connection().items() if name != "bootstrap_servers"}
        try:
            connection = await create_conn(host, port, **settings)
        except UnsupportedSaslMechanismError:
            return False
        except (AuthenticationFailedError, SaslAuthenticationFailed) as error:
            raise Mismatch(
                f"Kafka at {host}:{port} refuses to sign in {client.username} by {client.mechanism}: check kafka_username and "
                "kafka_password"
            ) from error
        except (TimeoutError, OSError, KafkaError) as error:
            reason = error
        else:
            connection.close()
            return True
    raise Unavailable(f"signing in: {reason}") from reason
