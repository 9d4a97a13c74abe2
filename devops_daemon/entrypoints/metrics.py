"""The snapshot as Prometheus metrics, `devops_daemon_*`."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

STATUSES = ("up", "degraded", "down", "unknown")
DECISIONS = ("merge", "rebase", "wait", "leave", "close")
SEVERITIES = ("SEV1", "SEV2", "SEV3")


class _Snapshot(Collector):
    def __init__(self, data: Mapping[str, Any], webhooks: Mapping[str, int], *, ready: bool) -> None:
        self._data = data
        self._webhooks = webhooks
        self._ready = ready

    def collect(self) -> Iterable[Metric]:
        """Give each figure of the snapshot."""
        yield from self._probes()
        yield self._services()
        yield self._signals()
        yield self._incidents()
        yield self._pulls()
        yield self._deliveries()
        yield from self._objectives()
        punctuality, inbox = self._data["punctuality"], self._data["inbox"]
        for name, text, value in (
            ("ready", "1 while the daemon's store and clocks work.", int(self._ready)),
            ("rounds_due", "Rounds that were due in the last 24 h.", punctuality["due"]),
            ("rounds_run", "Rounds that ran in the last 24 h.", punctuality["run"]),
            ("round_lateness_seconds_max", "Worst lateness of a round in 24 h.", punctuality["worst_lateness_s"]),
            ("paused", "1 while nothing is changed by itself.", int(self._data["paused"])),
            ("inbox_pending", "Deliveries that are still to be done.", inbox["pending"]),
            ("inbox_failed", "Deliveries that were given up.", inbox["failed"]),
            ("inbox_oldest_pending_seconds", "How long the oldest is due.", inbox["oldest_pending_s"] or 0),
        ):
            yield GaugeMetricFamily(f"devops_daemon_{name}", text, value=value)

    def _objectives(self) -> Iterable[Metric]:
        over = ["objective", "window"]
        target = GaugeMetricFamily(
            "devops_daemon_objective_target", "What is promised: seconds, or a share.", labels=["objective"]
        )
        worst = GaugeMetricFamily("devops_daemon_objective_worst", "The worst; none without data.", labels=over)
        met = GaugeMetricFamily(
            "devops_daemon_objective_met_ratio", "Share of the cases that kept it; none without data.", labels=over
        )
        for objective in self._data["objectives"]:
            target.add_metric([objective["name"]], objective["target"])
            for window, measured in objective["windows"].items():
                if measured["worst"] is not None:
                    worst.add_metric([objective["name"], window], measured["worst"])
                    met.add_metric([objective["name"], window], measured["share_met"])
        return target, worst, met

    def _deliveries(self) -> Metric:
        family = CounterMetricFamily(
            "devops_daemon_webhooks", "Deliveries since the start, by what became of each.", labels=["outcome"]
        )
        for outcome, count in sorted(self._webhooks.items()):
            family.add_metric([outcome], count)
        return family

    def _probes(self) -> Iterable[Metric]:
        status = GaugeMetricFamily(
            "devops_daemon_probe_status", "1 for the probe's status.", labels=["service", "probe", "status"]
        )
        latency = GaugeMetricFamily(
            "devops_daemon_probe_latency_seconds", "Latency of the last look.", labels=["service", "probe"]
        )
        for service in self._data["services"]:
            for probe in service["probes"]:
                for name in STATUSES:
                    status.add_metric([service["name"], probe["name"], name], int(probe["status"] == name))
                if probe["latency_ms"] is not None:
                    latency.add_metric([service["name"], probe["name"]], probe["latency_ms"] / 1000)
        return status, latency

    def _services(self) -> Metric:
        family = GaugeMetricFamily(
            "devops_daemon_service_status", "1 for the service's status.", labels=["service", "status"]
        )
        for service in self._data["services"]:
            for name in STATUSES:
                family.add_metric([service["name"], name], int(service["status"] == name))
        return family

    def _signals(self) -> Metric:
        family = GaugeMetricFamily(
            "devops_daemon_signal_too_high",
            "1 for the level that the signal is over, 0 for the others; none where it was never known.",
            labels=["service", "signal", "severity"],
        )
        for signal in self._data["signals"]:
            for severity in SEVERITIES if signal["known_at"] else ():
                labels = [signal["service"], signal["name"], severity]
                family.add_metric(labels, int(signal["severity"] == severity))
        return family

    def _incidents(self) -> Metric:
        family = GaugeMetricFamily("devops_daemon_incidents_open", "Incidents not resolved.", labels=["severity"])
        for severity in SEVERITIES:
            incidents = self._data["incidents"]
            burning = [i for i in incidents if i["severity"] == severity and i["status"] != "resolved"]
            family.add_metric([severity], len(burning))
        return family

    def _pulls(self) -> Metric:
        family = GaugeMetricFamily(
            "devops_daemon_pull_requests", "Open pull requests by what was decided about them.", labels=["decision"]
        )
        decided = [pull["decision"] for pull in self._data["pull_requests"]]
        for verb in DECISIONS:
            family.add_metric([verb], decided.count(verb))
        return family


def as_metrics(data: Mapping[str, Any], webhooks: Mapping[str, int] | None = None, *, ready: bool) -> bytes:
    """Write the snapshot as Prometheus reads it; `webhooks` counts deliveries by what became of each."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(data, webhooks or {}, ready=ready))
    return generate_latest(registry)
