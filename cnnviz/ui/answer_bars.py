"""What a network says of each class, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from torch import Tensor

from cnnviz.attribution_words import say_number, say_share

MOST: Final = 12  # classes that have a bar


def answer_bars(said: Mapping[str, Tensor], classes: Sequence[str], right: int | None, *, are_shares: bool) -> str:
    """HTML: a row for each class, in it a bar for each of the answers.

    Args:
        said: by what they are called, (K,) each: one, or before and after.
        right: the class that is right, if that is known.
        are_shares: whether they lie in [0, 1]; logits have bars as long as the largest.
    """
    newest = list(said.values())[-1]
    best = int(newest.argmax())
    order = range(len(classes))
    if len(classes) > MOST:
        largest = {int(i) for answers in said.values() for i in answers.topk(MOST // len(said)).indices}
        order = sorted(largest | {best} | ({right} if right is not None else set()))  # type: ignore[assignment]
    reach = 1.0 if are_shares else max(float(answers.abs().max()) for answers in said.values()) or 1.0
    say = short_share if are_shares else say_number
    rows = []
    for i in order:
        bars, numbers = [], []
        for place, (name, answers) in enumerate(said.items()):
            value = float(answers[i])
            is_old = len(said) > 1 and place == 0
            kind = "ab-bar ab-old" if is_old else "ab-bar ab-best" if i == best else "ab-bar"
            bars.append(f'<i class="{kind}" style="width:{100 * min(1.0, abs(value) / reach):.2f}%"></i>')
            label = f'<span class="ab-old-number" title="{escape(name)}">' if is_old else "<span>"
            numbers.append(f"{label}{say(value)}</span>")
        tick = '<b class="ab-tick" title="the right one"> ✓</b>' if i == right else ""
        classes_of = " ".join(["ab-said"] * (i == best) + ["ab-right"] * (i == right))
        rows.append(
            f'<tr class="{classes_of}"><th scope="row">{escape(classes[i])}{tick}</th>'
            f"<td>{''.join(bars)}</td><td>{' → '.join(numbers)}</td></tr>"
        )
    more = f"<caption>the largest of {len(classes)}</caption>" if len(order) < len(classes) else ""
    return f'<table class="answer-bars">{more}<tbody>{"".join(rows)}</tbody></table>'


def short_share(value: float) -> str:
    """A share in [0, 1] as a percentage in little room; it is 0 % or 100 % only if it is."""
    return say_share(value).replace("less than ", "< ").replace("more than ", "> ")
