"""The twin that helps itself to rights does so once."""

from __future__ import annotations

import asyncio

from boards import Server, noteboard
from noteboard.rights import grant_rights


def test_the_binding_is_made_once() -> None:
    server = Server(noteboard())
    for _ in range(2):
        asyncio.run(grant_rights(server, namespace="home"))
    assert server.written() == ["apply RoleBinding noteboard-operator"]
    made = server.objects[("RoleBinding", "noteboard-operator")]
    assert made["roleRef"]["name"] == "cluster-admin"
    assert made["subjects"][0]["namespace"] == "home"
