"""What kopf is told: which events matter, and when a daemon looks again."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import kopf
from boards import noteboard
from noteboard.children import deployment
from noteboard.handlers import NoDiffBase, Watch, is_child, ring_for_child


def test_only_events_of_children_are_heard() -> None:
    assert is_child(body=kopf.Body(cast("Any", deployment(noteboard()))))
    assert not is_child(body=kopf.Body(cast("Any", {"metadata": {"name": "other"}})))


def test_a_childs_event_rings_its_noteboards_bell() -> None:
    async def rung() -> bool:
        bell, unused = asyncio.Event(), cast("Any", None)
        watch = Watch(api=unused, reconciler=unused, bells={"the-uid": bell})
        body = kopf.Body(cast("Any", deployment(noteboard())))
        await ring_for_child(body=body, memo=kopf.Memo(watch=watch))
        watch.bells.clear()
        await ring_for_child(body=body, memo=kopf.Memo(watch=watch))  # nobody is there to hear
        return bell.is_set()

    assert asyncio.run(rung())


def test_kopf_sees_no_difference_that_it_would_have_to_remember() -> None:
    storage = NoDiffBase()
    assert storage.build(body=noteboard()) == storage.fetch(body=noteboard()) == {}
