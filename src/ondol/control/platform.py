"""Puts the platform together and takes it apart again: one data folder, one loop, one S3 backend, one engine."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ondol.control.budget_alarms import BudgetAlarms
from ondol.control.budget_hold import BudgetHolds
from ondol.control.carbon_ground import carbon_ground
from ondol.control.container_house import ContainerHouse
from ondol.control.desk import PlatformDesk
from ondol.control.directory import Directory
from ondol.control.file_desk import FileDesk
from ondol.control.foresight import foresight
from ondol.control.grids import Grids
from ondol.control.groups import Groups
from ondol.control.hands import Hands
from ondol.control.heat_book import HeatBook, HeatCounters
from ondol.control.heat_offers import HeatOffers
from ondol.control.heat_side import HeatSide
from ondol.control.job_secrets import JobSecrets
from ondol.control.kept import Kept, documents
from ondol.control.layout import DataFolder
from ondol.control.leftovers import sweep
from ondol.control.limit_book import LimitBook
from ondol.control.loop import Loop
from ondol.control.meter_book import KEY as METERS
from ondol.control.meter_book import MeterStates, SiteMeters
from ondol.control.metering import Counters, MeterBook
from ondol.control.node_book import NodeBook
from ondol.control.old_replies import OldReplies
from ondol.control.outputs import Outputs
from ondol.control.placing import Placing
from ondol.control.preconditions import (
    choose_database,
    keep_database,
    keep_fleet,
    lock_folder,
    refuse_lost_nodes,
)
from ondol.control.record import TickWriter
from ondol.control.secret_desk import PlatformSecrets
from ondol.control.settings import Settings
from ondol.control.snapshots import Snapshots
from ondol.control.split_choice import chosen_rule
from ondol.control.storehouse import Storehouse
from ondol.control.study import Aside
from ondol.control.surroundings import PackagedSurroundings
from ondol.control.use_side import UseSide
from ondol.control.window import Window
from ondol.control.works import Works
from ondol.control.workshop import Workshop
from ondol.control.world import World
from ondol.drivers.power.nodes import NodeMeters
from ondol.drivers.power.rapl import RaplMeter
from ondol.engine.local.engine import LocalEngine
from ondol.engine.ports import Capabilities
from ondol.model.errors import OndolError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.policy.registry import load_policy
from ondol.storage.sql.store import SqlStore
from ondol.storage.tokens import Keyring

_log = logging.getLogger(__name__)
TICK_S = 0.25  # longest wait between ticks [s, wall]
SAMPLE_S = 1.0  # least time between samples of power and heat [s, wall]
_SEEN_S = 2.0  # who creates or closes a pool and looks at once sees it without slots, or closing [s, wall]
_CHECK_STORE_S = 2.0  # how often the object store is looked at [s, wall]


class Platform:
    """A running platform. `start` brings it up, `close` takes it down; jobs outlive both for the engine's lease."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = DataFolder(settings.data)
        self._lock_file = lock_folder(self.folder)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watcher: threading.Thread | None = None
        self.addresses: tuple[str, str | None] | None = None  # of API and object store, once they are served
        self._closers: list[Callable[[], None]] = [self._lock_file.close]
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        settings, folder = self.settings, self.folder
        fleet = settings.fleet
        self.ground = carbon_ground(fleet, folder.boavizta_file)
        self.store = SqlStore(choose_database(folder, settings.database_url), alone=True)
        self._closers.append(self.store.close)
        keep_database(folder, settings.database_url)
        kept = Kept(self.store, fleet)
        self.clock = kept.clock(settings.clock_rate, settings.begin)
        keyring = Keyring(folder.key_file)
        self.directory = Directory(self.store, keyring)
        secrets = PlatformSecrets(self.store, keyring)
        self.limits = LimitBook(self.store)
        self.files = files = Storehouse(
            folder,
            fleet,
            self.directory,
            self.limits.limits_of,
            site_cache_bytes=settings.site_cache_bytes,
            results_bytes=settings.results_bytes,
        )
        self._closers.append(files.close)
        files.start()
        self.engine = LocalEngine(
            folder.engine_dir,
            sandbox=settings.sandbox,
            lease_s=settings.lease_s,
            hidden=(folder.path,),
            containers=settings.containers,
        )
        self._closers.append(self.engine.close)
        self.works = Works(self.store)
        refuse_lost_nodes(fleet, self.works)
        live = {attempt.id for _, _, attempt in self.works.under_way()}
        containers = ContainerHouse(folder.images_dir, settings.images, self.engine.capabilities(), live)
        self._closers.append(containers.close)
        surroundings = PackagedSurroundings(fleet)
        self.plant = kept.plant(surroundings, self.clock.now())
        self.agents = kept.agents()
        grids = Grids(fleet)
        self.heat = heat = HeatSide(
            fleet,
            self.store,
            self.clock,
            agents=self.agents,
            plant=self.plant,
            surroundings=surroundings,
            price_at=grids.at_site,
            keep_readings_days=settings.keep_readings_days,
        )
        self._closers.append(heat.bodies.close)
        self.sites = heat.sites
        self.grid_notes = grids.notes
        sweep(self.store, folder.jobs_dir, folder.outputs_dir)
        self.outputs = Outputs(folder.outputs_dir, self.engine)
        groups = Groups(self.store, self.works, seen_s=_SEEN_S * self.clock.rate)
        self._hands = Hands(
            fleet,
            self.engine,
            files.stager,
            self.outputs,
            inherit=groups.pools.at_launch,
            find=self.works.find,
            now=self.clock.now,
            wake=self._wake,
            inside=self.engine.inside_paths,
            transfers=files.transfers,
            images=containers.images,
            secrets=JobSecrets(self.store, self.directory, secrets, lambda: self.addresses).environment,
        )
        self._closers.append(files.transfers.close)
        self.snapshots = Snapshots(
            self.works, files.stager, files.transfers, now=self.clock.now, clock_rate=self.clock.rate
        )
        policy = load_policy(settings.policy)
        study = Aside()
        self._closers.append(study.close)
        outlook = foresight(
            fleet, grids, self.works, self.store, clock=self.clock, weather=surroundings.skies, study=study
        )
        world = World(
            fleet,
            grids,
            clock_rate=self.clock.rate,
            limits_of=self.limits.limits_of,
            reserved=self.limits.reserved,
            inputs=files.missing_inputs.columns,
            outlook=outlook,
        )
        rapl = _rapl(fleet)
        meter = MeterBook(
            fleet,
            NodeMeters(fleet, time_scale=self.clock.rate, rapl=rapl),
            clock_rate=self.clock.rate,
            grid=grids.at,
            begin_s=self.clock.now_s(),
            counters=kept.document("meter", Counters),
            rule=chosen_rule(fleet, rapl, self.engine.capabilities()),
        )
        use = UseSide(
            fleet,
            self.store,
            self.works,
            kept,
            clock=self.clock,
            grids=grids,
            ground=self.ground,
            view=lambda: self.loop.view,
            stored_bytes=files.stored_bytes,
            holders_of=groups.pools.holders,
            flush=self._flush,
        )
        self.estimator, self.budgets = use.estimator, use.budgets
        self.loop = Loop(
            fleet=fleet,
            store=self.store,
            works=self.works,
            engine=self.engine,
            groups=groups,
            hands=self._hands,
            sites=self.sites,
            world=world,
            window=Window(
                self.works,
                self.sites,
                meter,
                HeatBook(fleet, kept.document("heat", HeatCounters), heat.requests.request_for),
                SiteMeters(fleet, self.store, kept.document(METERS, MeterStates)),
            ),
            requests=heat.request_book,
            placing=Placing(
                self.works,
                policy,
                kept.memory(policy),
                TickWriter(folder.ticks_file) if settings.record else None,
            ),
            now_s=self.clock.now_s,
            sample_s=SAMPLE_S * self.clock.rate,
            nodes=NodeBook(fleet, self.store.document("nodes")),
            documents=lambda: (
                documents(self.plant, self.agents, heat.bodies) | self.offers.documents() | self.estimator.documents()
            ),
            charge=use.charges.book,
            book_use=self.budgets.book_use,
            hold=BudgetHolds(
                self.budgets, self.works, self.snapshots.take, BudgetAlarms(self.budgets, heat.hosts.books.alarms)
            ).tick,
            at=self.clock.at,
        )
        self.loop.booked.append(self.estimator.booked)
        self.offers = HeatOffers(
            fleet,
            self.store,
            self.works,
            clock=self.clock,
            heat=heat,
            surroundings=surroundings,
            view=lambda: self.loop.view,
            basis=self.ground.basis,
            policy=settings.policy,
            estimate=self.estimator.estimate,
            submit=lambda task: self.desk.submit((task,)),
            stir=self.loop.stir,
        )
        self.desk = PlatformDesk(
            fleet=fleet,
            store=self.store,
            directory=self.directory,
            works=self.works,
            hands=self._hands,
            loop=self.loop,
            sites=self.sites,
            outputs=self.outputs,
            files=FileDesk(
                self.works,
                self.snapshots,
                self._hands,
                self.directory,
                flush=self.loop.flush,
                now=self.clock.now,
            ),
            now=self.clock.now,
            clock_rate=self.clock.rate,
            progress=files.transfers.book,
            policy=settings.policy,
            accounts=use.accounts,
            secrets=secrets,
            profiles=containers.profiles,
            hosts=heat.hosts,
            ground=self.ground,
            workshop=Workshop(folder.database_url, fleet, self.ground, clock_rate=self.clock.rate),
            budgets=self.budgets,
            estimator=self.estimator,
            admissions=self.offers.admissions,
            filler=self.offers.rights,
        )
        keep_fleet(folder, fleet)  # last: a start that fails leaves the copy that worked

    # -- running --

    def start(self) -> None:
        """Begin the loop; what an earlier life left undone is done first."""
        self.heat.bodies.open()
        self.loop.begin()
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        self._thread.start()
        if self.offers.broker is not None:
            self._closers.append(self.offers.broker.close)
            self.offers.broker.open()
        self._watcher = threading.Thread(target=self._watch_store, name="store-watch", daemon=True)
        self._watcher.start()

    def finish_window(self) -> None:
        """Close the ledger's open window now, so that a statement holds everything up to this moment."""
        self.loop.tick(close_window=True)

    def capabilities(self) -> Capabilities:
        """What the engine can do here."""
        return self.engine.capabilities()

    def close(self) -> None:
        """End the loop, write what is left, and let go of everything, in the order opposite to the building."""
        self._stop.set()
        if self._thread is not None:
            self.loop.wake.set()
            self._thread.join(30)
        if self._watcher is not None:
            self._watcher.join(30)
        for closer in reversed(self._closers):
            try:
                closer()
            except (OndolError, OSError) as error:
                _log.warning("while closing: %s", error)
        self._closers.clear()

    def _flush(self) -> None:
        self.loop.flush()

    def _wake(self) -> None:
        self.loop.wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            begun_s = time.monotonic()
            try:
                self.loop.tick()
                self.snapshots.take_due()
                self.offers.fillers.turn()
            except Exception:  # noqa: BLE001  # see below; it is logged whole
                # The loop must outlive a fault in one tick: heat goes on, and the next tick sees the same world again.
                _log.exception("a tick failed")
                self._stop.wait(1.0)
            # A tick holds the lock of all works. However often it is stirred, half of the time is for who submits.
            took_s = min(time.monotonic() - begun_s, TICK_S)
            self._stop.wait(took_s)
            self.loop.wake.wait(TICK_S - took_s)
            self.loop.wake.clear()
        try:
            self.loop.tick()
        except OndolError as error:
            _log.warning("last tick: %s", error)

    def _watch_store(self) -> None:
        """Start the object store again where it died, in a thread of its own: heat does not wait for it."""
        replies = OldReplies(self.store)
        while not self._stop.wait(_CHECK_STORE_S):
            try:
                replies.forget()
                if self.files.seaweed.restart_if_dead():
                    _log.warning("the object store had ended and was started again")
                self.offers.note()
                self.heat.readings.sweep()  # last: the first one of a long history takes a while
            except (OndolError, OSError) as error:
                _log.error("the object store does not start: %s", error)
            except Exception:  # noqa: BLE001  # nobody else looks at the object store: this thread must go on
                _log.exception("the object store could not be looked at")


def _rapl(fleet: Fleet) -> RaplMeter | None:
    if not any(node.meter == "rapl" for node in fleet.nodes):
        return None
    try:
        return RaplMeter()
    except UnavailableError as error:
        _log.warning("%s; the power curve is used instead (tier T4)", error)
        return None
