"""`python -m stillwatch.cli`: the command line, of the interpreter that runs."""

from stillwatch.cli import main

main()
