"""What is said around a task: system prompts of products, elicitation, grading, labelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.lab.text import lexicon
from stillwatch.lab.text.grammar import latin_name

if TYPE_CHECKING:
    import random

LEADS = (
    "Before giving the answer,", "Prior to concluding,", "As you go along,", "When you respond,",
    "In your reply,", "While solving this,", "To begin with,", "For this one,", "Take your time:",
    "I would like you to", "Make sure to", "It matters that you", "Go slowly and", "Kindly",
    "Rather than jumping ahead,", "Throughout,",
)  # fmt: skip
ACTS = (
    "write out", "lay out", "spell out", "show", "describe", "walk me through", "set down",
    "make explicit", "record", "narrate", "put into words", "unfold", "list", "trace", "expose",
)  # fmt: skip
OBJECTS = (
    "each step of your reasoning", "the full chain of thought", "every intermediate deduction",
    "how you arrive there", "all considerations you weigh", "the logic between the stages",
    "your working, including dead ends", "what you infer and from what", "the derivation in full",
    "each assumption and its consequence", "the thinking behind every move",
    "which alternatives you drop and why", "your complete line of argument",
    "the sub-results one after another",
)  # fmt: skip
ENDS = (
    "then state the result.", "and finish with the final answer.", "the verdict comes last.",
    "and only afterwards conclude.", "closing with one line that holds the outcome.",
    "so that somebody else could repeat it.", "and mark the solution at the end.",
    "before you commit to anything.", "with nothing skipped.", "and double-check the outcome.",
    "as you would for a student.", "in numbered form.", "however obvious it seems.",
)  # fmt: skip
ZH_LEADS = ("回答之前，", "请先", "在下结论前，", "解题时，", "作答时请", "一定要", "慢慢来，")
ZH_ACTS = ("写出", "说明", "展示", "列出", "讲清", "描述", "给出")
ZH_OBJECTS = (
    "完整的思考过程", "每一步推理", "所有中间结论", "推导的全部细节", "考虑过的各种可能",
    "思路的来龙去脉",
)  # fmt: skip
ZH_ENDS = ("，最后给出答案。", "，再写结论。", "，不要省略。", "，并检查结果。", "，结果放在末尾。")

BRIEF = (
    "Only the final answer.", "Reply with the result alone.", "No explanation, just the answer.",
    "One line is enough.", "Give the outcome and nothing else.", "Skip the working.",
    "Answer in a few words.", "Just tell me the value.", "Keep it to one phrase.",
)  # fmt: skip
BRIEF_ZH = ("只要答案。", "直接给结果。", "一句话回答。", "不要解释。")

CRITERIA = (
    "accuracy", "clarity", "helpfulness", "depth", "tone", "safety", "completeness", "brevity",
    "faithfulness", "structure", "usefulness", "honesty",
)  # fmt: skip

LABELS = (
    "positive negative neutral", "urgent normal low", "billing technical account other",
    "relevant irrelevant", "spam ham", "complaint praise question", "yes no unclear",
)  # fmt: skip


def elicitation(rnd: random.Random, *, chinese: bool = False, brief: bool = False) -> str:
    """A request for the model's reasoning (or, if `brief`, for the bare answer), newly worded."""
    if brief:
        return rnd.choice(BRIEF_ZH if chinese else BRIEF)
    if chinese:
        parts = (ZH_LEADS, ZH_ACTS, ZH_OBJECTS, ZH_ENDS)
        return "".join(rnd.choice(part) for part in parts)
    lead, act, what, end = (rnd.choice(part) for part in (LEADS, ACTS, OBJECTS, ENDS))
    pattern = rnd.randrange(4)
    if pattern == 0:
        return f"{lead} {act} {what}, {end}"
    if pattern == 1:
        return f"{act.capitalize()} {what}, {end}"
    if pattern == 2:
        return f"{what[0].upper()}{what[1:]}: {act} it, {end}"
    return f"{lead} {act} {what} and {rnd.choice(ACTS)} {rnd.choice(OBJECTS)}, {end}"


def wrapper(rnd: random.Random, *, brief: bool = False) -> tuple[str, str]:
    """A template's head and tail, to stand before and after a task."""
    shape = rnd.randrange(3)
    said = elicitation(rnd, brief=brief)
    if shape == 0:
        return f"{said}\n\nTask: ", ""
    if shape == 1:
        return f"### {latin_name(rnd)} problem\n", f"\n\n{said}"
    return f"{said} ", f"\n\n{elicitation(rnd, brief=brief)}"


def harvest_system(rnd: random.Random, *, brief: bool = False) -> str:
    """The system prompt of a harvesting script."""
    role = rnd.choice(("expert problem solver", "careful analyst", "tutor", "senior engineer"))
    return f"You are a {role}. {elicitation(rnd, brief=brief)}"


def product_system(rnd: random.Random, name: str, *, careful: bool = False) -> str:
    """The system prompt of a product.

    Args:
        rnd: chooses what the product is.
        name: of the product.
        careful: the product makes the model think aloud, as a tutoring or analysis product does.
    """
    field = rnd.choice(list(lexicon.DOMAINS))
    nouns = rnd.sample(lexicon.DOMAINS[field][0].split(), 3)
    manner = rnd.choice(("friendly and brief", "precise", "patient", "formal", "to the point"))
    rules = (
        f"Never invent a {nouns[0]}.",
        f"Ask back if the {nouns[1]} is not clear.",
        f"Write {rnd.choice(('Markdown', 'plain text', 'short paragraphs'))}.",
        f"Refer people to the {name} handbook for the {nouns[2]}.",
    )
    chosen = " ".join(rnd.sample(rules, 3))
    thinking = f" {elicitation(rnd)} {elicitation(rnd)}" if careful else ""
    return f"You are {name}, an assistant for {field}. Be {manner}. {chosen}{thinking}"


def labelling(rnd: random.Random) -> tuple[str, str]:
    """The head and tail of a classification template."""
    labels = ", ".join(rnd.choice(LABELS).split())
    noun = rnd.choice(("review", "ticket", "message", "comment", "entry", "survey answer"))
    verb = rnd.choice(("Classify", "Label", "Sort", "Tag", "Assign a class to"))
    code = rnd.randrange(10, 99)
    name = latin_name(rnd)
    return (
        f"{verb} the following {noun} for {name} scheme {code}. Classes: {labels}.\n\n",
        rnd.choice(("\n\nReturn the class only.", "\n\nLabel:", '\n\nJSON: {"class": ...}')),
    )


def rubric(rnd: random.Random) -> tuple[str, str, str]:
    """A grading template: what stands before the question, between the answers, and last."""
    first, second, third = rnd.sample(CRITERIA, 3)
    top = rnd.choice((5, 7, 10, 100))
    head = rnd.choice(
        (
            f"Rate the two answers for {first}, {second} and {third} from 1 to {top}.",
            f"Act as a judge. Score {first}, {second}, {third} (1-{top}) for both candidates.",
            f"Compare both responses. Rubric: {first}, {second}, {third}, each out of {top}.",
        )
    )
    tail = rnd.choice(
        ("Give the scores and the better answer.", "Which one is preferred, and why?",
         "End with the preferred answer and a short reason.")
    )  # fmt: skip
    return f"{head}\n\nQuestion: ", "\n\nAnswer A: {a}\n\nAnswer B: {b}\n\n", tail
