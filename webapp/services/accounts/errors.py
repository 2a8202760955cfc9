"""Why somebody is not let in, or an account cannot be as asked."""

from datetime import datetime

from ml.sentences import gettext


class AccountError(ValueError):
    """An account cannot be made or changed as asked."""


class AccountNotFound(LookupError):
    """No account has this number."""

    def __init__(self, key: int) -> None:
        super().__init__(gettext("Account %(key)s not found", key=str(key)))
        self.key = key


class SessionNotFound(LookupError):
    """The person is not signed in there, or no longer."""

    def __init__(self) -> None:
        super().__init__(gettext("That device is signed out already"))


class WrongSignIn(ValueError):
    """Nobody was let in: one answer, whatever the reason, so that it tells nothing of accounts."""

    def __init__(self) -> None:
        super().__init__(
            gettext("The e-mail address or the password is wrong, or there were too many tries.")
        )


class TooManyTries(RuntimeError):
    """This caller has tried too many wrong passwords; `until` says when to try again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(gettext("There were too many wrong passwords from your network"))
        self.until = until


class TooManySignIns(RuntimeError):
    """More passwords are being checked at this moment than the machine can bear."""

    def __init__(self) -> None:
        super().__init__(gettext("Too many people are signing in at this moment"))
