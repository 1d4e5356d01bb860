"""An event source mapping: which function gets the records of which source, and how.

    CreateEventSourceMapping ──▶ Creating ───────────────────────▶ Enabled or Disabled
    UpdateEventSourceMapping ──▶ Enabling, Disabling, Updating ──▶ Enabled or Disabled
    DeleteEventSourceMapping ──▶ Deleting ───────────────────────▶ gone

A change is accepted first and takes effect afterwards; until then the mapping is as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from lambdad.arn import event_source_mapping_arn, function_arn

CREATING = "Creating"
DELETING = "Deleting"
DISABLED = "Disabled"
DISABLING = "Disabling"
ENABLED = "Enabled"
ENABLING = "Enabling"
UPDATING = "Updating"

AT_REST = frozenset({ENABLED, DISABLED})


@dataclass(frozen=True, slots=True)
class MappingConfiguration:
    """What an update can change. `settings` holds members in AWS's words and shapes."""

    function_name: str
    qualifier: str | None
    is_enabled: bool
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """`source` is its kind among `lambdad.model.event_source.SOURCES`; `event_source_arn` is None
    for a cluster of one's own. `pending` is an update on its way."""

    kind: ClassVar[str] = "event-source-mapping"

    account_id: str
    region: str
    uuid: str
    source: str
    event_source_arn: str | None
    configuration: MappingConfiguration
    last_modified: float  # seconds since the epoch; of a state, too
    state: str = CREATING
    pending: MappingConfiguration | None = None
    last_processing_result: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, UUID."""
        return (self.account_id, self.region, self.uuid)

    @property
    def arn(self) -> str:
        return event_source_mapping_arn(self.account_id, self.region, self.uuid)

    @property
    def newest(self) -> MappingConfiguration:
        """As it was asked for, whether or not the change has taken effect."""
        return self.pending or self.configuration

    @property
    def function_arn(self) -> str:
        """As the function was asked for: qualified if it was."""
        configuration = self.configuration
        return function_arn(
            self.account_id, self.region, configuration.function_name, configuration.qualifier
        )


def updating(
    mapping: EventSourceMapping, wanted: MappingConfiguration, now: float
) -> EventSourceMapping:
    """The mapping with an update ahead of it."""
    was = mapping.configuration.is_enabled
    state = UPDATING
    if wanted.is_enabled != was:
        state = ENABLING if wanted.is_enabled else DISABLING
    return replace(mapping, state=state, pending=wanted, last_modified=now)


def deleting(mapping: EventSourceMapping, now: float) -> EventSourceMapping:
    """The mapping with its end ahead of it."""
    return replace(mapping, state=DELETING, last_modified=now)


def settled(mapping: EventSourceMapping, now: float) -> EventSourceMapping | None:
    """The mapping when what is ahead of it has taken effect; None when that is its end."""
    if mapping.state == DELETING:
        return None
    if mapping.state in AT_REST:
        return mapping
    state = ENABLED if mapping.newest.is_enabled else DISABLED
    return replace(
        mapping, state=state, configuration=mapping.newest, pending=None, last_modified=now
    )
