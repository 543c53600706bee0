"""Settings of who runs a stage, on how much memory, and how it is watched."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from bannercluster.config.knobs import Option, Section
from bannercluster.config.sections.recurring import count, location


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig(Section):
    """Who runs it. Nothing here changes a result."""

    section: ClassVar[str] = "runtime"

    workers: Annotated[
        int | None, count(help="Workers on this machine", semantic=False, unset="number of cores")
    ] = None
    pool: Annotated[
        Literal["auto", "threads", "processes"],
        Option(help="What a local worker is; auto takes what suits the stage", semantic=False),
    ] = "auto"
    scheduler: Annotated[
        str | None,
        Option(
            help="Run on the Dask cluster at this address; also DASK_SCHEDULER_ADDRESS",
            semantic=False,
            metavar="ADDRESS",
            unset="this machine",
        ),
    ] = None
    scheduler_file: Annotated[
        str | None, location(help="Run on the Dask cluster described by this file", metavar="FILE")
    ] = None
    tls_ca: Annotated[
        str | None,
        location(
            help="Certificate (PEM) of the authority of a Dask cluster that speaks TLS",
            metavar="FILE",
            unset="Dask's own configuration",
        ),
    ] = None
    tls_cert: Annotated[
        str | None,
        location(
            help="Own certificate (PEM), signed by that authority",
            metavar="FILE",
            unset="Dask's own configuration",
        ),
    ] = None
    tls_key: Annotated[
        str | None,
        location(
            help="Key (PEM) of the own certificate",
            metavar="FILE",
            unset="in the file of the certificate",
        ),
    ] = None
    memory: Annotated[
        int | None,
        Option(
            help="Memory that the run may use on this machine, in bytes or as '6 GiB'",
            semantic=False,
            kind="size",
            metavar="SIZE",
            unset="80 % of what is available",
        ),
    ] = None
    dashboard: Annotated[
        str,
        Option(
            help="Address of the Dask dashboard, or off; a taken port is exchanged for a free one",
            semantic=False,
            metavar="ADDRESS",
        ),
    ] = "127.0.0.1:8787"
    performance_report: Annotated[
        str | None,
        location(help="Write Dask's performance report (HTML) to this file", metavar="FILE"),
    ] = None
