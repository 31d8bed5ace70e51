from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest

from idp.gateways.outbox import MailOutbox, Outbox
from idp.ports import MessageUndeliveredError
from tests.fakes import FakeClock

pytestmark = pytest.mark.anyio
PHONE = "+355692000101"


def texts(outbox: Outbox) -> list[str]:
    return [message.text for message in outbox.messages()]


async def test_a_message_is_in_the_file_when_it_counts_as_sent(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "outbox.jsonl"
    await Outbox(path, clock=clock).send(to=PHONE, text="Kodi juaj është 123456")
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        "to": PHONE,
        "text": "Kodi juaj është 123456",
        "at": "2027-01-15T08:00:00.000+00:00",
        "subject": "",
    }


async def test_another_process_finds_the_messages_in_their_order(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "outbox.jsonl"
    first = Outbox(path, clock=clock)
    assert first.messages() == []
    await first.send(to=PHONE, text="one")
    await first.send(to=PHONE, text="two\nlines")
    assert texts(Outbox(path, clock=clock)) == texts(first) == ["one", "two\nlines"]


async def test_messages_of_another_process_are_found_while_both_run(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "outbox.jsonl"
    first, second = Outbox(path, clock=clock), Outbox(path, clock=clock)
    await first.send(to=PHONE, text="one")
    assert texts(second) == ["one"]
    await second.send(to=PHONE, text="two")
    await first.send(to=PHONE, text="three")
    assert texts(first) == texts(second) == ["one", "two", "three"]


async def test_a_line_that_was_cut_off_takes_no_other_message_with_it(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "outbox.jsonl"
    await Outbox(path, clock=clock).send(to=PHONE, text="before")
    with path.open("ab") as file:
        file.write(b'{"to":"+3556920')
    again = Outbox(path, clock=clock)
    assert texts(again) == ["before"]
    await again.send(to=PHONE, text="after")
    assert texts(Outbox(path, clock=clock)) == ["before", "after"]


async def test_nobody_else_may_read_the_messages(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "outbox.jsonl"
    await Outbox(path, clock=clock).send(to=PHONE, text="x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "outbox.jsonl"
    path.touch(mode=0o644)
    path.chmod(0o644)
    await Outbox(path, clock=clock).send(to=PHONE, text="x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_message_that_cannot_be_kept_is_not_sent(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    outbox = Outbox(folder / "outbox.jsonl", clock=clock)
    folder.rmdir()
    with pytest.raises(MessageUndeliveredError) as refused:
        await outbox.send(to=PHONE, text="Kodi 123456")
    assert outbox.messages() == []
    assert PHONE not in str(refused.value)
    assert "123456" not in str(refused.value)


async def test_messages_sent_at_once_are_all_kept(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "outbox.jsonl"
    outbox = Outbox(path, clock=clock)
    sent = {str(n) for n in range(20)}
    await asyncio.gather(*(outbox.send(to=PHONE, text=text) for text in sent))
    assert set(texts(Outbox(path, clock=clock))) == sent


async def test_only_the_newest_messages_are_shown_and_all_are_kept(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "outbox.jsonl"
    lines = [json.dumps({"to": PHONE, "text": str(n), "at": "2027"}) for n in range(600)]
    path.write_text("\n".join(lines) + "\n")
    assert texts(Outbox(path, clock=clock)) == [str(n) for n in range(100, 600)]
    assert len(path.read_text().splitlines()) == 600


async def test_an_email_is_kept_beside_the_text_messages(tmp_path: Path, clock: FakeClock) -> None:
    outbox = Outbox(tmp_path / "outbox.jsonl", clock=clock)
    await MailOutbox(outbox).send(to="ana@example.al", subject="Kodi", text="123456", html="<p>123456</p>")
    (message,) = outbox.messages()
    assert (message.to, message.subject, message.text) == ("ana@example.al", "Kodi", "123456")
