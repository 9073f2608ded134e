"""All metrics of all processes, in one place, so that names and labels stay a closed list.

Rules (https://prometheus.io/docs/practices/naming/): prefix ``samband_``, base units, ``_total`` for
counters, no label whose values grow with the data (never a citizen, a message, an offset, a file).
`.labels()` costs a microsecond: keep the child, and update per batch, never per record.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

_FAST = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)
_SLOW = (0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
_COUNT = (1, 5, 20, 100, 500, 1000, 2000, 5000, 10_000)

ENGINE_RECORDS = Counter(
    "samband_engine_records_total", "Input records in committed transactions.", ["stage"], registry=REGISTRY
)
ENGINE_OUTPUTS = Counter(
    "samband_engine_outputs_total", "Output records in committed transactions.", ["stage"], registry=REGISTRY
)
ENGINE_TRANSACTIONS = Counter(
    "samband_engine_transactions_total",
    "Transactions by how they ended.",
    ["stage", "outcome"],
    registry=REGISTRY,
)
ENGINE_TRANSACTION_SECONDS = Histogram(
    "samband_engine_transaction_duration_seconds",
    "From the first record of a transaction to its commit.",
    ["stage"],
    buckets=_FAST,
    registry=REGISTRY,
)
ENGINE_BATCH_RECORDS = Histogram(
    "samband_engine_batch_records",
    "Input records in one transaction.",
    ["stage"],
    buckets=_COUNT,
    registry=REGISTRY,
)
ENGINE_RESTORE_SECONDS = Histogram(
    "samband_engine_restore_duration_seconds",
    "Time to bring one partition's state up to date.",
    ["stage"],
    buckets=_SLOW,
    registry=REGISTRY,
)
ENGINE_RESTORED = Counter(
    "samband_engine_restored_records_total",
    "Changelog records read to restore state.",
    ["stage"],
    registry=REGISTRY,
)
ENGINE_RESTORE_REMAINING = Gauge(
    "samband_engine_restore_remaining_records",
    "Changelog records that a partition's state still lacks before it is worked on.",
    ["stage", "partition"],
    registry=REGISTRY,
)
ENGINE_STANDBY_LAG = Gauge(
    "samband_engine_standby_lag_records",
    "Changelog records that the standby copy of a partition of another member is behind.",
    ["stage", "partition"],
    registry=REGISTRY,
)
ENGINE_LAG = Gauge(
    "samband_engine_lag_records",
    "Records up to the last stable offset that are not processed yet.",
    ["stage", "topic", "partition"],
    registry=REGISTRY,
)
ENGINE_STABLE_GAP = Gauge(
    "samband_engine_unstable_records",
    "High watermark minus last stable offset: what an open transaction holds back from readers.",
    ["stage", "topic", "partition"],
    registry=REGISTRY,
)
ENGINE_DEAD_LETTERS = Counter(
    "samband_engine_dead_letters_total",
    "Records that were dead-lettered.",
    ["stage", "reason"],
    registry=REGISTRY,
)
ENGINE_PARTITIONS = Gauge(
    "samband_engine_assigned_partitions",
    "Partitions that this process works on.",
    ["stage"],
    registry=REGISTRY,
)
ENGINE_FENCED = Counter(
    "samband_engine_fenced_total",
    "Times that another owner took over a partition's producer.",
    ["stage"],
    registry=REGISTRY,
)
ENGINE_REJOINED = Counter(
    "samband_engine_rejoined_total",
    "Times that this process lost its place in the group and asked for a new one.",
    ["stage"],
    registry=REGISTRY,
)
ENGINE_STATES = Gauge(
    "samband_engine_states",
    "States held by one partition's store.",
    ["stage", "partition"],
    registry=REGISTRY,
)
ENGINE_PARKED_KEYS = Gauge(
    "samband_engine_parked_keys",
    "Keys that wait for an operator because the stage failed on one of their records.",
    ["stage", "partition"],
    registry=REGISTRY,
)
ENGINE_PARKED_RECORDS = Gauge(
    "samband_engine_parked_records",
    "Records that wait behind such a failure, the failed ones included.",
    ["stage", "partition"],
    registry=REGISTRY,
)
ENGINE_LAST_TICK = Gauge(
    "samband_engine_last_tick_timestamp_seconds",
    "The last minute that this process wrote as a tick, in seconds since the epoch.",
    ["stage", "partition"],
    registry=REGISTRY,
)
ROUTER_REFUSED = Counter(
    "samband_router_refused_total",
    "Entries on the topic refusals, by record type and reason. What a transaction that failed had written is "
    "counted again with the next one.",
    ["record", "reason"],
    registry=REGISTRY,
)

CONNECTOR_INPUTS = Counter(
    "samband_connector_inputs_total",
    "Inputs by what became of them; reason is empty for published ones.",
    ["connector", "outcome", "reason"],
    registry=REGISTRY,
)
CONNECTOR_FACTS = Counter(
    "samband_connector_facts_total",
    "Facts that were published, by record type.",
    ["connector", "record"],
    registry=REGISTRY,
)
CONNECTOR_CONNECTIONS = Gauge(
    "samband_connector_connections", "Connections of sources that are open.", ["connector"], registry=REGISTRY
)
CONNECTOR_CONNECTIONS_CLOSED = Counter(
    "samband_connector_connections_closed_total",
    "Connections of sources that ended, by why.",
    ["connector", "reason"],
    registry=REGISTRY,
)
CONNECTOR_ANSWERS = Counter(
    "samband_connector_answers_total",
    "Acknowledgements that sources got, by their code.",
    ["connector", "code"],
    registry=REGISTRY,
)
CONNECTOR_NOISE_BYTES = Counter(
    "samband_connector_noise_bytes_total",
    "Bytes that sources sent and that belong to no input.",
    ["connector"],
    registry=REGISTRY,
)
CONNECTOR_PUBLISH_SECONDS = Histogram(
    "samband_connector_publish_duration_seconds",
    "From a translated input to Kafka's confirmation of its facts and outcome.",
    ["connector"],
    buckets=_FAST,
    registry=REGISTRY,
)
CONNECTOR_LAST_INPUT = Gauge(
    "samband_connector_last_input_timestamp_seconds",
    "When the last input was received, in seconds since the epoch.",
    ["connector"],
    registry=REGISTRY,
)
CONNECTOR_REMEMBERED = Gauge(
    "samband_connector_remembered_inputs",
    "Inputs that are remembered, so that one that is sent again is not published again.",
    ["connector"],
    registry=REGISTRY,
)
CONNECTOR_REQUESTS_WAITING = Gauge(
    "samband_connector_waiting_requests",
    "Requests from the agency's inbox that its system does not have yet.",
    ["connector"],
    registry=REGISTRY,
)
CONNECTOR_REQUEST_TRIES = Counter(
    "samband_connector_request_tries_total",
    "Tries to carry a request to the agency's system, by outcome: carried, failed, refused.",
    ["connector", "outcome"],
    registry=REGISTRY,
)
LOG_LINES_LOST = Counter(
    "samband_log_lines_lost_total",
    "Log lines that could not be written, perhaps because the log's disk is full.",
    registry=REGISTRY,
)
