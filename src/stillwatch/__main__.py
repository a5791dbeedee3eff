"""`python -m stillwatch`, and what `spark-submit` is given."""

from stillwatch.cli import main

main()
