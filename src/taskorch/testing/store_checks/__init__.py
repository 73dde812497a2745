"""The checks of ``check_store`` by subject: a fresh store is given to each, and its docstring is the rule."""
