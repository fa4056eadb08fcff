"""Every error of aiokafka, sorted: it passes, it lasts, or another owner has taken over. Translates them into the log's errors.

What is not in these tables is no error of the aiokafka that they were written for; a test fails if a new one is missing here. In
doubt an error passes if it can come from brokers that start, stop or change leaders: it is retried, and logged each time.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aiokafka import errors

from volcast.log.contract import Fenced, LogError, Mismatch, Unavailable

FENCING_ERRORS = frozenset(
    {
        errors.ProducerFenced,
        errors.InvalidProducerEpoch,
        errors.InvalidProducerIdMapping,  # the broker has dropped an expired transactional id: equivalent to being fenced
        errors.UnknownProducerId,
        errors.InvalidTxnState,
    }
)
"""The producer's epoch is outdated, or its transaction has ended: open again."""
_SETUP = "check the broker's version and settings"
_RIGHTS = "give the user the rights that docs/reference/settings.md lists"
_ACCESS = "check the kafka_… settings for TLS and sign-in"
_TOPIC = "check the settings of the topic, or choose another topic_prefix"
_GROUP = "choose another group, or check who else uses this one"
_SIZE = "raise max.message.bytes of the topic to at least 1048588"
_REPORT = "this is a defect of volcast: please report it"
LASTING_ERRORS: Mapping[type[Exception], str] = {
    errors.AuthenticationFailedError: _ACCESS,
    errors.AuthenticationMethodNotSupported: _ACCESS,
    errors.ClusterAuthorizationFailedError: _RIGHTS,
    errors.CorruptRecordException: "check the disks of the broker, and the network to it",
    errors.DelegationTokenAuthDisabled: _ACCESS,
    errors.DelegationTokenAuthorizationFailed: _ACCESS,
    errors.DelegationTokenExpired: _ACCESS,
    errors.DelegationTokenNotFound: _ACCESS,
    errors.DelegationTokenOwnerMismatch: _ACCESS,
    errors.DelegationTokenRequestNotAllowed: _ACCESS,
    errors.GroupAuthorizationFailedError: _RIGHTS,
    errors.IllegalArgumentError: _REPORT,
    errors.IllegalSaslStateError: _ACCESS,
    errors.IncompatibleBrokerVersion: _SETUP,
    errors.InconsistentGroupProtocolError: _GROUP,
    errors.InvalidCommitOffsetSizeError: _REPORT,
    errors.InvalidConfigurationError: _TOPIC,
    errors.InvalidFetchRequestError: _REPORT,
    errors.InvalidGroupIdError: _GROUP,
    errors.InvalidPartitionsError: _TOPIC,
    errors.InvalidPrincipalType: _ACCESS,
    errors.InvalidReplicationAssignmentError: _SETUP,
    errors.InvalidRequestError: _SETUP,
    errors.InvalidRequiredAcksError: _SETUP,
    errors.InvalidSessionTimeoutError: "set session_timeout_s within the broker's group.min and group.max.session.timeout.ms",
    errors.InvalidTimestampError: "set the clock of this machine, and message.timestamp.type=LogAppendTime on the topic",
    errors.InvalidTopicError: _TOPIC,
    errors.InvalidTransactionTimeout: "set session_timeout_s below the broker's transaction.max.timeout.ms",
    errors.KafkaConfigurationError: _SETUP,
    errors.LogDirNotFound: _SETUP,
    errors.MessageSizeTooLargeError: _SIZE,
    errors.OffsetMetadataTooLargeError: _REPORT,
    errors.PolicyViolationError: "ask who runs the broker: a policy of it forbids this",
    errors.RecordListTooLargeError: _SIZE,
    errors.RecordTooLargeError: _SIZE,
    errors.SaslAuthenticationFailed: _ACCESS,
    errors.SecurityDisabled: _ACCESS,
    errors.TopicAuthorizationFailedError: _RIGHTS,
    errors.TransactionalIdAuthorizationFailed: _RIGHTS,
    errors.UnrecognizedBrokerVersion: _SETUP,
    errors.UnsupportedCodecError: "install volcast with all its dependencies: cramjam decompresses snappy, lz4 and zstd",
    errors.UnsupportedForMessageFormatError: _TOPIC,
    errors.UnsupportedSaslMechanismError: _ACCESS,
    errors.UnsupportedVersionError: _SETUP,
    NotImplementedError: _SETUP,  # the broker offers only versions of a request that aiokafka does not speak
}
"""Errors that no retry cures, with what a person can do."""
PASSING_ERRORS = frozenset(
    {
        # brokers that start, stop, are busy or change leaders
        errors.BrokerNotAvailableError,
        errors.GroupCoordinatorNotAvailableError,
        errors.GroupLoadInProgressError,
        errors.InvalidReplicationFactorError,  # fewer brokers than replicas, while brokers are starting
        errors.KafkaConnectionError,
        errors.KafkaStorageError,
        errors.KafkaTimeoutError,
        errors.KafkaUnavailableError,
        errors.LeaderNotAvailableError,
        errors.ListenerNotFound,
        errors.MetadataEmptyBrokerList,
        errors.NoBrokersAvailable,
        errors.NodeNotReadyError,
        errors.NotControllerError,
        errors.NotCoordinatorForGroupError,
        errors.NotEnoughReplicasAfterAppendError,
        errors.NotEnoughReplicasError,
        errors.NotLeaderForPartitionError,
        errors.QuotaViolationError,
        errors.ReassignmentInProgress,
        errors.ReplicaNotAvailableError,
        errors.RequestTimedOutError,
        errors.StaleControllerEpochError,
        errors.StaleLeaderEpochCodeError,
        errors.StaleMetadata,
        errors.UnknownTopicOrPartitionError,  # a broker that has just started; what is missing at the start is created or refused
        # a rebalance, or another member or process at the same time
        errors.CommitFailedError,
        errors.ConcurrentTransactions,
        errors.GroupIdNotFound,
        errors.IllegalGenerationError,
        errors.IllegalStateError,
        errors.MemberIdRequired,
        errors.NonEmptyGroup,
        errors.RebalanceInProgressError,
        errors.TopicAlreadyExistsError,
        errors.TransactionCoordinatorFenced,
        errors.UnknownMemberIdError,
        # a connection or a client that has to be opened anew
        errors.Cancelled,
        errors.ConsumerStoppedError,
        errors.CorrelationIdError,
        errors.DuplicateSequenceNumber,
        errors.FetchSessionIdNotFound,
        errors.IllegalOperation,  # "not in transaction", after the error that is its cause
        errors.InvalidFetchSessionEpoch,
        errors.KafkaProtocolError,
        errors.OperationNotAttempted,
        errors.OutOfOrderSequenceNumber,
        errors.ProducerClosed,
        errors.TooManyInFlightRequests,
        # the consumer acts on these two
        errors.NoOffsetForPartitionError,
        errors.OffsetOutOfRangeError,
        # what says nothing: a base class, the wrapper of another error, a code that aiokafka does not know
        errors.BrokerResponseError,
        errors.KafkaError,
        errors.NoError,
        errors.UnknownError,
    }
)
"""Errors that a later attempt may not meet."""
FAILURES = (errors.KafkaError, errors.IllegalOperation, errors.ConsumerStoppedError, NotImplementedError, OSError)
"""What aiokafka's clients raise."""


