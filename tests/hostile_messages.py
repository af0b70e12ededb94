"""Messages that no browser sends: widgets that hold what they cannot, components that say anything, ids of nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.hostile_images import hostile_image
from tests.hostile_texts import MARK, TEXTS

DEPTH: Final = 10_000
NUMBERS: Final = (
    0.0, -0.0, 1.0, -1.0, 0.5, 63.0, 64.0, 65.0, 1e6, 1e7, 1e300, -1e308, 5e-324, 2.0**31, 2.0**53, 2.0**63,
    float("nan"), float("inf"), -float("inf"),
)  # fmt: skip
# How a widget's value travels, by the kind of element; what else it may hold is Streamlit's to refuse.
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "text_input": ("string_value",), "text_area": ("string_value",), "number_input": ("double_value",),
    "selectbox": ("string_value",), "slider": ("double_array_value",), "button_group": ("string_array_value",),
    "button": ("trigger_value",), "checkbox": ("bool_value",), "file_uploader": ("file_uploader_state_value",),
    "camera_input": ("file_uploader_state_value",), "bidi_component": ("json_value", "json_trigger_value"),
    "expandable": ("bool_value",), "download_button": ("trigger_value",),
}  # fmt: skip
ANY: Final = tuple(
    field.name for field in WidgetState.DESCRIPTOR.fields if field.name not in ("id", "arrow_value", "chat_input_value")
)


def garbled(message: BackMsg, widgets: Mapping[str, str], rng: Random, *, right_kinds: bool) -> BackMsg:
    """A message that runs the page again, with some of its widgets at what nobody set them to.

    Args:
        message: as a browser would send it.
        widgets: by id, the kind of element.
        right_kinds: whether each holds a value of its own kind, a string where strings belong, as a browser would send;
            only the values are impossible.
    """
    states = message.rerun_script.widget_states.widgets
    known = [identity for identity, kind in widgets.items() if kind in FIELDS]
    for _ in range(rng.choice([1, 2, 8])):
        identity = rng.choice(known)
        fields = FIELDS[widgets[identity]] if right_kinds else ANY
        for state in [state for state in states if state.id == identity]:
            states.remove(state)
        states.append(_holding(identity, rng.choice(fields), rng))
    if not right_kinds:
        for _ in range(rng.choice([0, 1, 30])):
            wrong = rng.choice(
                ["", "$$ID-0-stride", f"$$ID-{MARK}-None", "offered", "last good", known[0][:-1], "\0", "x" * 9999]
            )
            states.append(_holding(wrong, rng.choice(ANY), rng))
    return message


def strange(rng: Random, session: str) -> BackMsg:
    """A message that no page of ours needs."""
    message = BackMsg()
    what = rng.randrange(9)
    if what == 0:
        message.rerun_script.page_script_hash = rng.choice(["", "0" * 32, MARK, "../../app.py", "x" * 99_999])
        message.rerun_script.page_name = rng.choice(
            ["", "../lab", "network/../../etc/passwd", MARK, "\0", "x" * 99_999]
        )
    elif what == 1:
        message.rerun_script.fragment_id = rng.choice(["0", MARK, "x" * 99_999, "../x"])
    elif what == 2:
        message.rerun_script.is_auto_rerun = message.rerun_script.is_history_navigation = True
        message.rerun_script.cached_message_hashes.extend(["x" * 40] * 2000)
        message.rerun_script.context_info.timezone = rng.choice(["../../etc/passwd", MARK, "\0"])
        message.rerun_script.context_info.timezone_offset = -(2**31)
        message.rerun_script.context_info.url = f"javascript:{MARK}"
        message.rerun_script.context_info.locale = MARK * 900
    elif what == 3:
        setattr(
            message,
            rng.choice(["clear_cache", "set_run_on_save", "load_git_info", "app_heartbeat", "stop_script"]),
            True,
        )
    elif what == 4:
        setattr(message, rng.choice(["debug_disconnect_websocket", "debug_shutdown_runtime"]), True)
    elif what == 5:
        message.file_urls_request.request_id = MARK
        message.file_urls_request.session_id = rng.choice([session, "other"])
        message.file_urls_request.file_names.extend(["../../../etc/passwd", MARK, "x" * 9999, ""] * 50)
    elif what == 6:
        asked = message.backend_operation_request
        asked.request_id, asked.session_id = MARK, rng.choice([session, "", "other"])
        if rng.random() < 0.5:
            asked.deferred_file.file_id = rng.choice(["../../etc/passwd", "", MARK, "x" * 9999])
        elif rng.random() < 0.5:
            asked.install_skills.SetInParent()
        else:
            asked.dataframe_chunk.source_id, asked.dataframe_chunk.limit = MARK, 2**31 - 1
    elif what == 7:
        message.rerun_script.query_string = rng.choice(["?" * 99_999, "%", "a=%ff&" * 9999, f"net={MARK}"])
    else:
        message.rerun_script.widget_states.widgets.append(_holding("$$ID-0-None", rng.choice(ANY), rng))
    return message


def frame(rng: Random) -> bytes | str:
    """What is no message at all."""
    sound = BackMsg()
    sound.rerun_script.query_string = "stride=2"
    data = bytearray(sound.SerializeToString())
    data[rng.randrange(len(data))] = rng.randrange(256)
    frames: list[bytes | str] = [
        b"", bytes(data), rng.randbytes(40), b"\xff" * 9, b"\x0a" * 3000, b"\x5a\xff\xff\xff\xff\x0f", "text", MARK,
        "{}", bytes(data)[:3], b"\x22" + b"\x80" * 9 + b"\1",
    ]  # fmt: skip
    return rng.choice(frames)


def _holding(identity: str, field: str, rng: Random) -> WidgetState:
    state = WidgetState(id=identity)
    if field in ("trigger_value", "bool_value"):
        setattr(state, field, rng.random() < 0.8)
    elif field == "double_value":
        state.double_value = rng.choice(NUMBERS)
    elif field == "int_value":
        state.int_value = rng.choice([0, -1, 64, 2**62, -(2**62)])
    elif field == "string_value":
        state.string_value = text(rng)
    elif field == "bytes_value":
        state.bytes_value = rng.randbytes(30)
    elif field == "double_array_value":
        state.double_array_value.data.extend(rng.choice(NUMBERS) for _ in range(rng.choice([0, 1, 1, 2, 9999])))
    elif field == "int_array_value":
        state.int_array_value.data.extend(rng.choice([0, 99, -1]) for _ in range(rng.choice([0, 1, 2, 9999])))
    elif field == "string_array_value":
        state.string_array_value.data.extend(text(rng) for _ in range(rng.choice([0, 1, 2, 99])))
    elif field == "string_trigger_value":
        state.string_trigger_value.data = text(rng)
    elif field == "file_uploader_state_value":
        state.file_uploader_state_value.SetInParent()
        for _ in range(rng.choice([0, 1, 3])):
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.file_id = rng.choice(["", "0", "../../etc/passwd", MARK, "x" * 9999])
            info.name, info.size = rng.choice(["", "../x.png", MARK]), rng.choice([0, 9, 2**40])
    else:
        setattr(state, field, _json(rng))
    return state


def text(rng: Random) -> str:
    """What a box may be told to hold."""
    found = rng.choice([*TEXTS, "9" * 5000, "[" * 5000, "1," * 50_000, "valid", "3", "camera", "0:0,0", "edge"])
    return found.encode("utf-8", "replace").decode()  # a surrogate does not travel in a message


def _json(rng: Random) -> str:
    value = rng.choice(_VALUES)(rng)
    key = rng.choice(["drawing", "same", "events", "value", MARK])
    event = rng.choice(["drawing", "same", MARK])
    shapes = [
        value, f'{{"{key}": {value}}}', f'[{{"event": "{event}", "value": {value}}}]',
        f'{{"event": "{event}", "value": {value}}}', f"[{value}]",
    ]  # fmt: skip
    return rng.choice(shapes)


_VALUES: tuple[Callable[[Random], str], ...] = (
    lambda rng: rng.choice(["", "null", "true", "NaN", "-1e999", "9" * 4000, "{", "[1,", "'x'", "\0", "[[]]",
    '{"a":{}}']), lambda rng: "[" * DEPTH + "]" * DEPTH,
    lambda rng: '{"a":' * DEPTH + "1" + "}" * DEPTH,
    lambda rng: json.dumps(text(rng)),
    lambda rng: json.dumps("x" * 3_000_000),
    lambda rng: json.dumps({"png": rng.choice([None, 1, [], "", "%%%", "é", text(rng), "A" * 390_000]),
    "isDown": text(rng)}), lambda rng: json.dumps({
        "png": base64.b64encode(hostile_image(rng.randrange(10**6)).data[:290_000]).decode(),
        "isDown": rng.random() < 0.5
    }),
    lambda rng: "[" + ",".join(["1"] * 300_000) + "]",
)  # fmt: skip
