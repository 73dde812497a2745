"""The root of every error, and the three branches by who must act."""


class TaskorchError(Exception):
    """The root of every error raised by taskorch. All of them can be copied and pickled."""

    def __reduce__(self) -> tuple[object, ...]:
        # The constructors take data, not the message that the default would call them with.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[TaskorchError], args: tuple[object, ...], data: dict[str, object]) -> TaskorchError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(data)
    return error


class CallerError(TaskorchError):
    """A request that cannot be carried out as it was made."""


class OperatorError(TaskorchError):
    """Something around the program is broken: a store, a worker, a machine."""


_MOST = 200


def quoted(name: str) -> str:
    """The name of a file as messages quote it: whole, unless it is longer than any that people would read."""
    return name if len(name) <= _MOST else f"…{name[-120:]}"
