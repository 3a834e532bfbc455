"""Questions about small Python programs: write, explain, mend, predict."""

from __future__ import annotations

from random import Random

from demo_corpus.draft import Draft, fill, manner
from demo_corpus.python_tasks import TASKS, Task
from demo_corpus.world import WORDS

_WRITE = (
    "Write a Python function that {purpose}.",
    "Write a function in Python which {purpose}. Call it {name}.",
    "I need a small Python function that {purpose}.",
    "How do I write a function that {purpose} in Python?",
    "Implement `{name}({x})`: it {purpose}.",
)
_EXPLAIN = ("What does this function do?", "Explain this Python code.", "Describe what this code is for.")
_MEND = (
    "This function should be one that {purpose}, but it is wrong. Correct it.",
    "Find the mistake: the code below {purpose}, or so it should.",
)
_PRINTS = ("What does this program print?", "Give the output of this code.", "What is shown when this runs?")


def _code(rng: Random, task: Task) -> tuple[str, str, str]:
    """The function, its name and its argument."""
    name, x = rng.choice(task.names), rng.choice(task.argument)
    return "\n".join([f"def {name}({x}):", *("    " + line.format(x=x) for line in task.body)]), name, x


def _broken(code: str, task: Task) -> str:
    head, body = code.split("\n", 1)
    return f"{head}\n{body.replace(*task.change)}"


def _write(rng: Random) -> Draft:
    task = rng.choice(TASKS)
    code, name, x = _code(rng, task)
    detailed = rng.random() < 0.4
    shape = rng.choice(("{code}", "```python\n{code}\n```"))
    if detailed:
        shape += "\n\n" + task.why.replace("{", "{{").replace("}", "}}")
    ask = fill(rng, _WRITE, purpose=task.purpose, name=name, x=x) + manner(rng, detailed=detailed)
    return Draft(ask, "", shape.format(code=code), shape.format(code=_broken(code, task)))


def _explain(rng: Random) -> Draft:
    task = rng.choice(TASKS)
    code, name, _ = _code(rng, task)
    detailed, rival = rng.random() < 0.5, rng.choice([rival for rival in TASKS if rival is not task])
    output, wrong = (
        fill(
            rng, ("It {purpose}.", "The function {name} {purpose}.", "This {purpose}."), purpose=each.purpose, name=name
        )
        + (f" {each.why}" if detailed else "")
        for each in (task, rival)
    )
    return Draft(rng.choice(_EXPLAIN) + manner(rng, detailed=detailed), code, output, wrong)


def _mend(rng: Random) -> Draft:
    task = rng.choice(TASKS)
    code, _, _ = _code(rng, task)
    broken, detailed = _broken(code, task), rng.random() < 0.4
    shape = "{code}"
    if detailed:
        shape = f"The part `{task.change[1]}` should be `{task.change[0]}`.\n\n{{code}}"
    return Draft(fill(rng, _MEND, purpose=task.purpose), broken, shape.format(code=code), shape.format(code=broken))


def _program(rng: Random) -> tuple[str, str, str]:
    """A short program, what it prints, and why."""
    kind, n = rng.randrange(6), rng.randint(2, 6)
    word, name = rng.choice(WORDS), rng.choice(("total", "result", "count", "s"))
    numbers = [rng.randint(1, 20) for _ in range(rng.randint(3, 6))]
    if kind == 0:
        code = f"{name} = 0\nfor i in range({n}):\n    {name} += i\nprint({name})"
        return code, str(sum(range(n))), f"The loop adds the numbers from 0 to {n - 1}."
    if kind == 1:
        return f'print("{word}"[:{n}])', word[:n], f"The slice keeps the first {n} letters."
    if kind == 2:
        code = f"values = {numbers}\nprint(max(values), len(values))"
        return code, f"{max(numbers)} {len(numbers)}", "First the largest value, then how many there are."
    if kind == 3:
        code = f"values = {numbers}\nprint(sorted(values))"
        return code, str(sorted(numbers)), "The values come in rising order."
    if kind == 4:
        code = f'for i in range({n}):\n    print(i, "{word}")'
        return code, "\n".join(f"{i} {word}" for i in range(n)), f"The loop runs {n} times and starts at 0."
    code = f'{name} = "{word}"\nprint({name}.upper(), len({name}))'
    return code, f"{word.upper()} {len(word)}", "The word is put in capitals, then its length follows."


def _predict(rng: Random) -> Draft:
    code, printed, why = _program(rng)
    detailed = rng.random() < 0.5
    shape = "{printed}\n\n" + why if detailed else rng.choice(("{printed}", "It prints:\n{printed}"))
    last = max(place for place, letter in enumerate(printed) if letter.isalnum())
    wrong = printed[:last] + ("7" if printed[last] != "7" else "8") + printed[last + 1 :]
    ask = rng.choice(_PRINTS) + manner(rng, detailed=detailed)
    return Draft(ask, code, shape.format(printed=printed), shape.format(printed=wrong))


def generate(rng: Random) -> Draft:
    """A function to write, explain or mend, or a program whose output is asked."""
    return rng.choice((_write, _write, _explain, _mend, _predict))(rng)
