"""The parts of the sandbox put together, and the few acts that touch several of them."""

from typing import Any

from majung_sandbox import codes, popbill_wire
from majung_sandbox.accounts import Account, Accounts
from majung_sandbox.clock import Clock, iso
from majung_sandbox.dispatch import Dispatch
from majung_sandbox.faults import Faults
from majung_sandbox.intake import Intake
from majung_sandbox.mail import MailBooks
from majung_sandbox.media import StoredFile
from majung_sandbox.nhn_wire import ALIM, BRAND, TEXTS, hooks
from majung_sandbox.outbox import KakaoApp, Outbox
from majung_sandbox.state import State
from majung_sandbox.store import Batch, Group, Store
from majung_sandbox.templates import Templates
from majung_sandbox.threads import Threads
from majung_sandbox.wire import reports
from majung_sandbox.world import Channel, World


class Sandbox:
    """One simulated world."""

    def __init__(self, clock: Clock, state: State) -> None:
        self.clock = clock
        self.state = state
        self.accounts = Accounts(clock)
        self.world = World()
        self.faults = Faults()
        self.store = Store(clock)
        self.templates = Templates(clock)
        self.files: dict[str, StoredFile] = {}
        self.intake = Intake(clock, self.world, self.templates, self.store, self.files)
        self.threads = Threads(clock, self.store, self.templates, self.intake.watched)
        self.outbox = Outbox(clock, self.faults)
        self.dispatch = Dispatch(clock, self.world, self.faults, self._settled, self._complete)
        self.mail = MailBooks()
        self.mail_port = 0
        self.endpoints: list[str] = []
        self.names: dict[str, str] = {}  # number → id of its message, for dealers that repeat nothing of ours
        self._dirty: set[str] = set()

    def now_text(self) -> str:
        """The simulated instant as the wire prints it."""
        return iso(self.clock.now())

    def send_at_once(self, group: Group, messages: list[dict[str, Any]], arrived: float) -> tuple[Batch, str]:
        """Judge, keep and send the messages of a request that sends at once.

        Or, with nothing sent, what is wrong with the message itself and so with the whole request.
        """
        batch = self.intake.take(
            group, messages, self.intake.raw_of(messages), arrived, self.faults.settings.refuse_all
        )
        if not (batch.registered == codes.ACCEPTED).any():
            whole = [code for code in batch.registered.tolist() if code in codes.WHOLE]
            if whole:
                return batch, next(iter(batch.reasons.values()), codes.sentence(whole[0]))
        self.dispatch.send_at_once(group)
        return batch, ""

    # what happens to groups
    def _settled(self, group: Group, batch: Batch, picks: list[int]) -> None:
        self.threads.arrived(group, batch, picks)
        if group.account.webhook_url and "single" in group.account.reports and picks and not group.hidden:
            if group.service in (*TEXTS, ALIM, BRAND):
                self.outbox.hooks(group, hooks(group, batch, picks))
            elif group.service in popbill_wire.SERVICES:
                self.outbox.popbill(group, [popbill_wire.row(group, batch, i, int(batch.outcome[i])) for i in picks])
            elif not group.service:
                self.outbox.report(group, reports(group, batch, picks))
        self.changed("accounts")

    def _complete(self, group: Group) -> None:
        if "group" in group.account.reports and not group.service:
            self.outbox.report_group(group)

    # what people do
    def set_friend(self, number: str, channel: Channel, added: bool) -> None:
        """The person adds or blocks a channel; Kakao tells the channel's app."""
        self.world.friends[number, channel.pf_id] = added
        self.threads.say(number, channel.pf_id, f"{channel.name} 채널을 {'추가' if added else '차단'}했습니다")
        self.outbox.friend_event(number, channel, added)
        self.changed("world")

    def refuse(self, number: str, account_key: str, sender: str = "", thread: str = "") -> None:
        """The person refuses advertising: onto the list of that account (empty key: of all). No webhook is called."""
        account = self.accounts.get(account_key)
        for each in [account] if account is not None else self.accounts.all():
            each.refuse(number, sender, self.clock.now())
        if thread:
            self.threads.say(number, thread, "수신거부했습니다", side="out" if thread.startswith("sms:") else "line")
        self.changed("accounts")

    def set_clock(self, offset_seconds: float) -> None:
        """Move the clock; scheduled groups follow it."""
        self.clock.offset_seconds = offset_seconds
        self.dispatch.clock_changed(list(self.store.groups.values()))

    # what is kept
    def changed(self, section: str) -> None:
        """Note that a part of the state must be saved."""
        self._dirty.add(section)

    def save(self) -> None:
        """Write what changed since the last time."""
        if not self._dirty and not self.threads.dirty:
            return
        sections = {name: self._dump(name) for name in self._dirty}
        sections |= {f"thread:{number}": self.threads.dump(number) for number in self.threads.dirty}
        self.state.write(sections)
        self._dirty.clear()
        self.threads.dirty.clear()

    def _dump(self, name: str) -> Any:
        match name:
            case "accounts":
                return [account.dump() for account in self.accounts.all()]
            case "world":
                return self.world.dump()
            case "phones":
                return self.threads.phones
            case "templates":
                return self.templates.dump()
            case "kakao":
                return [[app.webhook_url, app.admin_key, list(app.channels)] for app in self.outbox.apps]
            case "files":
                return [[f.file_id, f.kind, f.name, f.media_type, f.data.hex()] for f in self.files.values()]
        raise KeyError(name)

    def load(self) -> None:
        """Take over the state of the last run."""
        saved = self.state.read()
        for row in saved.get("accounts", []):
            self.accounts.add(Account.load(row))
        if "world" in saved:
            self.world.load(saved["world"])
        self.templates.load(saved.get("templates", []))
        self.outbox.apps = [KakaoApp(url, key, tuple(channels)) for url, key, channels in saved.get("kakao", [])]
        for file_id, kind, name, media_type, data in saved.get("files", []):
            self.files[file_id] = StoredFile(file_id, kind, name, media_type, bytes.fromhex(data))
        lines = {name[7:]: lines for name, lines in saved.items() if name.startswith("thread:")}
        self.threads.load(saved.get("phones", {}), lines)
