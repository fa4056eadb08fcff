"""What Grafana's provisioning files may contain: the fields of its documents that ours use, and no others.

Grafana ignores a field that it does not know, such as one with a letter wrong. Here that is an error. The fields are those of the
pages on provisioning and on file provisioning of alerting, Grafana 13.2.
"""

from typing import Any, Literal

import msgspec


class Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of a file; names in Python are those of the file."""


class PrometheusJsonData(Strict):
    httpMethod: Literal["GET", "POST"]  # noqa: N815  # Grafana's name
    manageAlerts: bool  # noqa: N815
    prometheusType: Literal["Prometheus", "Mimir", "Cortex", "Thanos"]  # noqa: N815
    timeInterval: str  # noqa: N815


class AlertmanagerJsonData(Strict):
    implementation: Literal["prometheus", "mimir", "cortex"]
    handleGrafanaManagedAlerts: bool  # noqa: N815


class Datasource(Strict):
    name: str
    uid: str
    type: Literal["prometheus", "alertmanager"]
    access: Literal["proxy"]
    url: str
    editable: bool
    jsonData: dict[str, Any]  # noqa: N815
    isDefault: bool = False  # noqa: N815


class Datasources(Strict):
    apiVersion: Literal[1]  # noqa: N815
    datasources: list[Datasource]


class ProviderOptions(Strict):
    path: str
    foldersFromFilesStructure: bool  # noqa: N815


class Provider(Strict):
    name: str
    orgId: int  # noqa: N815
    folder: str
    type: Literal["file"]
    disableDeletion: bool  # noqa: N815
    allowUiUpdates: bool  # noqa: N815
    updateIntervalSeconds: int  # noqa: N815
    options: ProviderOptions


class Providers(Strict):
    apiVersion: Literal[1]  # noqa: N815
    providers: list[Provider]


class RelativeTimeRange(msgspec.Struct, forbid_unknown_fields=True, rename={"from_s": "from", "to_s": "to"}):
    from_s: int
    to_s: int


class RuleQuery(Strict):
    refId: str  # noqa: N815
    datasourceUid: str  # noqa: N815
    relativeTimeRange: RelativeTimeRange  # noqa: N815
    model: dict[str, Any]


class Rule(msgspec.Struct, forbid_unknown_fields=True, rename={"pending": "for"}):
    uid: str
    title: str
    condition: str
    data: list[RuleQuery]
    dashboardUid: str  # noqa: N815
    panelId: int  # noqa: N815
    noDataState: Literal["NoData", "Alerting", "OK", "KeepLast"]  # noqa: N815
    execErrState: Literal["Error", "Alerting", "OK", "KeepLast"]  # noqa: N815
    pending: str
    annotations: dict[str, str]
    labels: dict[str, str]


class Group(Strict):
    orgId: int  # noqa: N815
    name: str
    folder: str
    interval: str
    rules: list[Rule]


class Rules(Strict):
    apiVersion: Literal[1]  # noqa: N815
    groups: list[Group]


class Times(Strict):
    start_time: str
    end_time: str


class TimeInterval(Strict):
    times: list[Times]


class MuteTime(Strict):
    orgId: int  # noqa: N815
    name: str
    time_intervals: list[TimeInterval]


class Route(Strict):
    receiver: str
    object_matchers: list[tuple[str, Literal["=", "!=", "=~", "!~"], str]]
    mute_time_intervals: list[str]


class Policy(Strict):
    orgId: int  # noqa: N815
    receiver: str
    group_by: list[str]
    routes: list[Route]


class Policies(Strict):
    apiVersion: Literal[1]  # noqa: N815
    muteTimes: list[MuteTime]  # noqa: N815
    policies: list[Policy]
