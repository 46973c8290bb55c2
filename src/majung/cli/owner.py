"""``majung create-owner``: the first organisation, legal entity and owner, from the command line."""

import argparse
import getpass
import os
import sys

from majung.cli.installation import prepared, say
from majung.core import env
from majung.core.errors import Invalid


def run(arguments: argparse.Namespace) -> int:
    """The organisation exists and its owner can sign in. The password comes from MAJUNG_OWNER_PASSWORD or is asked for."""
    password = os.environ.get("MAJUNG_OWNER_PASSWORD") or (getpass.getpass("비밀번호: ") if sys.stdin.isatty() else "")
    if not password:
        raise Invalid(problem="비밀번호가 없습니다. 터미널에서 돌리거나 MAJUNG_OWNER_PASSWORD로 정해 주세요.")
    with prepared(env.home()):
        from majung.tree.services import create_owner

        user = create_owner(
            organisation=arguments.organisation,
            kind=arguments.kind,
            entity=arguments.entity,
            email=arguments.email,
            password=password,
        )
        say(f"{arguments.organisation}의 소유자를 만들었습니다: {user.email}")
    return 0
