"""`python -m adfast`: the command line, where no script of its name is on the path."""

from adfast.cli import main

main()
