"""Tables of the ledger. Times are microseconds UTC; payloads are JSON text.

Ids begin with their time. Where a key begins with the id, calls of many workspaces are written side by side at its end;
where it begins with the workspace, each of them changes pages of its own.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    and_,
    literal_column,
    text,
)

from toolcrib.kit.db import held_by, metadata

workspace_state = Table(
    "workspace_state",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    info=held_by(house_reads="true"),  # the house goes round all workspaces, one at a time
)

executions = Table(
    "executions",
    metadata,
    Column("workspace_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("tool_id", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("tool_version", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("subject_type", Text),
    Column("subject_id", Text),
    Column("exception_id", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("dry_run", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("execution_time_us", BigInteger),
    Column("cancel_at", BigInteger),
    Column("on_behalf_of", Text),
    Column("host", Text),
    Column("approval_id", Text),
    PrimaryKeyConstraint("id", "workspace_id"),
    info=held_by(house_reads="status = 'running'"),  # the house closes the calls of dead processes
    sqlite_with_rowid=False,
)
Index("executions_by_workspace", executions.c.workspace_id, executions.c.id)
Index("executions_by_tool", executions.c.workspace_id, executions.c.tool_id, executions.c.id)
_running = text("status = 'running'")
Index("executions_running", executions.c.owner, sqlite_where=_running, postgresql_where=_running)
_of_subject = executions.c.subject_type.is_not(None)
Index(
    "executions_by_subject",
    executions.c.workspace_id,
    executions.c.subject_type,
    executions.c.subject_id,
    executions.c.id,
    sqlite_where=_of_subject,
    postgresql_where=_of_subject,
)
_about = executions.c.exception_id.is_not(None)
Index(
    "executions_by_exception",
    executions.c.workspace_id,
    executions.c.exception_id,
    executions.c.id,
    sqlite_where=_about,
    postgresql_where=_about,
)

bodies = Table(
    "bodies",
    metadata,
    Column("workspace_id", Text, nullable=False),
    Column("execution_id", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("execution_id", "workspace_id", "part"),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("type", Text, nullable=False),
    Column("execution_id", Text),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("facts", Text),
)

_OF_CALLS = ("ToolExecutionRequested", "ToolExecutionCompleted", "ToolExecutionFailed")
rare = and_(*(events.c.type != literal_column(f"'{type_}'") for type_ in _OF_CALLS))
"""Which events the security log finds by their type: there are few beside those of calls that were let through. `NOT IN` would
cost SQLite a microsecond an event.
"""
_of_call = events.c.execution_id.is_not(None)
Index(
    "events_by_execution",
    events.c.execution_id,
    events.c.workspace_id,
    events.c.seq,
    sqlite_where=_of_call,
    postgresql_where=_of_call,
)

Index(
    "events_of_security",
    events.c.workspace_id,
    events.c.type,
    events.c.seq,
    sqlite_where=rare,
    postgresql_where=rare,
)

approvals = Table(
    "approvals",
    metadata,
    Column("workspace_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("execution_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tool_id", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("tool_version", Text, nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("on_behalf_of", Text),
    Column("key_id", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("second", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger),
    Column("decided_by", Text),
    Column("note", Text),
    PrimaryKeyConstraint("id", "workspace_id"),
    info=held_by(house_reads="state = 'pending'"),  # the house ends those that nobody decided in time
)
Index("approvals_by_workspace", approvals.c.workspace_id, approvals.c.id)
_pending = text("state = 'pending'")
Index(
    "approvals_pending",
    approvals.c.workspace_id,
    approvals.c.expires_at,
    sqlite_where=_pending,
    postgresql_where=_pending,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("actor_id", Text, primary_key=True),
    Column("tool_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("execution_id", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("idempotency_keys_by_age", idempotency_keys.c.workspace_id, idempotency_keys.c.created_at)

secret_uses = Table(
    "secret_uses",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("execution_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("renewed_at", BigInteger, nullable=False),
    Column("dead_at", BigInteger),
    info=held_by(None),
)

refusals = Table(
    "refusals",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("code", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("tool", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
