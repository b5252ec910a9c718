"""GetOperatorCredentials: for whom the kernel vouches, and for nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rig.node import UID, Refused
from unit.way.town import Town


def test_over_the_socket_it_is_the_operator_for_twelve_hours(town: Town) -> None:
    made = town.it.call("daypass", "GetOperatorCredentials", peer=f"uid:{UID}")["Credentials"]
    assert made["Expiration"] == town.it.now + timedelta(hours=12)
    arn = f"arn:aws:sts::{town.account}:assumed-role/DaypassOperator/uid-{UID}"
    assert town.sts("GetCallerIdentity", town.it.operator())["Arn"] == arn


@pytest.mark.parametrize("peer", ["uid:1001", "uid:", "uid:-1", f"uid:{UID} ", "uid:01000"])
def test_another_user_of_the_host_is_not(town: Town, peer: str) -> None:
    with pytest.raises(Refused) as refused:
        town.it.call("daypass", "GetOperatorCredentials", peer=peer)
    assert 400 <= refused.value.status < 500
    assert refused.value.answer.event.minted is None


def test_over_tcp_nobody_is_not_even_an_administrator_or_the_operator_himself(town: Town) -> None:
    for keys in (town.user("admin"), town.operator, None):
        with pytest.raises(Refused):
            town.it.call("daypass", "GetOperatorCredentials", {}, keys)


def test_the_duration(town: Town) -> None:
    made = town.it.call("daypass", "GetOperatorCredentials", {"DurationSeconds": 900}, peer=f"uid:{UID}")["Credentials"]
    assert made["Expiration"] == town.it.now + timedelta(minutes=15)
    with pytest.raises(Refused, match="Validation"):
        town.it.call("daypass", "GetOperatorCredentials", {"DurationSeconds": 43201}, peer=f"uid:{UID}")
