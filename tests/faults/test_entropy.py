"""No randomness (F-41): nothing is minted, nothing weak takes its place, and it goes on when there is some again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rig.node import Keys, Refused
from rig.remote import Remote, Unanswered
from rig.require import require
from rig.server import daypass
from rig.warm import Warm
from unit.way.town import Town

SHIM = """
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
ssize_t getrandom(void *to, size_t size, unsigned flags) {
    const char *dry = getenv("DRY_WELL");
    if (dry && !access(dry, F_OK)) { errno = EIO; return -1; }
    return syscall(SYS_getrandom, to, size, flags);
}
int getentropy(void *to, size_t size) { return getrandom(to, size, 0) == (ssize_t)size ? 0 : -1; }
"""


def test_F41_a_generator_that_fails_at_each_of_its_calls(tmp_path: Path) -> None:
    town = Town(tmp_path / "town")
    keys, arn = town.user("u"), town.role("r")
    right = town.it.node.random
    for operation, given in (("AssumeRole", {"RoleArn": arn, "RoleSessionName": "s1"}), ("GetSessionToken", {})):
        for call in range(2, 10):  # the first names the request; without it there is no answer to give
            asked: list[int] = []

            def random(count: int, call: int = call, asked: list[int] = asked) -> bytes:
                asked.append(count)
                if len(asked) == call:
                    raise OSError(5, "no randomness")
                return right(count)

            town.it.node.random = random
            try:
                town.sts(operation, keys, **given)
            except Refused as refused:
                assert (refused.code, refused.status) == ("ServiceUnavailable", 503)
                assert b"SecretAccessKey" not in refused.answer.response.body
            else:
                assert len(asked) < call
                break
        assert call > 2
    town.it.node.random = right
    assert town.session(keys, arn)
    town.it.close()


def test_F41_a_server_without_randomness_mints_nothing(tmp_path: Path) -> None:
    """getrandom(2) fails under the whole process: no pass, no key; afterwards both, and what was verified before still is."""
    compiler = require("cc", "apt-get install gcc libc6-dev")
    (tmp_path / "dry.c").write_text(SHIM)
    library, dry = tmp_path / "dry.so", tmp_path / "dry"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "dry.c"], check=True, timeout=60)
    warm = Warm(tmp_path / "stderr", {"LD_PRELOAD": str(library), "DRY_WELL": str(dry)})
    try:
        url = warm.start("up", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0").split()[1]
        remote = Remote(url)
        keys = Keys.of(json.loads(daypass("process", data=tmp_path / "data").stdout))
        remote.call("iam", "CreateUser", {"UserName": "u"}, keys)
        calls: list[tuple[str, dict[str, Any]]] = [("CreateAccessKey", {"UserName": "u"}), ("CreateUser", {"UserName": "v"})]
        dry.touch()
        for operation, given in calls:
            with pytest.raises((Refused, Unanswered)) as error:
                remote.call("iam", operation, given, keys)
            assert not isinstance(error.value, Refused) or error.value.status >= 500
        dry.unlink()
        assert remote.call("iam", "ListAccessKeys", {"UserName": "u"}, keys)["AccessKeyMetadata"] == []
        for operation, given in calls:
            remote.call("iam", operation, given, keys)
    finally:
        warm.close()