@contextmanager
def translated_errors(operation: str) -> Iterator[None]:
    """Turn aiokafka's errors into those of the log's contract. `operation` says in the message what was being done."""
    try:
        yield
    except FAILURES as error:
        raise log_error_of(error, operation) from error


def log_error_of(error: BaseException, operation: str) -> LogError:
    """Return the error of the log's contract for an error of aiokafka, which may have others as its causes."""
    chain = list(_causes(error))  # aiokafka wraps the errors of its background tasks
    # A partition that may not be written is left out of its transaction; then the broker refuses the others' batches as fenced.
    is_forbidden = any(LASTING_ERRORS.get(type(cause)) == _RIGHTS for cause in chain)  # type: ignore[arg-type]  # as below
    for cause in chain:
        if type(cause) in FENCING_ERRORS and not is_forbidden:
            return Fenced(f"{operation}: another owner has taken over ({type(cause).__name__})")
    for cause in chain:
        if advice := LASTING_ERRORS.get(type(cause)):  # type: ignore[arg-type]  # a BaseException is not in the table
            by = "the broker refuses this" if isinstance(cause, errors.BrokerResponseError) else "this is not possible"
            return Mismatch(f"{operation}: {by}, and a retry would not help: {cause}; {advice}")
    return Unavailable(f"{operation}: {str(error) or type(error).__name__}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
