"""The command line. `infer`, `doctor` and `version` are here, the other commands in `COMMANDS`.

Exit codes: 0 done; 2 usage; 3 the input can't be used or the output can't be written; 4 weights or dependency trouble;
5 some rows of a catalog or people of a display failed. An error is one line on stderr. Heavy libraries are imported
only by the commands that need them.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .console import CATEGORIES, ENGINES, Parser, box, categories, identity, quiet, say, threads, to_json
from .errors import DependencyError, OutputError, TryOnError, UsageError

#: Further commands: modules, light to import, with `add_command(commands)`.
COMMANDS: tuple[str, ...] = (
    ".catalog.command",
    ".display.command",
    ".eval.command",
    ".extract.command",
    ".serve.command",
    ".train.command",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code, prints at most one line of error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        options = _parser().parse_args(arguments)
        return int(options.run(options))
    except KeyboardInterrupt:
        say("tryon: interrupted", sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our stdout went away
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the interpreter flushes it at exit
        return 0
    except Exception as error:
        if debug:
            traceback.print_exc()
        known = error if isinstance(error, TryOnError) else _translate(error)
        say(f"tryon: error: {known}", sys.stderr)
        return known.exit_code


def _translate(error: Exception) -> TryOnError:
    """An exception that nobody expected, as one of ours."""
    name = type(error).__name__
    if isinstance(error, ImportError):
        return DependencyError(f"A library can't be imported: {error}.", "Run: tryon doctor")
    if isinstance(error, MemoryError):
        return TryOnError("There is not enough memory.", "Use smaller pictures or close other programs.")
    if isinstance(error, OSError) and error.strerror:
        return TryOnError(f"The system says: {error.strerror}.", "Run again with --debug to see where.")
    return TryOnError(f"Something unexpected went wrong ({name}).", "Run again with --debug and report what it prints.")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="tryon",
        description="Virtual try-on: a person photo and a garment photo in, the person wearing the garment out.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tryon {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)

    infer = commands.add_parser("infer", help="put a garment on a person", allow_abbrev=False)
    infer.add_argument("--person", required=True, metavar="P", help="photo of the person (JPEG, PNG, WebP)")
    infer.add_argument(
        "--garment",
        required=True,
        action="append",
        metavar="G",
        help="photo of the garment: lying flat, hanging, or worn by somebody; give several for an outfit",
    )
    infer.add_argument(
        "--out", metavar="O", help="where to write the picture: .png (lossless), .jpg or .webp; default: NAME_tryon.png"
    )
    infer.add_argument(
        "--category",
        type=categories,
        default="auto",
        metavar="C",
        help=f"what the garment is: {', '.join(CATEGORIES)} (default: auto); of an outfit also one each: upper,lower",
    )
    infer.add_argument("--worn", action="store_true", help="the garment photos show somebody wearing the garment")
    infer.add_argument("--tuck", action="store_true", help="of an outfit: the top goes under the waistband")
    infer.add_argument(
        "--bare-neck", action="store_true", help="take off what lies round the neck, such as a scarf; else it stays"
    )
    infer.add_argument("--engine", choices=ENGINES, default="auto", help="how to render (default: auto)")
    infer.add_argument(
        "--person-box", type=box, metavar="x0,y0,x1,y1", help="choose the person inside this box (px of the photo)"
    )
    infer.add_argument("--report", metavar="R.json", help="write a JSON report")
    infer.add_argument(
        "--explain",
        metavar="DIR",
        help="write every intermediate picture into this folder (of an outfit: its "
        "last garment's, and the mask of all edits)",
    )
    infer.add_argument("--weights", metavar="DIR", help="own networks, as 'tryon export' wrote them")
    infer.add_argument(
        "--threads", type=threads, metavar="N", help="threads to use (default: the usable cores, at most 8)"
    )
    infer.add_argument("--debug", action="store_true", help="show tracebacks and the libraries' own messages")
    infer.set_defaults(run=_infer)

    doctor = commands.add_parser("doctor", help="check the installation", allow_abbrev=False)
    doctor.add_argument("--debug", action="store_true", help="show the libraries' own messages")
    doctor.set_defaults(run=_doctor)

    version = commands.add_parser("version", help="print the version", allow_abbrev=False)
    version.set_defaults(run=_version)
    for module in COMMANDS:
        importlib.import_module(module, __package__).add_command(commands)
    return parser


def _version(options: argparse.Namespace) -> int:
    print(f"tryon {__version__}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import examine

    with quiet(options.debug):
        findings = examine()
    for finding in findings:
        say(f"{finding.mark}: {finding.text}", sys.stdout)
    return DependencyError.exit_code if any(finding.broken for finding in findings) else 0


def _infer(options: argparse.Namespace) -> int:
    out = Path(options.out) if options.out is not None else Path(f"{Path(options.person).stem or 'person'}_tryon.png")
    report_path = Path(options.report) if options.report is not None else None
    folder = Path(options.explain) if options.explain is not None else None
    _check_targets(options, out, report_path, folder)
    if options.weights is not None:
        os.environ["TRYON_WEIGHTS"] = options.weights

    from . import imageio

    try:
        with quiet(options.debug):
            from .pipeline import TryOn

            try_on = TryOn(engine=options.engine, threads=options.threads)
            result = try_on(
                options.person,
                options.garment[0] if len(options.garment) == 1 else options.garment,
                category=options.category,
                person_box=options.person_box,
                explain=folder is not None,
                **_further(options),
            )
    except TryOnError as error:
        if report_path is not None:
            failure = {"code": error.code, "message": error.message, "remedy": error.remedy}
            imageio.atomic_write(report_path, to_json({"status": "error", "error": failure}))
        raise
    if folder is not None:
        from .explain import write_explain

        write_explain(folder, result.explain)
    imageio.save(out, result.image)
    if report_path is not None:
        imageio.atomic_write(report_path, to_json(result.report))
    for warning in result.report.get("warnings", ()):
        say(f"tryon: warning: {warning['message']}", sys.stderr)
    quality = result.report.get("quality")
    quality_text = "" if quality is None else f", quality {float(quality):.2f}"
    say(f"wrote {out} (engine {result.report.get('engine', options.engine)}{quality_text})", sys.stdout)
    return 0


def _further(options: argparse.Namespace) -> dict[str, bool]:
    """Options of `TryOn.__call__` that are named only if they are asked for."""
    if options.tuck and len(options.garment) < 2:
        raise UsageError("--tuck needs a top and trousers or a skirt.", "Give --garment twice.")
    return {name: True for name in ("worn", "tuck", "bare_neck") if getattr(options, name)}


def _check_targets(options: argparse.Namespace, out: Path, report: Path | None, folder: Path | None) -> None:
    """Refuse what can't be written, or would overwrite an input, before anything is computed."""
    from . import imageio

    imageio.format_for(out)
    imageio.check_folder(out)
    targets = [out]
    if report is not None:
        imageio.check_folder(report)
        targets.append(report)
    inputs = [identity(Path(name)) for name in (options.person, *options.garment)]
    for target in targets:
        if identity(target) in inputs:
            raise UsageError(f"{target} is one of the inputs.", "Choose another name for the output.")
    if len({identity(target) for target in targets}) < len(targets):
        raise UsageError("--out and --report name the same file.", "Choose two names.")
    if folder is not None:
        try:
            folder.mkdir(exist_ok=True)
        except (OSError, ValueError) as error:
            raise OutputError(f"The folder {folder} can't be made.", "Choose another place for --explain.") from error
        imageio.check_folder(folder / "edit_mask.png")
