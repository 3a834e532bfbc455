"""The small functions that the Python questions are about."""

from __future__ import annotations

from typing import NamedTuple


class Task(NamedTuple):
    """One function.

    Attributes:
        names: What it may be called.
        argument: What its argument may be called.
        purpose: What it does, after "a function that".
        body: Its lines, with a slot `{x}` for the argument.
        change: A piece of the body, and what a wrong answer has in its place.
        why: How it works, a sentence.
    """

    names: tuple[str, ...]
    argument: tuple[str, ...]
    purpose: str
    body: tuple[str, ...]
    change: tuple[str, str]
    why: str


_MANY = ("values", "numbers", "items", "data")
_ONE = ("n", "number", "value", "x")
_TEXT = ("text", "word", "s", "line")

TASKS = (
    Task(("total", "add_all"), _MANY, "adds up a list of numbers", ("return sum({x})",), ("sum", "len"),
         "The built-in sum adds every number of the list."),
    Task(("largest", "find_max"), _MANY, "returns the largest number of a list", ("return max({x})",), ("max", "min"),
         "The built-in max compares all of them."),
    Task(("average", "mean"), _MANY, "returns the average of a list of numbers", ("return sum({x}) / len({x})",),
         ("/", "*"), "The sum is divided by how many there are."),
    Task(("is_even", "even"), _ONE, "tells whether a number is even", ("return {x} % 2 == 0",), ("== 0", "== 1"),
         "An even number leaves no remainder when divided by two."),
    Task(("square", "squared"), _ONE, "returns the square of a number", ("return {x} * {x}",), ("*", "+"),
         "A square is a number times itself."),
    Task(("evens", "keep_even"), _MANY, "keeps the even numbers of a list",
         ("return [v for v in {x} if v % 2 == 0]",), ("== 0", "!= 0"), "The comprehension filters by the remainder."),
    Task(("squares", "square_all"), _MANY, "squares every number of a list", ("return [v * v for v in {x}]",),
         ("v * v", "v + v"), "The comprehension multiplies each number by itself."),
    Task(("backwards", "reverse_text"), _TEXT, "reverses a string", ("return {x}[::-1]",), ("[::-1]", "[1:]"),
         "A slice with a step of minus one reads from the end."),
    Task(("is_palindrome", "same_backwards"), _TEXT, "tells whether a string reads the same backwards",
         ("return {x} == {x}[::-1]",), ("==", "!="), "The string is compared with its own reverse."),
    Task(("count_vowels", "vowels"), _TEXT, "counts the vowels of a string",
         ("count = 0", "for letter in {x}:", '    if letter in "aeiou":', "        count += 1", "return count"),
         ("+= 1", "+= 2"), "The loop looks at each letter and counts those that are vowels."),
    Task(("factorial", "fact"), _ONE, "computes the factorial of a number",
         ("result = 1", "for i in range(2, {x} + 1):", "    result *= i", "return result"), ("*= i", "+= i"),
         "The loop multiplies all numbers from two up to the given one."),
    Task(("longest", "longest_word"), ("words", "names", "lines"), "returns the longest word of a list",
         ("return max({x}, key=len)",), ("max", "min"), "The key len makes max compare lengths."),
    Task(("unique", "without_duplicates"), _MANY, "removes duplicates from a list and keeps the order",
         ("seen = []", "for v in {x}:", "    if v not in seen:", "        seen.append(v)", "return seen"),
         ("not in", "in"), "Each value is kept the first time that it is met."),
    Task(("count_words", "word_count"), _TEXT, "counts the words of a text", ("return len({x}.split())",),
         (".split()", ".strip()"), "Splitting at blanks gives a list whose length is the answer."),
    Task(("letters", "letter_counts"), _TEXT, "counts how often each letter occurs",
         ("counts = {{}}", "for letter in {x}:", "    counts[letter] = counts.get(letter, 0) + 1", "return counts"),
         ("+ 1", "+ 0"), "A dictionary holds one count a letter, and get starts it at zero."),
    Task(("fibonacci", "fib"), _ONE, "returns the nth Fibonacci number",
         ("a, b = 0, 1", "for _ in range({x}):", "    a, b = b, a + b", "return a"), ("a + b", "a - b"),
         "Two numbers are kept, and each round moves them on by one."),
    Task(("is_prime", "prime"), _ONE, "tells whether a number is prime",
         ("if {x} < 2:", "    return False", "for d in range(2, {x}):", "    if {x} % d == 0:",
          "        return False", "return True"), ("return True", "return None"),
         "A prime is divided by no smaller number but one."),
    Task(("shout", "loud"), _TEXT, "turns a string into upper case with an exclamation mark",
         ('return {x}.upper() + "!"',), ("upper", "lower"), "The method upper changes the case."),
    Task(("first_last", "ends"), _MANY, "returns the first and the last element of a list",
         ("return {x}[0], {x}[-1]",), ("[-1]", "[1]"), "Index zero is the first and minus one the last."),
    Task(("smallest_two", "two_least"), _MANY, "returns the two smallest numbers of a list",
         ("return sorted({x})[:2]",), ("[:2]", "[2:]"), "After sorting, the smallest stand in front."),
    Task(("countdown", "down"), _ONE, "lists the numbers from n down to one",
         ("return list(range({x}, 0, -1))",), ("0, -1", "0, 1"), "The range has a negative step."),
    Task(("to_celsius", "celsius"), ("degrees", "temperature", "f"), "converts Fahrenheit to Celsius",
         ("return ({x} - 32) * 5 / 9",), ("- 32", "+ 32"), "The offset goes first, then the ratio of the scales."),
)  # fmt: skip
