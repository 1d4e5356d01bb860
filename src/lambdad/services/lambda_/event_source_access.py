"""SourceAccessConfigurations: how a mapping reaches its source and who it says it is there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from lambdad.errors import invalid_parameter
from lambdad.model.event_source import EventSource

Access = Mapping[str, str]  # Type and URI

_SECRET = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+")
# Who the mapping says it is: one of them at most.
_IDENTITIES = frozenset(
    {
        "BASIC_AUTH",
        "CLIENT_CERTIFICATE_TLS_AUTH",
        "IAM_AUTH",
        "IAM_OAUTHBEARER_AUTH",
        "OAUTHBEARER_AUTH",
        "SASL_SCRAM_256_AUTH",
        "SASL_SCRAM_512_AUTH",
    }
)
_WITHOUT_URI = frozenset({"IAM_AUTH", "IAM_OAUTHBEARER_AUTH"})
_SECRETS = (_IDENTITIES - _WITHOUT_URI) | {"SERVER_ROOT_CA_CERTIFICATE"}
# What may be there more than once, and how often.
_SEVERAL: Mapping[str, int] = MappingProxyType({"VPC_SECURITY_GROUP": 5, "VPC_SUBNET": 16})
# What goes only together with one of others.
_NEEDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "IAM_OAUTHBEARER_AUTH": frozenset({"OAUTHBEARER_AUDIENCE"}),
        "OAUTHBEARER_AUDIENCE": frozenset({"OAUTHBEARER_AUTH", "IAM_OAUTHBEARER_AUTH"}),
        "OAUTHBEARER_IDENTITY_POOL": frozenset({"OAUTHBEARER_AUTH"}),
        "OAUTHBEARER_LOGICAL_CLUSTER": frozenset({"OAUTHBEARER_AUTH"}),
        "OAUTHBEARER_SCOPE": frozenset({"OAUTHBEARER_AUTH"}),
    }
)
# Sources that let nobody in without a name and a password.
_ALWAYS_BASIC = frozenset({"mq", "documentdb"})


def check_access(source: EventSource, access: Sequence[Access]) -> None:
    """Refuse types that the source does not take, and combinations that cannot work."""
    types = Counter(each.get("Type", "") for each in access)
    for type, count in types.items():
        if type not in source.access_types:
            raise invalid_parameter(
                f"{type or 'No type'} is not valid for {source.called} event sources."
            )
        if count > _SEVERAL.get(type, 1):
            raise invalid_parameter(
                f"{type} cannot be there more than {_SEVERAL.get(type, 1)} time(s)."
            )
        if type in _NEEDS and not _NEEDS[type] & types.keys():
            raise invalid_parameter(f"{type} requires {' or '.join(sorted(_NEEDS[type]))}.")
    identities = sorted(_IDENTITIES & types.keys())
    if len(identities) > 1:
        raise invalid_parameter(f"There can be one way to authenticate: {', '.join(identities)}.")
    if source.name in _ALWAYS_BASIC and "BASIC_AUTH" not in types:
        raise invalid_parameter(f"BASIC_AUTH is required for {source.called} event sources.")
    for each in access:
        _check_uri(each)


def updated_access(current: Sequence[Access], asked: Sequence[Access]) -> list[Access]:
    """The access of a mapping after an update: the virtual host of a broker stays as it is."""
    if any(each.get("Type") == "VIRTUAL_HOST" for each in asked):
        raise invalid_parameter("VIRTUAL_HOST cannot be specified when a mapping is updated.")
    return [*asked, *(each for each in current if each["Type"] == "VIRTUAL_HOST")]


def _check_uri(access: Access) -> None:
    type, uri = access["Type"], access.get("URI")
    if type in _WITHOUT_URI:
        if uri is not None:
            raise invalid_parameter(f"{type} takes no URI.")
        return
    if uri is None:
        raise invalid_parameter(f"{type} requires a URI.")
    if type in _SECRETS and not _SECRET.fullmatch(uri):
        raise invalid_parameter(
            f"The URI of {type} must be the ARN of a Secrets Manager secret: {uri}"
        )
