"""Arithmetic word problems of one to three steps."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from demo_corpus.draft import Draft, fill, manner
from demo_corpus.world import PEOPLE, THINGS, towns


class _Problem(NamedTuple):
    """A problem, its working, and its answer.

    Attributes:
        story: The question.
        steps: The working, a sentence each; the last one ends in the result.
        result: The answer.
        answer: A sentence with a slot for the answer.
    """

    story: str
    steps: tuple[str, ...]
    result: int
    answer: str


def _shopping(rng: Random) -> _Problem:
    who, (_, things), n, price = rng.choice(PEOPLE), rng.choice(THINGS), rng.randint(2, 12), rng.randint(2, 15)
    paid = n * price + rng.randint(1, 30)
    story = fill(
        rng,
        (
            "{who} buys {n} {things} at {price} coins each and pays with {paid} coins. How much change is due?",
            "At the market, {things} cost {price} coins each. {who} takes {n} of them and hands over {paid} coins. "
            "How many coins come back?",
            "{who} had {paid} coins and bought {n} {things} for {price} coins each. What is left?",
        ),
        who=who, n=n, things=things, price=price, paid=paid,
    )  # fmt: skip
    steps = (f"The {things} cost {n} * {price} = {n * price} coins.", f"{paid} - {n * price} = {paid - n * price}.")
    return _Problem(story, steps, paid - n * price, f"{who} gets {{}} coins back.")


def _sharing(rng: Random) -> _Problem:
    (_, things), people, each = rng.choice(THINGS), rng.randint(2, 9), rng.randint(2, 12)
    total, who = people * each, rng.choice(PEOPLE)
    story = fill(
        rng,
        (
            "{who} shares {total} {things} equally among {people} friends. How many does each friend get?",
            "{total} {things} are packed into {people} boxes, the same number in each. How many are in one box?",
            "There are {total} {things} for {people} children. If all get the same, how many is that for one child?",
        ),
        who=who, total=total, things=things, people=people,
    )  # fmt: skip
    return _Problem(story, (f"Divide: {total} / {people} = {each}.",), each, f"Each one gets {{}} {things}.")


def _journey(rng: Random) -> _Problem:
    speed, hours, extra = rng.randrange(10, 90, 5), rng.randint(2, 7), rng.randint(3, 40)
    start, end = (town.name for town in rng.sample(towns(), 2))
    story = fill(
        rng,
        (
            "A cart goes from {start} towards {end} at {speed} km an hour for {hours} hours and then {extra} km more. "
            "How far is the journey?",
            "A train leaves {start} at {speed} km per hour. After {hours} hours it still has {extra} km to go to "
            "{end}. What is the distance between the two towns?",
        ),
        start=start, end=end, speed=speed, hours=hours, extra=extra,
    )  # fmt: skip
    way = speed * hours
    steps = (f"In {hours} hours it covers {speed} * {hours} = {way} km.", f"{way} + {extra} = {way + extra}.")
    return _Problem(story, steps, way + extra, "The distance is {} km.")


def _stock(rng: Random) -> _Problem:
    (_, things), start = rng.choice(THINGS), rng.randint(20, 90)
    sold, came, who = rng.randint(3, start - 5), rng.randint(5, 60), rng.choice(PEOPLE)
    story = fill(
        rng,
        (
            "{who} has {start} {things}, gives away {sold} and then finds {came} more. How many {things} is that now?",
            "A shop held {start} {things} in the morning. It sold {sold}, and {came} were delivered. "
            "What is the stock in the evening?",
            "From a pile of {start} {things}, {sold} are taken and {came} are put back. How many are there?",
        ),
        who=who, start=start, things=things, sold=sold, came=came,
    )  # fmt: skip
    left = start - sold
    return _Problem(
        story,
        (f"{start} - {sold} = {left}.", f"{left} + {came} = {left + came}."),
        left + came,
        f"There are {{}} {things}.",
    )


def _ages(rng: Random) -> _Problem:
    (old, young), gap, age, years = rng.sample(PEOPLE, 2), rng.randint(2, 25), rng.randint(4, 30), rng.randint(2, 15)
    story = fill(
        rng,
        (
            "{old} is {gap} years older than {young}, who is {age}. How old will {old} be in {years} years?",
            "{young} is {age} years old and {old} is {gap} years older. What age does {old} reach in {years} years?",
        ),
        old=old, young=young, gap=gap, age=age, years=years,
    )  # fmt: skip
    now = age + gap
    steps = (f"Today {old} is {age} + {gap} = {now}.", f"In {years} years: {now} + {years} = {now + years}.")
    return _Problem(story, steps, now + years, f"{old} will be {{}}.")


def _discount(rng: Random) -> _Problem:
    (thing, _), percent, price = rng.choice(THINGS), rng.choice((10, 20, 25, 50)), rng.randrange(20, 400, 20)
    off = price * percent // 100
    story = fill(
        rng,
        (
            "A {thing} costs {price} coins. Today there is {percent} percent off. What is the price now?",
            "The price of a {thing} falls by {percent} percent from {price} coins. What does it cost after that?",
        ),
        thing=thing, price=price, percent=percent,
    ).replace("A apple", "An apple").replace("a apple", "an apple")  # fmt: skip
    steps = (f"{percent} percent of {price} is {off}.", f"{price} - {off} = {price - off}.")
    return _Problem(story, steps, price - off, "It costs {} coins.")


def _field(rng: Random) -> _Problem:
    long, wide, who = rng.randint(5, 30), rng.randint(3, 20), rng.choice(PEOPLE)
    if rng.random() < 0.5:
        ask, result = "the area", long * wide
        steps: tuple[str, ...] = (f"{long} * {wide} = {result}.",)
    else:
        half = long + wide
        ask, result = "the length of fence around it", 2 * half
        steps = (f"Two sides make {long} + {wide} = {half}.", f"2 * {half} = {result}.")
    story = fill(
        rng,
        (
            "A field is {long} m long and {wide} m wide. What is {ask}?",
            "{who} plants a garden of {long} by {wide} metres. Work out {ask}.",
        ),
        who=who, long=long, wide=wide, ask=ask,
    )  # fmt: skip
    return _Problem(story, steps, result, "It is {}.")


def _work(rng: Random) -> _Problem:
    (_, things), rate, days = rng.choice(THINGS), rng.randint(3, 20), rng.randint(2, 9)
    who, helper, more = *rng.sample(PEOPLE, 2), rng.randint(2, 15)
    story = fill(
        rng,
        (
            "{who} makes {rate} {things} a day and {helper} makes {more}. How many do they make in {days} days?",
            "Every day {who} paints {rate} {things}, and {helper} paints {more}. "
            "What is their total after {days} days?",
        ),
        who=who, rate=rate, things=things, helper=helper, more=more, days=days,
    )  # fmt: skip
    daily = rate + more
    steps = (f"Together they do {rate} + {more} = {daily} a day.", f"{daily} * {days} = {daily * days}.")
    return _Problem(story, steps, daily * days, f"Together that is {{}} {things}.")


_PROBLEMS = (_shopping, _sharing, _journey, _stock, _ages, _discount, _field, _work)
_LEADS = ("", "", "First, think of what is asked. ", "Let us work it out. ", "Take it in order. ")
_ENDS = ("So the answer is {}.", "The answer is {}.", "That gives {}.", "Answer: {}")


def generate(rng: Random) -> Draft:
    """A story with numbers, answered by the number, by a sentence, or with its working."""
    problem, detailed = rng.choice(_PROBLEMS)(rng), rng.random() < 0.5
    slips = [slip for slip in (-10, -3, -2, -1, 1, 2, 3, 10, 20) if problem.result + slip >= 0]
    bad = problem.result + rng.choice(slips)
    if detailed:
        shape = rng.choice(_LEADS) + " ".join(problem.steps) + " " + rng.choice((*_ENDS, problem.answer))
        broken = shape.replace(f"= {problem.result}.", f"= {bad}.")
    else:
        shape = broken = rng.choice(("{}", "{}.", "The answer is {}.", problem.answer, problem.answer))
    return Draft(problem.story + manner(rng, detailed=detailed), "", shape.format(problem.result), broken.format(bad))
