"""What can be typed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args, get_type_hints

import nait_widgets as nait
from nait_widgets.cli.arguments import Parser, names, pair, place, span, weight
from nait_widgets.cli.choosing import score, select
from nait_widgets.cli.commands import FIT_OPTIONS, capture, demo, explain, fit, info, pack, unpack, verify
from nait_widgets.cli.common import SCORE_OPTIONS
from nait_widgets.cli.fingerprints import fingerprint
from nait_widgets.cli.growing import append, join, subset
from nait_widgets.cli.guarding import guard
from nait_widgets.cli.planning import plan
from nait_widgets.cli.training import compare
from nait_widgets.scorers import available
from nait_widgets.store import EXTRAS


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = Parser(prog="nait", description=nait.__doc__ and nait.__doc__.splitlines()[0])
    top.add_argument("--version", action="version", version=f"nait-widgets {nait.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        added.set_defaults(run=run)
        return added

    sub = command(demo)
    sub.add_argument("--out", type=Path, default=Path("nait-demo"), metavar="DIR", help="default: nait-demo")

    sub = command(capture)
    sub.add_argument("model", metavar="MODEL", help="a hub id or a folder")
    sub.add_argument("data", type=Path, metavar="DATA", help="an instruction file or a datasets folder")
    sub.add_argument("-o", "--output", type=place, required=True, metavar="STORE.zarr", help="a folder or a URL")
    sub.add_argument("--overwrite", action="store_true", help="replace the store instead of resuming it")
    _add_cluster(sub)
    _add_captured(sub)

    sub = command(plan)
    sub.add_argument("model", metavar="MODEL", help="a hub id or a folder")
    sub.add_argument("data", type=Path, metavar="DATA", help="an instruction file or a datasets folder")
    sub.add_argument("-o", "--output", type=place, metavar="STORE.zarr", help="whose disk is asked for; default: here")
    sub.add_argument(
        "--probe-seconds", type=float, default=10, metavar="S", help="how long batches are run to measure it (10)"
    )
    _add_captured(sub)
    _add_json(sub)

    sub = command(fit)
    sub.add_argument("model", metavar="MODEL_OR_STORE", help="what captures the samples, or a store of them")
    sub.add_argument("data", nargs="?", type=Path, metavar="DATA", help="in-domain samples, where a model is given")
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="NAME.direction")
    sub.add_argument("--name", help="of the capability; default: the output's name")
    sub.add_argument("--preset", default="paper", help="paper (default) or robust")
    sub.add_argument("--background", type=place, metavar="STORE", help="the pool of candidates; robust needs it")
    sub.add_argument("--site", help="default: the background's, else resid_post")
    for name in FIT_OPTIONS:
        sub.add_argument(_flag(name), help=f"{_choices('FitOptions', name)}; default: the preset's")
    _add_scoring(sub)
    _add_running(sub)
    _add_layers(sub, "that are captured")

    sub = command(score)
    _add_scored(sub)
    _add_cluster(sub)
    sub.add_argument("-o", "--output", type=Path, metavar="scores.parquet", help=".parquet, .csv or .jsonl")
    sub.add_argument("--save", metavar="NAME", help="save scores, and what they are by, in the store")
    sub.add_argument("--approximate", action="store_true", help="from the store's fingerprint, by `nait fingerprint`")
    _add_scoring(sub)
    _add_layers(sub, "that are summed")
    _add_json(sub)

    sub = command(select)
    _add_scored(sub, required=False)
    _add_cluster(sub)
    amount = sub.add_mutually_exclusive_group()
    amount.add_argument("--fraction", type=float, metavar="F", help="share of the candidates, for example 0.1")
    amount.add_argument("--k", type=int, metavar="K", help="number of rows")
    amount.add_argument("--threshold", type=float, metavar="T", help="lowest score that is selected")
    sub.add_argument("--scores", metavar="NAME", help="scores that are saved in the store, instead")
    sub.add_argument(
        "--direction", action="append", default=[], metavar="NAME", help="column of these to select by; default: all"
    )
    sub.add_argument("--recipe", type=Path, help="repeat a selection exactly; STORE then says where it is")
    by_fingerprint = sub.add_mutually_exclusive_group()
    by_fingerprint.add_argument(
        "--from-fingerprint", action="store_true", help="the same rows, for one direction, reading few activations"
    )
    by_fingerprint.add_argument(
        "--approximate", action="store_true", help="by scores from the fingerprint alone, as `nait score` tells them"
    )
    sub.add_argument("--merge", help="of several directions: union (default), round-robin, mean-z, max")
    sub.add_argument("--weight", type=weight, action="append", default=[], metavar="NAME=W", help="of a direction")
    sub.add_argument("--end", help="of the scores: top (default), bottom, random")
    sub.add_argument("--seed", type=int, metavar="N", help="of random rows (0)")
    sub.add_argument("--adjust", help="for length: none (default), length-residual, length-strata")
    only = sub.add_argument_group("only among the rows that")
    only.add_argument("--text", default="", metavar="TEXT", help="have it in prompt or response")
    only.add_argument("--min-tokens", type=int, metavar="N", help="are as long")
    only.add_argument("--max-tokens", type=int, metavar="N", help="are no longer")
    only.add_argument(
        "--label", type=pair, action="append", default=[], metavar="COLUMN=VALUE", help="carry it (or another given)"
    )
    sub.add_argument(
        "--exclude",
        type=Path,
        action="append",
        default=[],
        metavar="REPORT.json",
        help="leave out what `nait guard` found (or another given)",
    )
    sub.add_argument("--columns", type=names, metavar="LIST", help="added to each row: score, rank, reason")
    sub.add_argument("--order", choices=["source", "rank"], help="of the rows; default: source")
    sub.add_argument("-o", "--output", type=Path, metavar="subset.jsonl")
    sub.add_argument("--save", metavar="NAME", help="save the selection in the store")
    _add_scoring(sub)
    _add_layers(sub, "that are summed")
    _add_json(sub)

    sub = command(fingerprint)
    sub.add_argument("store", type=place, metavar="STORE.zarr")
    sub.add_argument("--pool", help="that it is of; default: the first")
    _add_json(sub)

    sub = command(guard)
    _add_store(sub, help="with text")
    sub.add_argument(
        "files",
        nargs="*",
        metavar="[NAME=]FILE",
        help="benchmarks, in-domain samples, other stores; none: the pool itself",
    )
    sub.add_argument("--compare", help="which text: prompt, response or sample; default: prompt, of rows sample")
    sub.add_argument("--jaccard", type=float, metavar="J", help="least similarity of two texts (0.8)")
    sub.add_argument("--containment", type=float, metavar="C", help="least share of a text that a row holds (0.5)")
    sub.add_argument("--n", type=int, metavar="N", help="words of the n-grams of that share (8)")
    sub.add_argument("-o", "--output", type=Path, metavar="report.json", help="what `nait select --exclude` reads")
    _add_json(sub)

    sub = command(explain)
    _add_store(sub)
    sub.add_argument("sample_id", metavar="SAMPLE_ID")
    sub.add_argument("direction", type=Path, metavar="DIRECTION")
    sub.add_argument("--neurons", type=int, default=10, metavar="N", help="how many to list (10)")

    sub = command(compare)
    sub.add_argument("model", metavar="MODEL", help="the base that is fine-tuned: a hub id or a folder")
    sub.add_argument(
        "--subset", type=pair, action="append", required=True, metavar="NAME=FILE",
        help="rows to train on; the same name again gives the next seed's draw",
    )  # fmt: skip
    sub.add_argument(
        "--eval", type=pair, action="append", required=True, metavar="NAME=FILE", help="held-out rows to evaluate on"
    )
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help="results; an interrupted run goes on there")
    sub.add_argument("--seeds", type=int, metavar="N", help="fine-tuning runs of each subset (5)")
    sub.add_argument("--steps", type=int, metavar="N", help="of each run (100)")
    sub.add_argument("--response-tokens", type=int, metavar="N", help="trained on in each step, exactly (2048)")
    sub.add_argument("--learning-rate", "--lr", type=float, metavar="X", help="default: 2e-5, 2e-4 with adapters")
    sub.add_argument("--schedule", help="of the learning rate: cosine (default) or constant")
    sub.add_argument(
        "--lora-rank", dest="lora", type=int, metavar="R", help="adapters of that rank, not all weights; needs peft"
    )
    sub.add_argument(
        "--answers", type=pair, action="append", default=[], metavar="NAME=CHECK",
        help="also answer the prompts of eval set NAME (takes long) and count what is right; CHECK is final-number "
        "(the same number after ####, or as the last one) or text (the same text)",
    )  # fmt: skip
    sub.add_argument("--answer-tokens", type=int, metavar="N", help="longest answer (256)")
    sub.add_argument("--reference", metavar="NAME", help="subset that others are held against; default: random")
    sub.add_argument("--order", type=names, metavar="LIST", help="claim to test; default: top,random,bottom")
    sub.add_argument("--workers", type=int, metavar="N", help="processes that train at the same time (1)")
    sub.add_argument("--batch-tokens", type=int, metavar="N", help="tokens at once, padding included")
    _add_model(sub)
    _add_json(sub)

    for run in (info, verify):
        sub = command(run)
        _add_store(sub)
        _add_json(sub)

    sub = command(join)
    sub.add_argument("stores", nargs="+", type=place, metavar="STORE.zarr", help="in the order of their rows")
    sub.add_argument("-o", "--output", type=place, required=True, metavar="JOINED.zarr")
    sub.add_argument("--overwrite", action="store_true", help="replace the store if it is there")
    _add_json(sub)

    sub = command(append)
    sub.add_argument("store", type=place, metavar="STORE.zarr", help="the one that grows")
    sub.add_argument("more", type=place, metavar="MORE.zarr", help="whose rows go to its end; it stays as it is")
    _add_json(sub)

    sub = command(subset)
    _add_store(sub)
    rows = sub.add_mutually_exclusive_group(required=True)
    rows.add_argument("--selection", metavar="NAME", help="that is saved in the store")
    rows.add_argument("--recipe", type=Path, metavar="FILE", help="of an export")
    rows.add_argument("--ids", type=Path, metavar="FILE", help="a sample id a line")
    sub.add_argument("-o", "--output", type=place, required=True, metavar="SUBSET.zarr")
    sub.add_argument("--overwrite", action="store_true", help="replace the store if it is there")
    _add_json(sub)

    sub = command(pack)
    _add_store(sub)
    sub.add_argument("-o", "--output", type=place, metavar="X.zarr.zip", help="default: STORE.zarr.zip beside it")
    sub.add_argument("--without-text", action="store_true", help="leave out the samples' text and what came from it")
    sub.add_argument("--overwrite", action="store_true", help="replace the file if it is there")
    _add_json(sub)

    sub = command(unpack)
    sub.add_argument("archive", type=place, metavar="X.zarr.zip")
    sub.add_argument("-o", "--output", type=place, metavar="DIR", help="default: X.zarr beside the archive")
    sub.add_argument("--overwrite", action="store_true", help="replace the store if it is there")
    _add_json(sub)
    return top


def _add_store(parser: argparse.ArgumentParser, **more: Any) -> None:
    parser.add_argument("store", type=place, metavar="STORE", **more)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep copies of what is read from a URL there")


def _add_scored(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    _add_store(parser, nargs=None if required else "?")
    parser.add_argument("directions", nargs="*", metavar="[NAME=]FILE", help="X.direction or X.scorer")
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="[NAME=]KIND[:OPTION=VALUE,…]",
        help=f"another scorer, for example ifd:form=perplexity; may be repeated; kinds: {', '.join(available())}",
    )
    parser.add_argument(
        "--targets", type=place, metavar="STORE", help="samples that show what is wanted, for knn and others like it"
    )


def _add_scoring(parser: argparse.ArgumentParser) -> None:
    for name in SCORE_OPTIONS:
        parser.add_argument(_flag(name), help=f"{_choices('ScoreOptions', name)}; default: the direction's")


def _add_layers(parser: argparse.ArgumentParser, use: str) -> None:
    parser.add_argument("--layers", metavar="LIST", help=f"decoder layers {use}, for example 0,1,2; default: all")


def _add_cluster(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, such as tcp://10.0.0.1:8786")
    sub.add_argument("--workers", type=int, metavar="N", help="processes of this machine, as a Dask cluster")


def _add_captured(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--rows", type=span, metavar="FROM:TO", help="of the data only these, counted from 0, for example 0:20480"
    )
    sub.add_argument(
        "--site", help="resid_post, mlp_act, mlp_out or up_proj_abs; default: --scores-only's, else resid_post"
    )
    sub.add_argument("--pools", type=names, metavar="LIST", help="how tokens are pooled (mean,response_mean)")
    sub.add_argument(
        "--scores-only",
        nargs="+",
        type=Path,
        default=[],
        metavar="X.direction",
        help="keep no activations, but each sample's scores by these directions: a few hundred bytes a row",
    )
    fingerprint = sub.add_mutually_exclusive_group()
    fingerprint.add_argument(
        "--no-fingerprint", action="store_true", help="with --scores-only, keep no fingerprints for other directions"
    )
    fingerprint.add_argument(
        "--fingerprint-of",
        metavar="STORE",
        help="with --scores-only, make fingerprints as this store has them, so that both can be joined",
    )
    sub.add_argument("--batch-tokens", type=int, metavar="N", help="tokens a batch, padding included")
    sub.add_argument("--deterministic", action="store_true", help="fixed batches and deterministic kernels")
    sub.add_argument(
        "--extras", type=names, default=(), metavar="LIST", help=f"kept besides: {', '.join(EXTRAS)}, or all"
    )
    sub.add_argument(
        "--no-text", action="store_true", help="keep no text of the samples; exports are then lists of ids"
    )
    _add_running(sub)
    _add_layers(sub, "that are captured")


def _add_running(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--format", help="of the data, where it isn't recognised")
    parser.add_argument("--field", action="append", default=[], metavar="ROLE=NAME", help="for example response=answer")
    parser.add_argument("--limit", type=int, metavar="N", help="read the first N rows only")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-length", type=int, metavar="N", help="tokens at which a sample is cut")
    parser.add_argument("--template", help="chat, alpaca or plain; default: the tokenizer's chat template")
    parser.add_argument("--dtype", help="auto (default), float32, bfloat16 or float16")
    parser.add_argument("--device", help="cpu, cuda, cuda:1…; default: the best there is")
    parser.add_argument("--attention", help="transformers' attention implementation")
    parser.add_argument("--revision", help="of a hub id")
    parser.add_argument("--trust-remote-code", action="store_true", help="let the model run code of its own")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="report as JSON, for scripts")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _choices(options: str, name: str) -> str:
    return ", ".join(get_args(get_type_hints(getattr(nait, options))[name]))
