"""A real SMTP server on loopback, which keeps what it is sent."""

from contextlib import contextmanager
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller


class Inbox:
    """`mails` are the messages in the order of their arrival; `refusal` answers instead."""

    def __init__(self):
        self.mails = []
        self.refusal = None

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - as aiosmtpd has it
        if self.refusal:
            return self.refusal
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def receiving(port):
    """Take mails on this port."""
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox
    controller.stop()


def mail_settings(port):
    """The settings by which mails go there."""
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "smtp_from": "leadloop@example.com",
        "public_url": "https://leads.example.com",
    }
