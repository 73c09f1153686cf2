"""The questions that the benchmarks answer, one module each; benchmarks/run.py asks them all and writes the page.

A question is a module of this package with

    measure(options) -> dict      what was found, as JSON can hold it; "rows" is a list with one dict a row
    markdown(result) -> str       its section of docs/benchmarks.md, from "## Title" on; result is what measure returned
    plot(result, folder)          optional: writes PNG files into folder (matplotlib); markdown links them as
                                  benchmarks/NAME.png
    text(result) -> str           optional: what is printed when the question is asked alone; default: markdown
    arguments(parser)             optional: adds options of its own to an argparse parser

options has `quick` (bool: a short form, less exact) and `peers` (a tuple of names, or None for all), and what
`arguments` added. A peer that is missing or fails is a row with the key "reason" (a line of text), never an
exception. Each module starts and ends so, and then runs alone, too (`python benchmarks/questions/step.py --quick`):

    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # as a script it finds its neighbours
    from benchmarks import command
    ...
    if __name__ == "__main__":
        command.main(__file__)

`command.main` parses the options, measures, keeps the result with its date and environment in
runs/benchmarks/QUESTION.json, and prints the section.
"""

#: In the order of the page.
QUESTIONS = ("step", "epoch", "prediction", "accuracy", "scaling", "costs", "weight", "threads")
