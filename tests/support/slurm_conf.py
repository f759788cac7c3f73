"""The configuration files of a private Slurm: what works without cgroups, accounting and other hosts."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

_TEMPLATE = """\
ClusterName={cluster}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={directory}/munge/socket
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={directory}/etc/jwt.key
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool/%n
SlurmctldPidFile={directory}/run/slurmctld.pid
SlurmdPidFile={directory}/run/%n.pid
SlurmctldLogFile={directory}/log/slurmctld.log
SlurmdLogFile={directory}/log/%n.log
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=5
GresTypes=gpu
ReturnToService=2
KillWait=2
SlurmdTimeout=60
"""


WITHOUT_CGROUPS = """\
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
"""
WITH_CGROUPS = """\
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
PrologFlags=Contain
"""
CGROUP_CONF = """\
CgroupPlugin=cgroup/v1
CgroupAutomount=no
ConstrainCores=yes
ConstrainRAMSpace=yes
"""


def slurm_conf(
    directory: Path,
    *,
    cluster: str,
    ctld_port: int,
    nodes: Mapping[str, int],
    cpus: int,
    gpus: int,
    cgroups: bool,
    extra: str,
) -> str:
    """Return slurm.conf; ``nodes`` are names and the ports of their slurmd."""
    host = socket.gethostname().partition(".")[0]
    lines = [_TEMPLATE.format(cluster=cluster, host=host, ctld_port=ctld_port, directory=directory)]
    lines.append(WITH_CGROUPS if cgroups else WITHOUT_CGROUPS)
    gres = f" Gres=gpu:h200:{gpus}" if gpus else ""
    lines += [
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
        f"CPUs={cpus} RealMemory=16000{gres} State=UNKNOWN\n"
        for name, port in nodes.items()
    ]
    lines.append("PartitionName=main Nodes=ALL Default=YES DefMemPerCPU=100 State=UP\n")
    return "".join([*lines, extra])


def gres_conf(directory: Path, nodes: Sequence[str], gpus: int) -> str:
    """Return gres.conf for device nodes dev/gpu0, dev/gpu1, …"""
    lines = ["AutoDetect=off\n"] if gpus else []
    lines += [
        f"NodeName={name} Name=gpu Type=h200 File={directory}/dev/gpu{index}\n"
        for name in nodes
        for index in range(gpus)
    ]
    return "".join(lines)
