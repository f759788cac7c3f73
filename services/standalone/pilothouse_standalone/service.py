"""The composition root: the five services on an in-process broker and embedded stores."""

import os
import pwd
import sys
from pathlib import Path

from pilothouse_agent.hook.install import Installation, install, slurm_conf_lines
from pilothouse_agent.service import build as build_agent
from pilothouse_agent.settings import AgentSettings
from pilothouse_api.service import ApiService
from pilothouse_api.settings import ApiSettings
from pilothouse_common.broker.memory import MemoryBroker
from pilothouse_common.broker.port import Broker, Publisher
from pilothouse_common.broker.quarantine import Quarantine
from pilothouse_common.broker.spool import Spool
from pilothouse_common.broker.spooling import SpoolingPublisher
from pilothouse_common.runtime.clock import SystemClock
from pilothouse_common.runtime.service import Service
from pilothouse_common.store.records.database import Records
from pilothouse_common.store.samples.open import open_sample_store
from pilothouse_dispatcher.service import DispatcherService
from pilothouse_dispatcher.settings import DispatcherSettings
from pilothouse_ingest.service import IngestService
from pilothouse_ingest.settings import IngestSettings
from pilothouse_sender.progress import Progress
from pilothouse_sender.service import build as build_sender
from pilothouse_sender.settings import SenderSettings

from pilothouse_standalone.admin import SUBJECT, ensure_admin_token
from pilothouse_standalone.agent import agent_settings
from pilothouse_standalone.datadir import DataDir
from pilothouse_standalone.settings import StandaloneOptions
from pilothouse_standalone.slurm import LocalSlurm, find_slurm, hook_into
from pilothouse_standalone.together import Together

_BROKER_URL = "memory:"
_RESTART = (
    "  Slurm: hooks are in slurm.conf; restart slurmctld once (systemctl restart slurmctld), since it\n"
    "         looks for its own hooks only when it starts\n"
)


class Standalone(Together):
    """Everything in one process.

    Raises:
        ConfigError: An option is wrong, the directory or the port is taken, Slurm cannot be hooked.
    """

    def __init__(self, options: StandaloneOptions) -> None:
        self._data = data = DataDir(options.data)
        slurm = find_slurm() if options.slurm else None
        cluster = slurm.cluster if slurm else options.cluster
        clock = SystemClock()
        dead = Quarantine(data.hook_spool)
        broker = MemoryBroker(confirm="settled", keep_dead_letter=dead.keep)
        records = Records(data.records_url)
        records.migrate()
        samples = open_sample_store(data.samples_url)
        ensure_admin_token(data, records, clock)
        self._api = ApiService(
            _api_settings(options, data, cluster),
            records=records,
            samples=samples,
            broker=broker,
            clock=clock,
            owned=False,
        )
        services: list[Service] = [
            DispatcherService(
                DispatcherSettings(cluster=cluster, broker_url=_BROKER_URL),
                publisher=_spooled(broker, data.spool / "dispatcher"),
                clock=clock,
            ),
            build_sender(
                SenderSettings(cluster=cluster, broker_url=_BROKER_URL),
                [data.hook_spool],
                follow=True,
                progress=Progress(sys.stderr),
                publisher=broker.publisher(),
            ),
            build_agent(
                _agent_settings(options, data, cluster),
                publisher=_spooled(broker, data.spool / "agent"),
                broker=broker,
            ),
            self._api,
            IngestService(
                _ingest_settings(data, cluster),
                broker=broker,
                samples=samples,
                records=records,
                clock=clock,
                owned=False,
            ),
        ]

        def close() -> None:
            broker.close()
            samples.close()
            records.close()
            data.close()

        super().__init__("standalone", services, close=close)
        self._hooked_anew = slurm is not None and _become_hook_target(slurm, data)

    def welcome(self) -> str:
        """Return what a person needs first: the address with its one-time link, and where the token is."""
        return (
            f"Pilothouse is on {self._api.url}\n"
            f"  open (once, within 10 minutes): {self._api.login_link(SUBJECT)}\n"
            f"  token for scripts:              {self._data.path}/admin.token\n"
            f"{_RESTART if self._hooked_anew else ''}"
            "  stop: Ctrl-C"
        )


def _spooled(broker: Broker, directory: Path) -> Publisher:
    return SpoolingPublisher(broker.publisher(), Spool(directory))


def _api_settings(options: StandaloneOptions, data: DataDir, cluster: str) -> ApiSettings:
    return ApiSettings(
        cluster=cluster,
        broker_url=_BROKER_URL,
        records_url=data.records_url,
        samples_url=data.samples_url,
        token_key=data.token_key(),
        api_host=options.host,
        api_port=options.port,
    )


def _agent_settings(options: StandaloneOptions, data: DataDir, cluster: str) -> AgentSettings:
    return agent_settings(
        cluster=cluster,
        broker_url=_BROKER_URL,
        interval_seconds=options.interval_seconds,
        spool_dir=str(data.spool / "agent"),
        simulation_socket=options.simulation_socket,
        state_dir=str(data.job_notes),
    )


def _ingest_settings(data: DataDir, cluster: str) -> IngestSettings:
    return IngestSettings(
        cluster=cluster,
        broker_url=_BROKER_URL,
        records_url=data.records_url,
        samples_url=data.samples_url,
    )


def _become_hook_target(slurm: LocalSlurm, data: DataDir) -> bool:
    wanted = Installation(
        directory=data.hooks,
        cluster=slurm.cluster,
        broker_url=f"spool:{data.hook_spool}",
        spool_dir=str(data.hook_spool),
        state_dir=str(data.job_notes),
        python=Path(sys.executable),
    )
    install(wanted)
    data.hooks.chmod(0o755)  # Slurm's users start what is in there; the spool stays closed to them
    owner = pwd.getpwnam(slurm.user)
    if os.geteuid() == 0 and owner.pw_uid != 0:  # the controller's hooks run as that user
        for path in (data.hook_spool, *data.hook_spool.iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    return hook_into(slurm, slurm_conf_lines(wanted))
