"""Every node of a fleet with what making it cost, or why that is not known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ondol.accounting.embodied.equipment import equipment_rate
from ondol.accounting.embodied.impact import NOTHING, Impacts
from ondol.accounting.embodied.machine import Embodied, embodied_of, embodied_rate
from ondol.accounting.embodied.shares import Resources, share_of
from ondol.accounting.registry import Registry
from ondol.model.errors import NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.hardware import GB
from ondol.model.ids import NodeId, SiteId
from ondol.model.site import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbodiedBook:
    """Embodied impacts by node, and those of the heat side by site.

    Parameters
    ----------
    by_node : the nodes that are known
    unknown : the other nodes with why, by id
    equipment_per_h : by site, of its heat equipment together, an hour
    """

    by_node: Mapping[NodeId, Embodied]
    unknown: Mapping[NodeId, str]
    equipment_per_h: Mapping[SiteId, Impacts]
    _nodes: Mapping[NodeId, Node] = field(repr=False)

    @classmethod
    def of(
        cls,
        fleet: Fleet,
        registry: Registry,
        answers: Mapping[str, Mapping[str, Impacts]] | None = None,
        silent: Mapping[str, str] | None = None,
    ) -> EmbodiedBook:
        """Make the book of a fleet.

        Parameters
        ----------
        answers : of BoaviztAPI, by specification of the hardware that wants it
        silent : hardware for which it gave no answer, with why; its nodes are unknown, never counted by other means

        Raises
        ------
        InvalidFieldError : hardware or equipment that the registry has no rows for
        """
        told, mute = answers or {}, silent or {}
        kinds = {
            one.specification: embodied_of(one, registry, told.get(one.specification))
            for one in fleet.hardware
            if one.specification not in mute
        }
        per_site: dict[SiteId, Impacts] = {}
        for item in fleet.equipment:
            per_site[item.site_id] = per_site.get(item.site_id, NOTHING) + equipment_rate(item, registry)
        return cls(
            by_node={node.id: kinds[node.specification] for node in fleet.nodes if node.specification in kinds},
            unknown={
                node.id: mute.get(
                    node.specification, f'no [[hardware]] with specification = "{node.specification}" in the fleet file'
                )
                for node in fleet.nodes
                if node.specification not in kinds
            },
            equipment_per_h=per_site,
            _nodes={node.id: node for node in fleet.nodes},
        )

    def written_off(self) -> dict[NodeId, dt.datetime]:
        """By node, when its life is over and its making counted; without those of which that is not known."""
        return {node: one.written_off_at for node, one in self.by_node.items() if one.written_off_at is not None}

    def rate(self, node_id: NodeId) -> Impacts | None:
        """Impacts of one hour of a node's life [kgCO2e/h, kgSb/h, MJ/h]; None where its hardware is not known.

        Raises
        ------
        NotFoundError : no such node
        """
        self._node(node_id)
        known = self.by_node.get(node_id)
        return None if known is None else embodied_rate(known)

    def slots_share(self, node_id: NodeId, slots: float, duration_s: float) -> Impacts | None:
        """Impacts of some slots of a node over a time: a slot is its cores and an equal part of memory and disks.

        Parameters
        ----------
        slots : 0 to those of the node
        duration_s : how long they were held [s]
        """
        node = self._node(node_id)
        known = self.by_node.get(node_id)
        if known is None:
            return None
        whole = resources_of(node)
        part = Resources(cores=slots * node.cores_per_slot, memory_gb=whole.memory_gb * slots / node.slots)
        return share_of(known, part, whole, duration_s)

    def unknown_of(self, node_ids: Iterable[NodeId]) -> tuple[NodeId, ...]:
        """Those of some nodes whose hardware is not known, sorted."""
        return tuple(sorted({node_id for node_id in node_ids if node_id in self.unknown}))

    def _node(self, node_id: NodeId) -> Node:
        node = self._nodes.get(node_id)
        if node is None:
            raise NotFoundError("node", node_id)
        return node


def resources_of(node: Node) -> Resources:
    """All of a node: the cores and memory that its slots together have. Its storage is not in the fleet file."""
    return Resources(cores=float(node.slots * node.cores_per_slot), memory_gb=node.memory_bytes / GB)
