"""The commands of `flask`: one module for each group, its `COMMANDS` are registered by livequal.cli.

Exit codes: 0 success, 2 usage, 1 failure with one line on standard error. Results go to standard output, all else
to standard error.
"""
