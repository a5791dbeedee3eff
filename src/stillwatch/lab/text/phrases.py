"""Sentence patterns of ordinary prompts, by language.

Slots: `n`, `m` nouns of the topic's domain; `t`, `u` the topic's own names; `o` a name of the
writer's own; `k`, `q` numbers; `c` a code identifier; `x` a unit; `d` a month.
"""

from __future__ import annotations

ASKS: dict[str, tuple[str, ...]] = {
    "en": (
        "How does {t} affect the {n} when the {m} is above {k} {x}?",
        "Write a short note about {t} and the {n} for {u}",
        "What is the difference between {t} and {u} for a {n}?",
        "Can you explain {t} to someone who only knows about the {n}?",
        "Give me {k} ideas for a {n} built around {t}",
        "Why would {t} change the {n} after {d}?",
        "Fix the function {c}, it loses the {n} whenever {t} is empty",
        "Translate this line about {t} and the {m}: the {n} of {u} was closed in {d}",
        "Summarise what we know about {t}: {n}, {m}, and {k} {x} since {d}",
        "Plan a week on {t} with {k} sessions, each about one {n}",
        "If {t} holds {k} {n}s and {u} takes {q} of them, how many are left for the {m}?",
        "Compare the {n} of {t} with that of {u} and say which suits a {m}",
        "Draft an e-mail to the {t} team, the {n} is {k} {x} late",
        "My {n} keeps failing at {k} {x}, could {t} be the cause?",
        "Which {n} should I pick for {t}, given {k} {x} and a {m}?",
        "List the risks of moving the {n} from {t} to {u}",
        "Rewrite in a friendlier tone: {t} cannot accept the {n} without a {m}",
        "Is it true that {t} needs a {n} of {k} {x}?",
        "Refactor {c} so that the {n} and the {m} of {t} stay separate",
        "What questions should I ask {t} before I sign for the {n}?",
        "Tell me a story in which {t} finds a {n} near {u}",
        "Estimate the {n} for {t} if every {m} costs {k} {x}",
        "Help me name a {n} that belongs to {t}",
        "Outline a talk about {t}, the audience works with every kind of {n}",
        "Find the error: {t} has {k} {x}, {u} has {q}, so the {n} is their product",
        "Turn this into a table: {t} {k}, {u} {q}, {n} unknown",
        "Design a test for {c} that covers the {n} and an empty {m}",
        "Describe {t} as if it were a {n}",
        "Prove that the {n} of {t} never exceeds {k} when the {m} is fixed",
        "Who was involved in {t}, and what did the {n} mean for {u}?",
    ),
    "zh": (
        "{t}的{n}在超过{k}时会怎样影响{m}？",
        "请写一段关于{t}和{u}的说明，重点是{n}",
        "{t}和{u}在{n}方面有什么区别？",
        "帮我解释{t}，对方只了解{m}",
        "给我{k}个关于{t}的{n}想法",
        "函数{c}有问题，{n}为空时会丢失{t}",
        "把这句话翻译成英文：{t}的{n}在{k}月关闭了",
        "如果{t}有{k}个{n}，{u}拿走{q}个，还剩多少？",
        "为{t}制定一周计划，每天一个{n}",
        "我的{n}总是失败，会不会是{t}的原因？",
        "写一个故事，{t}在{u}附近发现了{n}",
        "{t}需要多大的{n}？目前是{k}",
    ),
    "es": (
        "¿Cómo influye {t} en {u} cuando pasa de {k} {x}?",
        "Escribe una nota breve sobre {t} para el equipo de {u}",
        "¿Qué diferencia hay entre {t} y {u}?",
        "Si {t} tiene {k} cajas y {u} se lleva {q}, ¿cuántas quedan?",
        "Corrige la función {c}, falla cuando {t} está vacío",
        "Dame {k} ideas para presentar {t}",
        "Resume lo que sabemos de {t} desde hace {k} semanas",
        "Ayúdame a responder a {t}, el envío lleva {k} {x} de retraso",
    ),
    "de": (
        "Wie wirkt sich {t} auf {u} aus, wenn {k} {x} überschritten werden?",
        "Schreib eine kurze Notiz über {t} für {u}",
        "Was unterscheidet {t} von {u}?",
        "Wenn {t} {k} Kisten hat und {u} {q} davon nimmt, wie viele bleiben?",
        "Die Funktion {c} bricht ab, sobald {t} leer ist, woran liegt das?",
        "Nenne mir {k} Ideen zu {t}",
        "Fasse zusammen, was über {t} bekannt ist",
        "Formuliere eine Antwort an {t}, die Lieferung ist {k} {x} zu spät",
    ),
    "ru": (
        "Как {t} влияет на {u}, если больше {k}?",
        "Напиши короткую заметку о {t} для {u}",
        "В чём разница между {t} и {u}?",
        "У {t} было {k} книг, {u} взял {q}, сколько осталось?",
        "Исправь функцию {c}, она теряет {t}",
        "Предложи {k} идей про {t}",
    ),
}

