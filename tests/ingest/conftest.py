"""An inlet on the test database, and an organisation with two channels of one app."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.db import connection

from majung.channels.models import Channel, DealerAccount, KakaoApp
from majung.core.sealing import sealer_at
from majung.crowd import catalogue
from majung.ingest.folder import Folder
from tests.ingest import wire
from tests.make import channels as make
from tests.make import tree
from tests.make.tree import Organised

ADMIN_KEY = "primary-admin-key"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a test talks to."""

    made: Organised
    app: KakaoApp
    near: Channel
    wide: Channel
    account: DealerAccount
    port: int
    folder: Folder

    @property
    def path(self) -> str:
        """Where Kakao knocks."""
        return f"/k/{self.app.path_token}"

    def fold(self) -> None:
        """Nothing waits in the inbox any more."""
        while self.folder.step():
            pass


def database() -> str:
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    parts = connection.settings_dict
    return " ".join(f"{name}='{parts[key]}'" for key, name in known.items() if parts[key])


@pytest.fixture
def scene(transactional_db: None) -> Iterator[Scene]:
    made = tree.organisation(depth=2, width=1)
    app = make.kakao_app(unit=made.top, admin_key=ADMIN_KEY)
    near = make.channel(unit=made.units[1], number=1, app=app)
    wide = make.channel(unit=made.top, number=2, app=app)
    account = make.account(unit=made.top)
    catalogue.load()
    sealer = sealer_at(settings.VAULT_KEY)
    folder = Folder(database(), sealer)
    with wire.listening(database(), sealer) as port:
        yield Scene(made=made, app=app, near=near, wide=wide, account=account, port=port, folder=folder)
    folder.hands.connection.close()
