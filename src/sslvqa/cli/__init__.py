"""The command line: thin functions over the package, one command group a file."""