CONTEXTS: dict[str, tuple[str, ...]] = {
    "en": (
        "We moved {o} to a new {n} in {d}.",
        "The {m} shows {k} {x} since {t} was added.",
        "{o} has asked for this twice.",
        "I tried {c} with {k} {x}, no luck.",
        "There are {k} of them, {q} are about {u}.",
        "My colleague at {o} thinks the {n} is fine.",
        "Last {d} it was only {k} {x}.",
        "Assume the {m} is fixed.",
        "This is for {o}, not for {t}.",
        "The old {n} cannot be changed.",
        "I have until the {k}th.",
        "{u} already has a {m} of its own.",
        "Nobody at {o} remembers why {c} exists.",
        "The budget is {k} {x}.",
    ),
    "zh": (
        "{o}在{k}月换了新的{n}。",
        "目前的{m}是{k}。",
        "{o}已经问过两次了。",
        "我试过{c}，不行。",
        "一共有{k}个，其中{q}个与{u}有关。",
        "预算只有{k}。",
    ),
    "es": (
        "{o} ya lo ha pedido dos veces.",
        "El presupuesto es de {k} {x}.",
        "Probé {c} sin éxito.",
        "Es para {o}.",
    ),
    "de": (
        "{o} hat schon zweimal danach gefragt.",
        "Das Budget liegt bei {k} {x}.",
        "Mit {c} hat es nicht geklappt.",
        "Es geht um {o}.",
    ),
    "ru": (
        "{o} уже спрашивали дважды.",
        "Бюджет {k}.",
        "Я пробовал {c}, не помогло.",
        "Это для {o}.",
    ),
}

OPENERS: dict[str, tuple[str, ...]] = {
    "en": (
        "Hi,", "Quick question:", "For {o}:", "Hello again.", "OK so", "Another one on {t}:",
        "About the {n}:", "Context: {o}.", "Following up,", "Hey!", "{o} asks:", "Re {t}:",
    ),
    "zh": ("你好，", "关于{o}：", "再问一下，", "{o}想知道："),
    "es": ("Hola,", "Para {o}:", "Una duda:"),
    "de": ("Hallo,", "Für {o}:", "Kurze Frage:"),
    "ru": ("Привет,", "Для {o}:", "Вопрос:"),
}  # fmt: skip

CLOSERS: dict[str, tuple[str, ...]] = {
    "en": (
        "Keep it under {k} words.", "I am new to this.", "Answer as a list.", "Thanks!",
        "No jargon please.", "One paragraph is enough.", "Use {c} in the example.",
        "Make it sound like {o}.", "Please explain your reasoning step by step.",
        "Show your work.", "A short answer will do.", "Mention {u} once.", "In plain English.",
    ),
    "zh": ("简短一点。", "谢谢！", "请一步一步说明。", "用列表回答。", "不要超过{k}字。"),
    "es": ("Gracias.", "Paso a paso, por favor.", "Que sea breve."),
    "de": ("Danke!", "Bitte Schritt für Schritt.", "Bitte kurz."),
    "ru": ("Спасибо!", "Объясни по шагам.", "Коротко."),
}  # fmt: skip

FOLLOW_UPS: dict[str, tuple[str, ...]] = {
    "en": (
        "And what about {u}?", "Shorter, please.", "Why is the {n} not {k} {x} then?",
        "Could you redo that with {c}?", "That does not fit {o}, try again.",
        "What if {t} changes in {d}?", "Give an example with {k} {x}.",
        "I do not follow the part on the {m}.",
        "Great, now for {u}.", "Is that still true for {o}?", "Put the {n} first.",
    ),
    "zh": ("那{u}呢？", "再短一点。", "为什么{n}不是{k}？", "换成{o}再写一遍。", "举个例子。"),
    "es": ("¿Y {u}?", "Más corto.", "¿Vale también para {o}?"),
    "de": ("Und {u}?", "Bitte kürzer.", "Gilt das auch für {o}?"),
    "ru": ("А {u}?", "Короче.", "А для {o}?"),
}  # fmt: skip

REPLIES: tuple[str, ...] = (
    "In short, {t} depends on the {n}: about {k} {x}, less if the {m} is small.",
    "There are {k} cases. For {u} the {n} comes first, then the {m}.",
    "Yes, provided that {t} stays below {k} {x}.",
    "The {n} belongs to {t}; the {m} to {u}. That leaves {q}.",
    "Here is a version of {c} that keeps the {n}.",
    "{t}：{k}，{u}：{q}。",
)
