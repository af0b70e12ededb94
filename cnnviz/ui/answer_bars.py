"""What a network says of each class, as bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from torch import Tensor

from cnnviz.attribution_words import say_number, say_share
from cnnviz.ui.scale_bar import swatches

MOST: Final = 12  # classes that have a bar


def answer_bars(said: Mapping[str, Tensor], classes: Sequence[str], right: int | None, *, are_shares: bool) -> str:
    """HTML: a row for each class, in it a bar for each of the answers.

    Args:
        said: by what they are called, (K,) each: one, or before and after.
        right: the class that is right, if that is known.
        are_shares: whether they lie in [0, 1], and a bar of 1 is as long as there is room. Logits share the
            room between the smallest and the largest, and bars begin at 0.
    """
    newest = list(said.values())[-1]
    best = int(newest.argmax())
    order = range(len(classes))
    if len(classes) > MOST:
        largest = {int(i) for answers in said.values() for i in answers.topk(MOST // len(said)).indices}
        order = sorted(largest | {best} | ({right} if right is not None else set()))  # type: ignore[assignment]
    low, high = 0.0, 1.0
    if not are_shares:
        low = min(0.0, *(float(answers.min()) for answers in said.values()))
        high = max(0.0, *(float(answers.max()) for answers in said.values()))
    span = (high - low) or 1.0
    say = short_share if are_shares else say_number
    rows = []
    for i in order:
        bars, numbers = [], []
        for place, (name, answers) in enumerate(said.items()):
            value = float(answers[i])
            is_old = len(said) > 1 and place == 0
            kind = "ab-bar ab-old" if is_old else "ab-bar ab-best" if i == best else "ab-bar"
            place_ = f"margin-left:{100 * (min(value, 0.0) - low) / span:.2f}%;" if low < 0 else ""
            bars.append(f'<i class="{kind}" style="{place_}width:{100 * min(1.0, abs(value) / span):.2f}%"></i>')
            label = f'<span class="ab-old-number" title="{escape(name)}">' if is_old else "<span>"
            numbers.append(f"{label}{say(value)}</span>")
        tick = '<b class="ab-tick" title="the right one"> ✓</b>' if i == right else ""
        is_wrong = i == best and right is not None and i != right
        classes_of = " ".join(["ab-said"] * (i == best) + ["ab-right"] * (i == right) + ["ab-wrong"] * is_wrong)
        rows.append(
            f'<tr class="{classes_of}"><th scope="row">{escape(classes[i])}{tick}</th>'
            f"<td>{''.join(bars)}</td><td>{' → '.join(numbers)}</td></tr>"
        )
    more = f"<caption>the largest of {len(classes)}</caption>" if len(order) < len(classes) else ""
    table = f'<table class="answer-bars">{more}<tbody>{"".join(rows)}</tbody></table>'
    return table + swatches(_key(list(said), best, right, low, are_shares=are_shares))


def _key(names: list[str], best: int, right: int | None, low: float, *, are_shares: bool) -> Iterator[tuple[str, str]]:
    """What the bars' colours and lengths mean, as far as there are such bars."""
    if right is None:
        yield "ab-bar ab-best", "what it says; nobody told it what is right"
    else:
        yield "ab-bar ab-key-right", "what is right"
        if best != right:
            yield "ab-bar ab-key-wrong", "what it says, which is wrong"
    yield "ab-bar", "other classes"
    if len(names) > 1:
        yield "ab-bar ab-old", names[0]
    from_zero = "bars begin at 0, those to the left are below" if low < 0 else "bars begin at 0"
    yield "", "a full bar is 100 %" if are_shares else from_zero


def short_share(value: float) -> str:
    """A share in [0, 1] as a percentage in little room; it is 0 % or 100 % only if it is."""
    return say_share(value).replace("less than ", "< ").replace("more than ", "> ")
